"""One account as support's JSON; `support_shapes` documents what is built here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.access.readers import ReaderState
from service.api import present
from service.api.present import instant, maybe_instant
from service.domain.account_sentence import sentence, warning
from service.domain.money import Money
from service.domain.outstanding import still_due
from service.support.account_sources import sources_of
from service.support.accounts import AccountDetail


def present_account(found: AccountDetail, state: ReaderState, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Return the account; `now` is business time."""
    shown = present.reader(state, zone, now)
    card = state.snapshot.card if state.snapshot else None
    due = still_due(state.snapshot, state.subscription)
    return {
        "reader_id": found.reader_id,
        "email": found.email,
        "customer_id": found.customer_id,
        "created_at": instant(found.created_at),
        "sentence": sentence(state.entitlement, state.subscription, card, zone=zone, now=now, due=due),
        "warning": warning(state.snapshot),
        "state": shown,
        "rule": state.entitlement.rule,
        "card": None if card is None else {"brand": card.brand, "last4": card.last4},
        "subscriptions": [_subscription(row) for row in found.subscriptions],
        "invoices": [_invoice(row) for row in found.invoices],
        "grants": [_grant(row) for row in found.grants],
        "holds": [_hold(row) for row in found.holds],
        "fraud_warnings": [_fraud_warning(row) for row in found.fraud_warnings],
        "refunds": [_refund(row) for row in found.refunds],
        "trial_ledger": [_trial(row) for row in found.trial_ledger],
        "meter": shown["meter"],
        "visitors": [
            {"visitor_id": row["visitor_id"], "linked_at": instant(row["linked_at"])} for row in found.visitors
        ],
        "consents": [_checkout(row) for row in found.checkouts] + [_consent(row) for row in found.consents],
        "gifts": [_gift(row) for row in found.gifts],
        "notes": [_note(row) for row in found.notes],
        "notices_told": [_notice_told(row) for row in found.notices_told],
        "merges": [dict(row) | {"merged_at": instant(row["merged_at"])} for row in found.merges],
        "sources": {part: source.to_json() for part, source in sources_of(found, state, now).items()},
    }


def _subscription(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "plan": row["plan"],
        "price_id": row["price_id"],
        "created_at": instant(row["created_at"]),
        "trial_ends_at": maybe_instant(row["trial_end_at"]),
        "period_ends_at": maybe_instant(row["period_end_at"]),
        "cancels_at": maybe_instant(row["cancel_at"]),
        "ended_at": maybe_instant(row["ended_at"]),
        "fetched_at": instant(row["fetched_at"]),
    }


def _invoice(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "subscription_id": row["subscription_id"],
        "status": row["status"],
        "due": Money(row["amount_due_minor"], row["currency"]).to_json(),
        "paid": Money(row["amount_paid_minor"], row["currency"]).to_json(),
        "created_at": instant(row["created_at"]),
        "paid_at": maybe_instant(row["paid_at"]),
        "period_ends_at": maybe_instant(row["period_end_at"]),
        "url": row["hosted_url"],
    }


def _grant(row: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("id", "kind", "features", "reason", "given_by")}
    return same | {
        "from_at": instant(row["from_at"]),
        "until_at": instant(row["until_at"]),
        "revoked_at": maybe_instant(row["revoked_at"]),
    }


def _hold(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "kind", "status", "charge_id", "invoice_id", "subscription_id", "blocks", "revokes")
    return {name: row[name] for name in names} | {
        "amount": Money(row["amount_minor"], row["currency"]).to_json(),
        "from_at": instant(row["from_at"]),
        "released_at": maybe_instant(row["released_at"]),
    }


def _fraud_warning(row: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("warning_id", "charge_id", "attempts", "outcome")}
    return same | {"found_at": instant(row["found_at"]), "settled_at": maybe_instant(row["settled_at"])}


def _notice_told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "at": maybe_instant(row["due_at"]),
        "amount": Money(row["amount_minor"], row["currency"]).to_json(),
        "told_at": instant(row["told_at"]),
    }


def _refund(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "refund_id": row["refund_id"],
        "invoice": row["invoice_id"],
        "amount": Money(row["amount_minor"], row["currency"]).to_json(),
        "reason": row["reason"],
        "asked_by": row["asked_by"],
        "asked_at": instant(row["asked_at"]),
        "outcome": row["outcome"],
    }


def _trial(row: Mapping[str, Any]) -> dict[str, Any]:
    """The identity itself is a hash or a fingerprint, which tells nobody anything."""
    same = {name: row[name] for name in ("kind", "subscription_id")}
    return same | {"recorded_at": instant(row["created_at"])}


def _checkout(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the reader was told before paying; it is agreed to once the checkout is complete."""
    return {
        "kind": "checkout",
        "id": row["id"],
        "plan": row["plan"],
        "outcome": row["status"],
        "at": instant(row["created_at"]),
        "disclosure": row["disclosure"],
        "catalog_version": row["catalog_version"],
    }


def _consent(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "id": str(row["id"]),
        "plan": row["plan"],
        "outcome": row["outcome"],
        "at": instant(row["agreed_at"]),
        "disclosure": row["disclosure"],
        "catalog_version": row["catalog_version"],
    }


def _gift(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "article": row["article_id"],
        "given_at": instant(row["given_at"]),
        "expires_at": instant(row["expires_at"]),
    }


def _note(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "body": row["body"],
        "written_by": row["written_by"],
        "written_at": instant(row["written_at"]),
    }
