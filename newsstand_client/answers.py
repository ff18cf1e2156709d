"""What Newsstand answers, as frozen dataclasses named and shaped like its JSON.

Fields that a newer service adds are ignored; a field that is missing, or of another type, makes the answer unreadable.
Instants are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Money:
    """`amount` is in the currency's minor unit; `display` is for people."""

    amount: int
    currency: str
    display: str


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Distinct articles read in this window, of those that are free."""

    limit: int
    used: int
    remaining: int
    window: str
    resets_at: datetime


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """What a subscriber, trial or courtesy brings, told until `until`; `renews` says whether it then goes on."""

    plan: str | None
    features: tuple[str, ...]
    until: datetime | None
    renews: bool


@dataclass(frozen=True, kw_only=True)
class Wall:
    """What to show when refused: `kind` is `register` or `subscribe`; `offers` are plans' ids."""

    kind: str
    offers: tuple[str, ...]
    trial_eligible: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """May this reader read this article?

    `visitor_id` is to be set as a cookie when it is new. `fallback` is None when Newsstand answered; otherwise it says
    why it did not (`timeout`, `refused`, a problem's code), and the answer is this client's own policy.
    """

    granted: bool
    reason: str
    counted: bool
    visitor_id: str | None
    meter: Meter | None
    entitlement: Entitlement | None
    wall: Wall | None
    degraded: str | None
    fallback: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The answers to one batch, in the order asked."""

    decisions: tuple[Decision, ...]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One thing that a subscription brings."""

    id: str
    label: str
    badge: str | None


@dataclass(frozen=True, kw_only=True)
class Saving(Money):
    """What a plan saves against the plan `against`."""

    against: str
    text: str | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One plan on offer; `trial_days` is 0 without a trial."""

    id: str
    label: str
    badge: str | None
    price: Money
    interval: str
    trial_days: int
    terms: str
    features: tuple[str, ...]
    saving: Saving | None


@dataclass(frozen=True, kw_only=True)
class OfferMeter:
    """The free allowance and the wall's headlines, for a visitor and for a signed-in reader.

    `rolling_days` is a rolling window's length, and None for any other.
    """

    headline: str
    headline_reader: str
    window: str
    visitor_limit: int
    reader_limit: int
    rolling_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """All that a wall shows."""

    publication: str
    version: str
    meter: OfferMeter
    features: tuple[Feature, ...]
    plans: tuple[Plan, ...]
    cancel_line: str

    def plan(self, plan_id: str) -> Plan | None:
        """Return the plan of this id, or None when it is not on offer."""
        return next((each for each in self.plans if each.id == plan_id), None)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Whether this reader gets the plan's trial, and why."""

    eligible: bool
    days: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What a reader is to be told before paying."""

    due_today: Money
    first_charge: Money
    first_charge_at: datetime
    renewal: str
    cancel: str


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """An open checkout: show the disclosure, then send the reader to `url`."""

    id: str
    url: str
    expires_at: datetime
    trial: Trial
    disclosure: Disclosure


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription as Stripe last told it."""

    id: str
    status: str
    plan: str | None
    price: Money
    interval: str | None
    created_at: datetime
    trial_ends_at: datetime | None
    period_ends_at: datetime | None
    cancels_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What to tell a reader now: `trial_ends`, `renews` or `payment_due`. Send one mail for each `id`.

    `at` is when the charge is made or tried again; `pay_url` is where a payment that is due can be made.
    """

    id: str
    kind: str
    at: datetime | None
    amount: Money
    pay_url: str | None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader's state; an unknown reader's `status` is `none`."""

    reader_id: str
    status: str
    entitlement: Entitlement | None
    subscription: Subscription | None
    meter: Meter | None
    trial_eligible: bool
    trial_reason: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckoutOutcome:
    """Where a checkout stands: `open`, `complete` or `expired`; and its reader."""

    status: str
    reader: Reader


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Access stays until `access_until`; until `undo_until` the cancellation can be undone.

    `final` are words for the reader: no further charge, access that has ended with it, or what is still due.
    """

    access_until: datetime
    final: str
    undo_until: datetime


@dataclass(frozen=True, kw_only=True)
class Gift:
    """An article given away: put `token` into its address, and hand it back as `gift` of a decision."""

    token: str
    article: str
    given_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class GivenGift(Gift):
    """A gift just made (or made before), and what its giver may still give until `resets_at`."""

    per_month: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, kw_only=True)
class Gifts:
    """What a reader may still give until `resets_at`, and the gifts that are open now, the newest first."""

    per_month: int
    remaining: int
    resets_at: datetime
    data: tuple[Gift, ...]


@dataclass(frozen=True, kw_only=True)
class SignedLink:
    """A link that opens one article: put `token` into its address, and hand it back as `link` of a decision."""

    token: str
    article: str
    label: str
    expires_at: datetime


def read(shape: type[T], value: object) -> T:
    """Return the JSON `value` as a `shape` (a dataclass); raise ValueError where it does not fit."""
    return cast(T, _read(shape, value))


def _read(hint: Any, value: object) -> object:
    if get_origin(hint) is UnionType:
        (inner,) = (each for each in get_args(hint) if each is not NoneType)
        return None if value is None else _read(inner, value)
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], each) for each in _expect(list, value))
    if is_dataclass(hint):
        return _read_fields(cast(type, hint), _expect(dict, value))
    if hint is datetime:
        return _instant(_expect(str, value))
    return _expect(hint, value)


def _read_fields(shape: type, value: Mapping[str, object]) -> object:
    hints = _hints(shape)
    missing = [each.name for each in fields(shape) if each.name not in value and each.default is MISSING]
    if missing:
        raise ValueError(f"{shape.__name__} without {missing[0]}")
    known = {each.name for each in fields(shape)} & value.keys()
    return shape(**{name: _read(hints[name], value[name]) for name in known})


@cache
def _hints(shape: type) -> dict[str, Any]:
    return get_type_hints(shape)


def _expect(kind: type[T], value: object) -> T:
    if type(value) is not kind:  # not isinstance: True is no number
        raise ValueError(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant without its offset")
    return instant
