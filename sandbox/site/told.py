"""What readers are told: their state in one sentence, dates, and what happened while the clock went forward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from newsstand_client import Cancellation, Money, Plan, Reader

ZONE = ZoneInfo("Europe/Paris")
"""The publication's, as in plans.yaml: a day is the reader's newspaper's day."""


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """One of a reader's invoices at Stripe. `failed` when it is open because the card was refused."""

    id: str
    created_at: datetime
    paid_minor: int
    due_minor: int
    currency: str
    failed: bool


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A reader's life as it stood at `now`. Without a reader, only the meter's next window is known."""

    now: datetime
    reader: Reader | None
    invoices: tuple[Invoice, ...]
    window_ends_at: datetime | None


def day(instant: datetime) -> str:
    """Return `22 November 2026`."""
    local = instant.astimezone(ZONE)
    return f"{local.day} {local:%B %Y}"


def price_terms(plan: Plan, *, trial_eligible: bool) -> str:
    """Return the plan's own terms, or without its trial for a reader who had one."""
    if plan.trial_days == 0 or trial_eligible:
        return plan.terms
    return f"{plan.price.display} per {plan.interval}"


def plan_label(plan: Plan, *, trial_eligible: bool) -> str:
    """Return the plan's own label, or what it is without its trial."""
    if plan.trial_days == 0 or trial_eligible:
        return plan.label
    return {"month": "Monthly Access", "year": "Annual Access"}.get(plan.interval, plan.label)


def state_sentence(reader: Reader) -> str:
    """Return the reader's state in one sentence."""
    rate = _rate(reader)
    until = day(reader.entitlement.until) if reader.entitlement and reader.entitlement.until else "further notice"
    sentences = {
        "trialing": f"Your free trial runs until {until}; after that it is {rate}.",
        "active": f"You are a subscriber at {rate}; your subscription renews on {until}.",
        "cancelling": f"You have cancelled: you can read everything until {until}, and nothing more is charged.",
        "grace": f"Your last payment did not go through; you can read on until {until} while we try again.",
        "paused": "Your subscription is paused.",
        "held": "Your subscription is on hold because of a disputed payment.",
        "courtesy": f"You can read everything until {until}, with our compliments.",
        "ended": f"Your subscription ended{_ended(reader)}.",
    }
    if renews_first(reader):
        return f"Your subscription ends on {until}; until then it renews at {rate}."
    return sentences.get(reader.status, "You have no subscription.")


def renews_first(reader: Reader) -> bool:
    """Tell whether an end was set for so far ahead that charges come before it."""
    sold = reader.subscription
    if sold is None or sold.cancels_at is None or sold.period_ends_at is None:
        return False
    return reader.status == "cancelling" and sold.cancels_at > sold.period_ends_at


def cancelled(told: Cancellation, now: datetime) -> str:
    """Return what came of cancelling; where nothing was paid for, nothing is left to read."""
    if told.access_until <= now:
        return f"Cancelled: {told.final}."
    return f"Cancelled. You can read everything until {day(told.access_until)}; {told.final}."


def meanwhile(before: Moment, after: Moment) -> list[str]:
    """Return what happened between two moments of the same reader, in order of time."""
    dated = [*_charges(before, after), *_endings(before, after), *_new_window(before, after)]
    return [text for _, text in sorted(dated)] or [_nothing(after)]


def _charges(before: Moment, after: Moment) -> Iterator[tuple[datetime, str]]:
    known = {each.id for each in before.invoices if each.paid_minor > 0}
    paid_before = bool(known)
    for each in sorted(after.invoices, key=lambda each: each.created_at):
        if each.id in known:
            continue
        if each.paid_minor > 0:
            what = "your subscription renewed" if paid_before else "your free trial was over"
            amount = _amount(each.paid_minor, each.currency)
            yield each.created_at, f"{day(each.created_at)}: {what}, and {amount} was charged."
            paid_before = True
        elif each.failed:
            amount = _amount(each.due_minor, each.currency)
            yield each.created_at, f"{day(each.created_at)}: {amount} could not be charged; we will try again."


def _endings(before: Moment, after: Moment) -> Iterator[tuple[datetime, str]]:
    now = after.reader.subscription if after.reader else None
    then = before.reader.subscription if before.reader else None
    if now and now.ended_at and not (then and then.ended_at and then.id == now.id):
        yield now.ended_at, f"{day(now.ended_at)}: your subscription ended. Nothing more is charged."


def _new_window(before: Moment, after: Moment) -> Iterator[tuple[datetime, str]]:
    began = before.window_ends_at
    reads_freely = after.reader is not None and after.reader.entitlement is not None
    if began and began <= after.now and not reads_freely:
        yield began, f"{day(began)}: a new month began, and your free article is back."


def _nothing(after: Moment) -> str:
    entitled = after.reader is not None and after.reader.entitlement is not None
    return "Nothing was charged; you can read on." if entitled else "Nothing happened to you, and nothing was charged."


def _rate(reader: Reader) -> str:
    subscription = reader.subscription
    return f"{subscription.price.display} per {subscription.interval}" if subscription else "nothing"


def _ended(reader: Reader) -> str:
    ended_at = reader.subscription.ended_at if reader.subscription else None
    return f" on {day(ended_at)}; nothing more is charged" if ended_at else ""


def _amount(minor: int, currency: str) -> str:
    """Return money for people; the service sends its own `display`, Stripe's invoices have none."""
    whole = f"{minor // 100}.{minor % 100:02}"
    return f"${whole}" if currency == "usd" else f"{whole} {currency.upper()}"


def due_now(money: Money) -> str:
    """Return what is due today, in words where it is nothing."""
    return f"Nothing today ({money.display})" if money.amount == 0 else money.display
