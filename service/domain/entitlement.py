"""One rule: who has access, until when, because of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from itertools import chain
from typing import Any

from service.domain.boundaries import next_boundary
from service.domain.holds import counted_invoices
from service.domain.subscriptions import judge
from service.domain.vocabulary import Entitlement, Grant, GrantKind, Hold, Policy, Status
from webhooks.snapshot import CustomerSnapshot

__all__ = [
    "Entitlement",
    "Grant",
    "GrantKind",
    "Hold",
    "Policy",
    "Status",
    "entitlement_from",
    "entitlement_from_json",
    "entitlement_to_json",
    "next_boundary",
    "sold_from",
    "with_given",
]

_CAUSES_BEST_LAST = (GrantKind.GRACE, GrantKind.TRIAL, GrantKind.SUBSCRIPTION)
_REFUSALS_BEST_LAST = (Status.NONE, Status.ENDED, Status.PAUSED, Status.HELD)

_NOBODY = Entitlement(
    status=Status.NONE, cause=None, plan=None, features=(), until=None, horizon=None, renews=False,
    subscription_id=None, rule="no_subscription",
)  # fmt: skip


def entitlement_from(
    snapshot: CustomerSnapshot | None,
    holds: Sequence[Hold],
    grants: Sequence[Grant],
    policy: Policy,
    now: datetime,
) -> Entitlement:
    """Return the entitlement that these facts give at `now`: what was sold, with what staff gave."""
    return with_given(sold_from(snapshot, holds, policy, now), grants, now)


def with_given(sold: Entitlement, grants: Sequence[Grant], now: datetime) -> Entitlement:
    """Return the entitlement with what staff gave beside what was sold.

    A grant in force opens articles when nothing else does, and adds its features when something does. Then nothing in
    it tells of the sale: whoever sells, changes or ends a subscription asks for what was sold.
    """
    given = sorted((grant for grant in grants if grant.in_force(now)), key=lambda grant: grant.until_at, reverse=True)
    best = sold if sold.cause is not None or not given else _courtesy(given[0])
    return replace(best, features=_union(best.features, *(grant.features for grant in given)))


def sold_from(snapshot: CustomerSnapshot | None, holds: Sequence[Hold], policy: Policy, now: datetime) -> Entitlement:
    """Return what Stripe's facts alone give at `now`.

    Of several subscriptions the best one speaks: one that opens articles before one that doesn't, a paid one before
    a trial before grace, then the one that lasts longest; their order does not matter. Subscriptions to foreign
    products (plan None) count for nothing. A hold closes what was sold (one that revokes, the one subscription whose
    charge is gone).
    """
    ours = [each for each in snapshot.subscriptions if each.plan is not None] if snapshot else []
    if snapshot is None or not ours:
        return _NOBODY
    if snapshot.deleted:  # deletion cancels every subscription at Stripe
        return replace(_NOBODY, status=Status.ENDED, rule="customer_deleted")
    invoices = counted_invoices(snapshot, holds)
    judged = (judge(each, invoices, snapshot.fetched_at, policy, now) for each in ours)
    return max((_held(each, holds) for each in judged), key=_goodness)


def entitlement_to_json(entitlement: Entitlement) -> dict[str, Any]:
    """Return the entitlement as JSON values, instants as RFC 3339: what is stored, and what a pass carries."""
    found = asdict(entitlement) | {"features": list(entitlement.features)}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def entitlement_from_json(value: dict[str, Any]) -> Entitlement:
    """Return the entitlement that `entitlement_to_json` wrote."""
    plain = {field.name: value[field.name] for field in fields(Entitlement)}
    return Entitlement(
        **plain
        | {
            "status": Status(plain["status"]),
            "cause": None if plain["cause"] is None else GrantKind(plain["cause"]),
            "features": tuple(plain["features"]),
            "until": _instant(plain["until"]),
            "horizon": _instant(plain["horizon"]),
        }
    )


def _goodness(entitlement: Entitlement) -> tuple[bool, int, bool, float, float, str]:
    """Return what to compare by; the id makes the order total, so that Stripe's order of listing is irrelevant."""
    cause, horizon, until = entitlement.cause, entitlement.horizon, entitlement.until
    return (
        cause is not None,
        _REFUSALS_BEST_LAST.index(entitlement.status) if cause is None else _CAUSES_BEST_LAST.index(cause),
        horizon is None,
        horizon.timestamp() if horizon else 0.0,
        until.timestamp() if until else 0.0,
        entitlement.subscription_id or "",
    )


def _held(sold: Entitlement, holds: Sequence[Hold]) -> Entitlement:
    blocking = next((hold for hold in holds if hold.closes(sold.subscription_id)), None)
    if blocking is None or sold.cause is None:
        return sold
    return replace(sold, status=Status.HELD, cause=None, features=(), renews=False, rule=f"held_{blocking.kind}")


def _courtesy(grant: Grant) -> Entitlement:
    return Entitlement(
        status=Status.COURTESY, cause=grant.kind, plan=None, features=grant.features, until=grant.until_at,
        horizon=grant.until_at, renews=False, subscription_id=None, rule=f"given_{grant.kind}",
    )  # fmt: skip


def _union(*features: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(features)))


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
