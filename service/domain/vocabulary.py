"""The words of access: status, grants, holds, policy, and the entitlement they add up to. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


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


class RepeatedCard(StrEnum):
    """What becomes of a trial begun with a card that had another reader's trial."""

    END_TRIAL = "end_trial"
    CANCEL = "cancel"
    ALLOW = "allow"


class EarlyWarning(StrEnum):
    """What becomes of a payment that its issuer warns of as fraud: held while that can be acted on, or given back."""

    HOLD = "hold"
    REFUND = "refund"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Access given by staff (or as a gift) from `from_at` until `until_at`, independent of Stripe."""

    kind: GrantKind
    features: tuple[str, ...]
    from_at: datetime
    until_at: datetime
    reason: str

    def in_force(self, now: datetime) -> bool:
        """Tell whether the grant opens articles at `now`."""
        return self.from_at <= now < self.until_at


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A cause against access: an open dispute, a fraud warning, a charge refunded whole.

    One that `revokes` takes back what its invoice had paid for, and closes that subscription alone; any other that
    `blocks` closes all that Stripe sold.
    """

    kind: str
    blocks: bool
    from_at: datetime
    released_at: datetime | None
    revokes: bool = False
    invoice_id: str | None = None
    subscription_id: str | None = None

    def closes(self, subscription_id: str | None) -> bool:
        """Tell whether the hold closes what this subscription would open.

        No clock is asked: Stripe's may be ahead of ours, and what it has told of, or taken back, has happened.
        """
        concerned = not self.revokes or self.subscription_id == subscription_id
        return self.blocks and self.released_at is None and concerned


@dataclass(frozen=True, kw_only=True)
class Release:
    """Staff's word that a hold closes nothing, from a business instant on, as long as it is what it was then.

    A dispute released while undecided (`revokes` False) closes anew, as another thing, when it is lost.
    """

    hold_id: str
    revokes: bool
    released_at: datetime


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The publication's terms: how long access outlasts a payment, and which features each plan carries.

    A plan that is no longer sold is missing from `plan_features`; its subscribers have `subscriber_features`.
    """

    renewal_slack: timedelta = timedelta(hours=2)
    grace_renewal: timedelta = timedelta(days=7)
    grace_first_payment: timedelta = timedelta(0)
    full_refund_revokes: bool = True
    repeated_card: RepeatedCard = RepeatedCard.END_TRIAL
    early_warning: EarlyWarning = EarlyWarning.HOLD
    fraud_hold: timedelta = timedelta(days=120)
    subscriber_features: tuple[str, ...] = ()
    plan_features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def features_of(self, plan: str | None) -> tuple[str, ...]:
        """Return what a subscriber of `plan` may use."""
        return self.plan_features.get(plan or "", self.subscriber_features)


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
