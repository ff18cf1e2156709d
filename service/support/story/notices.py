"""A notice in a sentence: what the reader is to know, and what the site was told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.money import Money
from service.domain.notices import NoticeKind, notices_from
from service.support.story.dates import Dates
from webhooks.snapshot import CustomerSnapshot

NOTICE_MEANS = "The site asked, and learned it; the mail or banner is the site's own."


@dataclass(frozen=True, kw_only=True)
class ShownNotice:
    """What a reader is to be told now; `told_at` (wall time) is None while the site has not asked."""

    says: str
    pay_url: str | None
    told_at: datetime | None


def notices_shown(
    snapshot: CustomerSnapshot | None, told: Sequence[Mapping[str, Any]], zone: ZoneInfo, now: datetime
) -> list[ShownNotice]:
    """Return what is to be told at business `now`, and since when the site knows, by the rows of what it learned."""
    since, dates = {row["id"]: row["told_at"] for row in told}, Dates(zone, now)
    return [
        ShownNotice(
            says=f"{_capitalized(_said(each.kind, each.at, each.amount, dates))}.",
            pay_url=each.pay_url, told_at=since.get(each.id),
        )
        for each in notices_from(snapshot, now)
    ]  # fmt: skip


def notice_told(row: Any, dates: Dates) -> str:
    """Return what the site was told, ending in a full stop; `row` is one of what it learned."""
    said = _said(NoticeKind(row.kind), row.due_at, Money(row.amount_minor, row.currency), dates)
    return f"The site was told to say: {said}."


def _said(kind: NoticeKind, at: datetime | None, amount: Money, dates: Dates) -> str:
    sentence = _NEVER_AGAIN if at is None else _SAYS[kind]
    return sentence.format(amount=amount.display, day=dates.day(at))


def _capitalized(said: str) -> str:
    return said[0].upper() + said[1:]


_SAYS = {
    NoticeKind.TRIAL_ENDS: "the trial ends on {day}, and {amount} is charged then",
    NoticeKind.RENEWS: "the subscription renews on {day}, for {amount}",
    NoticeKind.PAYMENT_DUE: "a payment of {amount} did not go through, and is tried again on {day}",
}
_NEVER_AGAIN = "a payment of {amount} did not go through, and is not tried again by itself"
