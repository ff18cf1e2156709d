"""`/v1/support/accounts`: find accounts, see one whole, take a list away, look at Stripe again."""

from __future__ import annotations

from dataclasses import asdict

from service.api import schemas, support_shapes
from service.api.account_queries import note_filter, note_found, query_from
from service.api.cursors import cursor_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant
from service.api.present_account import present_account
from service.api.services import Services
from service.errors import NotFound
from service.store.api_keys import Scope
from service.support.accounts import FoundAccount
from service.support.audit import Audited
from service.support.csv_export import csv_export

CSV_HEADERS = {"Content-Disposition": 'attachment; filename="accounts.csv"', "X-Content-Type-Options": "nosniff"}


def search_accounts(services: Services, call: Call) -> Reply:
    """Return a page of the accounts that match."""
    query = query_from(call.query)
    note_filter(call.trail, query)
    page = services.accounts.search(query)
    note_found(call.trail, page.accounts)
    following = cursor_of(str(page.next_after)) if page.next_after else None
    return answer(200, {"data": [_line(each) for each in page.accounts], "next": following})


def export_accounts(services: Services, call: Call) -> Reply:
    """Return all that match, as they are read."""
    query = query_from(call.query)
    note_filter(call.trail, query)
    call.trail.tell(status=200)  # a stream's first portion is on record before there is an answer to take it from
    lines = csv_export(services.accounts, query, call.trail)
    return Reply(status=200, body="", media_type="text/csv", headers=CSV_HEADERS, stream=lines)


def show_account(services: Services, call: Call) -> Reply:
    """Return one account whole."""
    found = services.accounts.detail(call.path["reader_id"])
    if found is None:
        raise NotFound("There is no account of this reader.", code="no_account")
    state = services.readers.state(found.reader_id)
    return answer(200, present_account(found, state, services.catalog.zone, services.business_clock()))


def sync_account(services: Services, call: Call) -> Reply:
    """Look at Stripe now, and return what the account is then."""
    services.staff_sync.sync(call.path["reader_id"])
    return show_account(services, call)


def _line(found: FoundAccount) -> dict[str, object]:
    return asdict(found) | {"created_at": instant(found.created_at)}


_FOUND_BY = (
    "`q` is how an e-mail address (in any case), a reader, customer, subscription or invoice id begins, or a whole "
    "charge, dispute, refund or visitor id; what matched is told, and orders the list. Without `q` the newest accounts "
    "come first. A payment's id that is not kept here is asked for at Stripe."
)

SEARCH_ACCOUNTS = Operation(
    method="GET",
    path="/v1/support/accounts",
    name="search_accounts",
    tag="For support",
    summary="Find accounts",
    description=_FOUND_BY,
    access=Scope.SUPPORT_READ,
    view=search_accounts,
    query_schema=schemas.AccountsQuery,
    answers={200: support_shapes.AccountList},
    problems=("database_unavailable", "stripe_unavailable"),
    slow=True,
    audited=Audited(act="accounts.search"),
)

EXPORT_ACCOUNTS = Operation(
    method="GET",
    path="/v1/support/accounts.csv",
    name="export_accounts",
    tag="For support",
    summary="Take a list of accounts away, as CSV",
    description=(
        "All that match, not a page of them. A cell that a spreadsheet would compute begins with an apostrophe. "
        "Whose data goes out is in the audit log, portion by portion, before it does."
    ),
    access=Scope.SUPPORT_READ,
    view=export_accounts,
    query_schema=schemas.AccountFilter,
    answers={200: "text/csv"},
    problems=("database_unavailable", "stripe_unavailable"),
    slow=True,
    audited=Audited(act="accounts.export"),
)

SHOW_ACCOUNT = Operation(
    method="GET",
    path="/v1/support/accounts/{reader_id}",
    name="show_account",
    tag="For support",
    summary="One account whole",
    description=(
        "Where it stands in one sentence, and of every kind of row the newest 100. `sources` says of each part where "
        "it comes from, as of when, and what is in the way."
    ),
    access=Scope.SUPPORT_READ,
    view=show_account,
    path_schema=schemas.ReaderPath,
    answers={200: support_shapes.Account},
    problems=("no_account", "database_unavailable"),
    slow=True,
    audited=Audited(act="account.read"),
)

SYNC_ACCOUNT = Operation(
    method="POST",
    path="/v1/support/accounts/{reader_id}/sync",
    name="sync_account",
    tag="For support",
    summary="Look at Stripe again, now",
    description="What Stripe says of the reader's customer is fetched and applied; the account is then shown whole.",
    access=Scope.SUPPORT_WRITE,
    view=sync_account,
    path_schema=schemas.ReaderPath,
    answers={200: support_shapes.Account},
    problems=("no_account", "no_customer", "database_unavailable", "stripe_unavailable"),
    slow=True,
    audited=Audited(act="account.sync", ahead=True),
)
