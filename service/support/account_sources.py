"""Where each part of an account comes from, as of when, and what is in the way: nobody should have to guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from service.access.readers import ReaderState
from service.support.accounts import AccountDetail

FROM_STRIPE = ("state", "subscriptions", "invoices", "holds")
OURS = (
    "grants",
    "fraud_warnings",
    "refunds",
    "trial_ledger",
    "visitors",
    "consents",
    "gifts",
    "notes",
    "merges",
    "notices_told",
)


class Origin(StrEnum):
    STRIPE = "stripe"
    RECORD = "record"
    REDIS = "redis"


@dataclass(frozen=True, kw_only=True)
class Source:
    """`as_of` is business time, None for what was never fetched; `trouble` is a sentence, None when all is well."""

    origin: Origin
    as_of: datetime | None
    trouble: str | None = None
    more: bool = False
    """Whether there are more rows than the newest `ROWS_SHOWN`, which are shown."""

    def to_json(self) -> dict[str, Any]:
        as_of = None if self.as_of is None else self.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"origin": self.origin.value, "as_of": as_of, "trouble": self.trouble, "more": self.more}


def sources_of(found: AccountDetail, state: ReaderState, now: datetime) -> Mapping[str, Source]:
    """Return the source of every part, read at business `now`."""
    stripe = Source(origin=Origin.STRIPE, as_of=found.fetched_at, trouble=_stripe_trouble(found))
    record = Source(origin=Origin.RECORD, as_of=now)
    redis = Source(origin=Origin.REDIS, as_of=now)
    if state.reading is None:
        redis = Source(
            origin=Origin.REDIS, as_of=None,
            trouble="Redis does not answer, so nobody can say now what was read. Access is not affected by that here.",
        )  # fmt: skip
    holds = replace(stripe, trouble=stripe.trouble or _charged_while_held(found))
    whole = replace(stripe, trouble=_unbound(found) or stripe.trouble)
    sources = dict.fromkeys(FROM_STRIPE, stripe) | dict.fromkeys(OURS, record)
    sources |= {"meter": redis, "holds": holds, "state": whole}
    cut = {"consents" if name == "checkouts" else name for name in found.more}
    return sources | {part: replace(sources[part], more=True) for part in cut}


def _unbound(found: AccountDetail) -> str | None:
    if not found.unbound:
        return None
    customers = ", ".join(found.unbound)
    return (
        f"At Stripe this reader is named by another customer as well ({customers}), who pays for a plan: that opens "
        "nothing here. End that subscription at Stripe, and give its payment back."
    )


def _charged_while_held(found: AccountDetail) -> str | None:
    """Tell of a payment that came after a hold had begun that still closes what it paid for."""
    closing = [each for each in found.holds if each["blocks"] and each["released_at"] is None]
    charged = [each for each in found.invoices if each["paid_at"] and any(_came_before(hold, each) for hold in closing)]
    if not charged:
        return None
    ids = ", ".join(each["id"] for each in charged)
    return f"Charged while access is held ({ids}): give the payment back, or release the hold."


def _came_before(hold: Mapping[str, Any], invoice: Mapping[str, Any]) -> bool:
    concerned = not hold["revokes"] or hold["subscription_id"] == invoice["subscription_id"]
    return bool(concerned and invoice["amount_paid_minor"] and hold["from_at"] < invoice["paid_at"])


def _stripe_trouble(found: AccountDetail) -> str | None:
    if found.customer_id is None:
        return "This reader never began a checkout: Stripe has nothing on them."
    if found.sync_failure is not None:
        return f"The last look at Stripe failed ({found.sync_failure}); what is shown is from the one before."
    if found.fetched_at is None:
        return "Stripe was not asked yet; sync now to see."
    return None
