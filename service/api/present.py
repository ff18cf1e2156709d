"""Our values as the contract's JSON. The shapes' other half: shapes.py documents what is built here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from metering.meter import Reading
from service.access.readers import ReaderState
from service.billing.cancellations import Cancellation
from service.billing.checkouts import Checkout
from service.domain.catalog import Catalog, Plan
from service.domain.decision import Wall
from service.domain.entitlement import Entitlement
from service.domain.money import Money
from service.domain.notices import Notice, notices_from
from service.domain.plan_changes import PlanChange
from service.exemptions.gifts import Gift, GiftBox
from service.exemptions.links import SignedLink
from webhooks.snapshot import SubscriptionFacts


def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC, ending in `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def maybe_instant(at: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, or None."""
    return None if at is None else instant(at)


def meter(reading: Reading | None, zone: ZoneInfo) -> dict[str, Any] | None:
    """Return the meter; more may have been read than the limit (linked, or lowered), and 3 of 1 is never shown."""
    if reading is None:
        return None
    spent = reading.spent
    return {
        "limit": reading.limit,
        "used": spent,
        "remaining": reading.limit - spent,
        "window": reading.window.kind,
        "resets_at": reading.window.ends_at.astimezone(zone).isoformat(),
    }


def entitlement(found: Entitlement | None) -> dict[str, Any] | None:
    """Return the entitlement, or None where there is none."""
    if found is None:
        return None
    return {
        "plan": found.plan,
        "features": list(found.features),
        "until": maybe_instant(found.until),
        "renews": found.renews,
    }


def reader(state: ReaderState, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Return the answer to `GET /v1/readers/{reader_id}`; an entitlement not in force at business `now` is none."""
    in_force = state.entitlement.grants_at(now)
    return {
        "reader_id": state.reader_id,
        "status": state.entitlement.status.value,
        "entitlement": entitlement(state.entitlement) if in_force else None,
        "subscription": subscription(state.subscription) if state.subscription else None,
        "meter": meter(state.reading, zone),
        "trial_eligible": state.trial.eligible,
        "trial_reason": state.trial.reason.value,
        "notices": [_notice(each) for each in notices_from(state.snapshot, now)],
    }


def _notice(told: Notice) -> dict[str, Any]:
    return {
        "id": told.id,
        "kind": told.kind.value,
        "at": maybe_instant(told.at),
        "amount": told.amount.to_json(),
        "pay_url": told.pay_url,
    }


def gift(given: Gift) -> dict[str, Any]:
    """Return one gift."""
    return {
        "token": given.token,
        "article": given.article_id,
        "given_at": instant(given.given_at),
        "expires_at": instant(given.expires_at),
    }


def gift_box(box: GiftBox, zone: ZoneInfo) -> dict[str, Any]:
    """Return what is left to give."""
    resets_at = box.resets_at.astimezone(zone).isoformat()
    return {"per_month": box.per_month, "remaining": box.remaining, "resets_at": resets_at}


def signed_link(link: SignedLink) -> dict[str, Any]:
    """Return the answer to `POST /v1/links`."""
    return {
        "token": link.token,
        "article": link.article_id,
        "label": link.label,
        "expires_at": instant(link.expires_at),
    }


def subscription(facts: SubscriptionFacts) -> dict[str, Any]:
    """Return one subscription as Stripe last told it."""
    return {
        "id": facts.id,
        "status": facts.status,
        "plan": facts.plan,
        "price": Money(facts.amount_minor, facts.currency).to_json(),
        "interval": facts.interval,
        "created_at": instant(facts.created_at),
        "trial_ends_at": maybe_instant(facts.trial_end_at),
        "period_ends_at": maybe_instant(facts.period_end_at),
        "cancels_at": maybe_instant(cancels_at(facts)),
        "ended_at": maybe_instant(facts.ended_at),
    }


def cancels_at(facts: SubscriptionFacts) -> datetime | None:
    """Return when it ends by its own cancellation, whichever of Stripe's two shapes says so."""
    return facts.cancel_at or (facts.period_end_at if facts.cancel_at_period_end else None)


def checkout(found: Checkout) -> dict[str, Any]:
    """Return the answer to `POST /v1/checkouts`."""
    return {
        "id": found.id,
        "url": found.url,
        "expires_at": instant(found.expires_at),
        "trial": found.trial.to_json(),
        "disclosure": found.disclosure.to_json() | {"first_charge_at": instant(found.disclosure.first_charge_at)},
    }


def cancellation(found: Cancellation) -> dict[str, Any]:
    """Return the answer to `POST /v1/readers/{reader_id}/cancellation`."""
    return {
        "access_until": instant(found.access_until),
        "final": _final(found),
        "undo_until": instant(found.undo_until),
    }


def _final(found: Cancellation) -> str:
    if found.at_once:
        return "access has ended, no further charge"
    if found.still_due is not None:
        return f"no renewal; {found.still_due.display} is still due"
    return "no further charge"


def plan_change(found: PlanChange, *, preview: bool) -> dict[str, Any]:
    """Return the answer to `POST /v1/readers/{reader_id}/plan-changes`."""
    return {
        "plan": found.plan,
        "preview": preview,
        "quoted_at": instant(found.quoted_at),
        "due_now": found.due_now.to_json(),
        "credit": found.credit.to_json(),
        "renewal": found.renewal.to_json(),
        "renews_at": instant(found.renews_at),
        "lines": [{"description": each.description, "amount": each.amount.to_json()} for each in found.lines],
    }


def plans(catalog: Catalog) -> dict[str, Any]:
    """Return the answer to `GET /v1/plans`."""
    return {
        "publication": catalog.publication,
        "version": catalog.version,
        "meter": {
            "headline": catalog.meter.headline,
            "headline_reader": catalog.meter.headline_reader,
            "window": catalog.meter.window,
            "rolling_days": catalog.meter.rolling_days or None,
            "visitor_limit": catalog.meter.limit_visitor,
            "reader_limit": catalog.meter.limit_reader,
        },
        "features": [{"id": each.id, "label": each.label, "badge": each.badge} for each in catalog.features],
        "plans": [_plan(each) for each in catalog.plans],
        "cancel_line": catalog.cancel_line,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "label": plan.label,
        "badge": plan.badge,
        "price": plan.price.to_json(),
        "interval": plan.interval,
        "trial_days": plan.trial_days,
        "terms": plan.terms,
        "features": list(plan.features),
        "saving": _saving(plan),
    }


def _saving(plan: Plan) -> dict[str, Any] | None:
    if plan.saving is None:
        return None
    return plan.saving.to_json() | {"against": plan.saving_against, "text": plan.saving_text}


def wall(found: Wall | None) -> dict[str, Any] | None:
    """Return the wall, or None where there is none."""
    if found is None:
        return None
    return {"kind": str(found.kind), "offers": list(found.offers), "trial_eligible": found.trial_eligible}
