"""`/v1/support/accounts`: find an account, and see it whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from service.api import present, schemas, support_shapes
from service.api.cursors import after, cursor_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant, maybe_instant
from service.api.services import Services
from service.domain.money import Money
from service.errors import NotFound
from service.store.api_keys import Scope
from service.support.accounts import AccountDetail, AccountQuery
from service.support.audit import Audited


def search_accounts(services: Services, call: Call) -> Reply:
    """Return a page of the accounts that match."""
    query = AccountQuery(
        prefix=call.query.get("q"),
        status=call.query.get("status"),
        plan=call.query.get("plan"),
        after=after(call.query.get("cursor")),
    )
    page = services.accounts.search(query)
    call.trail.about(*(each.reader_id for each in page.accounts))
    following = cursor_of(page.next_after) if page.next_after else None
    return answer(200, {"data": [asdict(each) for each in page.accounts], "next": following})


def show_account(services: Services, call: Call) -> Reply:
    """Return one account whole."""
    found = services.accounts.detail(call.path["reader_id"])
    if found is None:
        raise NotFound("There is no account of this reader.", code="no_account")
    state = services.readers.state(found.reader_id)
    return answer(200, _account(found, present.reader(state, services.catalog.zone, services.business_clock())))


def _account(found: AccountDetail, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "reader_id": found.reader_id,
        "email": found.email,
        "customer_id": found.customer_id,
        "created_at": instant(found.created_at),
        "state": state,
        "subscriptions": [_subscription(row) for row in found.subscriptions],
        "invoices": [_invoice(row) for row in found.invoices],
        "grants": [_grant(row) for row in found.grants],
        "holds": [_hold(row) for row in found.holds],
        "trial_ledger": [_trial(row) for row in found.trial_ledger],
        "meter": state["meter"],
    }


def _subscription(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "plan": row["plan"],
        "price_id": row["price_id"],
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


def _trial(row: Mapping[str, Any]) -> dict[str, Any]:
    """The identity itself is a hash or a fingerprint, which tells nobody anything."""
    same = {name: row[name] for name in ("kind", "subscription_id")}
    return same | {"recorded_at": instant(row["created_at"])}


SEARCH_ACCOUNTS = Operation(
    method="GET",
    path="/v1/support/accounts",
    name="search_accounts",
    tag="For support",
    summary="Find accounts",
    description="`q` is how an e-mail address, a reader, customer, subscription or invoice id begins.",
    access=Scope.SUPPORT_READ,
    view=search_accounts,
    query_schema=schemas.AccountsQuery,
    answers={200: support_shapes.AccountList},
    problems=("database_unavailable",),
    slow=True,
    audited=Audited(act="accounts.search"),
)

SHOW_ACCOUNT = Operation(
    method="GET",
    path="/v1/support/accounts/{reader_id}",
    name="show_account",
    tag="For support",
    summary="One account whole",
    description="State, subscriptions, the newest 100 invoices, grants, holds, the trial ledger, and the meter.",
    access=Scope.SUPPORT_READ,
    view=show_account,
    path_schema=schemas.ReaderPath,
    answers={200: support_shapes.Account},
    problems=("no_account", "database_unavailable"),
    slow=True,
    audited=Audited(act="account.read"),
)
