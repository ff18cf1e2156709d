"""One rule: who has access, until when, because of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webhooks.snapshot import CustomerSnapshot


class Status(StrEnum):
    """A reader's state, as `GET /v1/readers/{id}` names it."""

    NONE = "none"
    TRIALING = "trialing"
    ACTIVE = "active"
    CANCELLING = "cancelling"
    GRACE = "grace"
    PAUSED = "paused"
    HELD = "held"
    COURTESY = "courtesy"
    ENDED = "ended"


class GrantKind(StrEnum):
    """One cause of an entitlement; each is also a decision's reason."""

    TRIAL = "trial"
    SUBSCRIPTION = "subscription"
    GRACE = "grace"
    COURTESY = "courtesy"
    GIFT = "gift"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Access given by staff (or as a gift) from `from_at` until `until_at`, independent of Stripe."""

    kind: GrantKind
    features: tuple[str, ...]
    from_at: datetime
    until_at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A cause against access: an open dispute, a fraud warning, a full refund of the current period."""

    kind: str
    blocks: bool
    from_at: datetime
    released_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The publication's terms of grace, and which features each plan (None: a plan no longer sold) carries."""

    renewal_slack: timedelta = timedelta(hours=2)
    grace_renewal: timedelta = timedelta(days=7)
    grace_first_payment: timedelta = timedelta(0)
    subscriber_features: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """What a reader may do. Granted while `now < horizon`; a horizon of None lasts until a fetched fact ends it.

    `until` is what people are told (the end of the trial, or of the period paid for); `renews` says whether it
    goes on after that. `rule` names the rule that decided, for support.
    """

    status: Status
    cause: GrantKind | None
    plan: str | None
    features: tuple[str, ...]
    until: datetime | None
    horizon: datetime | None
    renews: bool
    subscription_id: str | None
    rule: str

    def grants_at(self, now: datetime) -> bool:
        """Tell whether this entitlement opens articles at `now`."""
        return self.cause is not None and (self.horizon is None or now < self.horizon)


def entitlement_from(
    snapshot: CustomerSnapshot | None,
    holds: Sequence[Hold],
    grants: Sequence[Grant],
    policy: Policy,
    now: datetime,
) -> Entitlement:
    """Return the entitlement that these facts give at `now`."""
    raise NotImplementedError
