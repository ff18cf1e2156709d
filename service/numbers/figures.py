"""Every figure with its definition: what is shown beside it, and what its test computes by hand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FigureId(StrEnum):
    ACTIVE = "active"
    MRR = "mrr"
    TRIALS = "trials"
    CHURN = "churn"
    FAILED_PAYMENTS = "failed_payments"
    WALLS = "walls"
    ARTICLES = "articles"


class Cohort(StrEnum):
    """By what trials are put together."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `source` is what it is counted from: the record, or the journal of decisions."""

    id: FigureId
    title: str
    definition: str
    source: str


FIGURES = {
    each.id: each
    for each in (
        Figure(
            id=FigureId.ACTIVE,
            title="Subscriptions by plan",
            source="record",
            definition=(
                "Subscriptions that were running at the end of each day (the last day: until now). One is paying from "
                "the end of its trial, or from its beginning if it had none, until Stripe says it has ended; while "
                "Stripe still tries a failed payment it is counted. Those in a trial stand in a column of their own. A "
                "day in the past is counted by the plan that the subscription has today. Paused and unpaid "
                "subscriptions, and courtesy access, are left out."
            ),
        ),
        Figure(
            id=FigureId.MRR,
            title="Monthly recurring revenue",
            source="record",
            definition=(
                "What the paying subscriptions of the figure above pay a month, by their price at Stripe before "
                "discounts, taxes and refunds: a monthly price whole, a yearly one divided by twelve. All are added "
                "up in twelfths of the currency's smallest unit, and rounded once, half up. Each currency is apart."
            ),
        ),
        Figure(
            id=FigureId.TRIALS,
            title="Trials that became subscriptions",
            source="record",
            definition=(
                "Trials by the week (from Monday) or month in which they began. Converted: anything was paid for the "
                "subscription since. Running: the trial has not ended. The rate is converted out of those that no "
                "longer run, so the newest weeks say little yet."
            ),
        ),
        Figure(
            id=FigureId.CHURN,
            title="Churn",
            source="record",
            definition=(
                "Of the subscriptions that were paying when the month began, those that ended in it, whether cancelled "
                "by the reader or for want of payment. One that began and ended within a month is in neither number. "
                "The present month is not over yet."
            ),
        ),
        Figure(
            id=FigureId.FAILED_PAYMENTS,
            title="Failed payments and recoveries",
            source="record",
            definition=(
                "Invoices of subscriptions whose first payment attempt failed, by the day the invoice was made. "
                "Recovered: paid since. Retried: Stripe still tries. Lost: written off, void, or left open by a "
                "subscription that has ended, is unpaid or paused, for which Stripe tries no more."
            ),
        ),
        Figure(
            id=FigureId.WALLS,
            title="Walls met",
            source="journal",
            definition=(
                "How often somebody who asked for an article was refused it and shown a wall, by what the wall asked "
                "for. The same person at the same article twice is two; looks ahead (teasers) are left out."
            ),
        ),
        Figure(
            id=FigureId.ARTICLES,
            title="Articles that led to subscriptions",
            source="journal",
            definition=(
                "For each checkout that ended in a subscription, the last article that this reader, or a browser "
                "linked to them, met a wall at or read as one of the free ones in the 24 hours before the checkout "
                "began. Each checkout counts for one article at most; which one led to it is a guess, this is the "
                "plainest."
            ),
        ),
    )
}
