"""`/support/accounts`: find accounts, see one whole, take a list away, look at Stripe again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response
from marshmallow import ValidationError

from service.api.account_queries import note_filter, note_found, query_from
from service.api.cursors import cursor_of
from service.api.schemas import AccountFilter, AccountsQuery
from service.api.support import CSV_HEADERS
from service.console.acts import DONE, acts_for, may
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.once import new_key
from service.console.pages.addresses import address_of, reader_in
from service.console.pages.filters import filled_in
from service.console.pages.timeline import KINDS
from service.domain.account_sentence import sentence, warning
from service.domain.money import Money
from service.domain.outstanding import still_due
from service.domain.staff import Role
from service.domain.vocabulary import Status
from service.errors import NotFound, StripeUnavailable
from service.support.account_sources import sources_of
from service.support.accounts import Order
from service.support.audit import Audited
from service.support.csv_export import csv_export
from service.support.story.notices import notices_shown

STATUS_WORDS = {
    Status.NONE: "no subscription",
    Status.TRIALING: "in trial",
    Status.ACTIVE: "subscribed",
    Status.CANCELLING: "cancelled, still running",
    Status.GRACE: "payment failed, in grace",
    Status.PAUSED: "paused",
    Status.HELD: "on hold",
    Status.COURTESY: "courtesy",
    Status.ENDED: "ended",
}
ONLY = {
    "in_trial": "In trial",
    "past_due": "Past due",
    "cancelling": "Cancelling",
    "on_hold": "On hold",
    "courtesy": "Courtesy",
}
NEWEST = 10
"""How many moments of the timeline the account's page shows."""
SYNC_TOLD = {
    "done": "Stripe was asked just now; this is what it said.",
    "failed": "Stripe does not answer just now. What is shown is from the last time it did; access is not affected.",
}


def search(desk: Desk, visit: Visit) -> Response:
    """Show the form, and a page of what it found; a form that is not right is shown again with what is wrong."""
    asked = _given(visit)
    try:
        query = query_from(AccountsQuery().load(asked))
    except ValidationError as error:
        return _searched(desk, visit, asked, faults=error.normalized_messages())  # type: ignore[no-untyped-call]
    note_filter(visit.trail, query)
    try:
        page = desk.services.accounts.search(query)
    except StripeUnavailable:
        return _searched(desk, visit, asked, stripe_away=True)
    further = asked | {"cursor": cursor_of(str(page.next_after))} if page.next_after else None
    return _searched(desk, visit, asked, found=page.accounts, further=further)


def _searched(desk: Desk, visit: Visit, asked: dict[str, str], **values: Any) -> Response:
    note_found(visit.trail, values.get("found", ()))
    kept = {name: value for name, value in asked.items() if name != "cursor"}
    further = values.pop("further", None)
    return desk.page(
        "accounts.html",
        visit,
        status=422 if "faults" in values else 200,
        asked=asked,
        further=urlencode(further) if further else None,
        kept=urlencode(kept),
        filtered=bool(kept.keys() - {"q"}),
        may_export=visit.signed_in.role >= Role.LEAD,
        statuses=STATUS_WORDS,
        plans=desk.services.catalog.plans,
        only=ONLY,
        orders=list(Order),
        **values,
    )


def export(desk: Desk, visit: Visit) -> Response:
    """Send all that match, as they are read."""
    query = query_from(AccountFilter().load(_given(visit)))
    note_filter(visit.trail, query)
    visit.trail.tell(status=200)
    lines = csv_export(desk.services.accounts, query, visit.trail)
    return Response(lines, mimetype="text/csv", headers=CSV_HEADERS)


def show(desk: Desk, visit: Visit) -> Response:
    """Show one account whole."""
    services, now = desk.services, desk.services.business_clock()
    reader_id = reader_in(visit)
    found = services.accounts.detail(reader_id)
    if found is None:
        raise NotFound("There is no account of this reader.", code="no_account")
    state = services.readers.state(reader_id)
    card, zone = state.snapshot.card if state.snapshot else None, services.catalog.zone
    due = still_due(state.snapshot, state.subscription)
    return desk.page(
        "account.html",
        visit,
        found=found,
        state=state,
        sentence=sentence(state.entitlement, state.subscription, card, zone=zone, now=now, due=due),
        warning=warning(state.snapshot),
        sources=sources_of(found, state, now),
        statuses=STATUS_WORDS,
        address=address_of(reader_id),
        may_export=visit.signed_in.role >= Role.LEAD,
        may_erase=visit.signed_in.role >= Role.ADMIN,
        may_sync=visit.signed_in.role >= Role.AGENT and found.customer_id is not None,
        told=SYNC_TOLD.get(visit.query.get("sync", "")) or DONE.get(visit.query.get("done", "")),
        acts=acts_for(visit.signed_in.role, state),
        may=may(visit.signed_in.role),
        once=new_key(),
        now=now,
        notices=notices_shown(state.snapshot, found.notices_told, services.catalog.zone, now),
        newest=services.timeline.page(reader_id, limit=NEWEST).moments,
        kinds=KINDS,
        money=lambda minor, currency: Money(minor, currency).display,
    )


def sync(desk: Desk, visit: Visit) -> Response:
    """Look at Stripe now, and show the account as it is then; Stripe away is told there too."""
    reader_id = reader_in(visit)
    try:
        desk.services.staff_sync.sync(reader_id)
    except StripeUnavailable:
        visit.trail.tell(failed="stripe_unavailable")
        return desk.go(f"{address_of(reader_id)}?sync=failed")
    return desk.go(f"{address_of(reader_id)}?sync=done")


def _given(visit: Visit) -> dict[str, str]:
    """Return what was filled in, as a search takes it."""
    given = filled_in(visit)
    if "q" in given:
        given.pop("sort", None)  # the form always has one, and what matched comes first
    return given


PAGES = (
    Page(
        method="GET", path="/support/accounts", name="accounts", role=Role.VIEWER,
        audited=Audited(act="accounts.search"), view=search, nav="Accounts",
    ),
    Page(
        method="GET", path="/support/accounts.csv", name="export_accounts", role=Role.LEAD,
        audited=Audited(act="accounts.export"), view=export,
    ),
    Page(
        method="GET", path="/support/accounts/<reader_id>", name="account", role=Role.VIEWER,
        audited=Audited(act="account.read"), view=show,
    ),
    Page(
        method="POST", path="/support/accounts/<reader_id>/sync", name="sync_account", role=Role.AGENT,
        audited=Audited(act="account.sync", ahead=True), view=sync,
    ),
)  # fmt: skip
