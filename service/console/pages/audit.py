"""`/support/audit`: who did what, to whom, and why; newest first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response
from marshmallow import ValidationError

from service.api.audit import query_from
from service.api.cursors import cursor_of
from service.api.schemas import AuditQuery
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.pages.filters import filled_in, with_offsets
from service.domain.staff import Role
from service.support.audit import Audited
from service.support.story.acts import act_told, names_of

NAMED = 3
"""So many readers of an entry are named on the page; a list taken away is about thousands."""


def show(desk: Desk, visit: Visit) -> Response:
    """Show a page of the log by the same filters as the API's; a form that is not right is shown again."""
    asked = filled_in(visit)
    try:
        query = query_from(AuditQuery().load(with_offsets(asked, desk.services.catalog.zone)))
    except ValidationError as error:
        return desk.page("audit.html", visit, status=422, asked=asked, faults=error.normalized_messages())  # type: ignore[no-untyped-call]
    page = desk.services.audit.page(query)
    visit.trail.about(*([query.subject] if query.subject else []), *_named(page.rows))
    further = asked | {"cursor": cursor_of(str(page.next_before))} if page.next_before is not None else None
    with desk.engine.connect() as connection:
        names = names_of(connection, (row["actor"] for row in page.rows))
    return desk.page(
        "audit.html", visit, asked=asked, rows=page.rows, names=names, told=act_told, most=NAMED,
        further=urlencode(further) if further else None,
    )  # fmt: skip


def _named(rows: Any) -> list[str]:
    """Return whom the page names: as all else that shows readers, this says so in the log."""
    return [reader_id for row in rows for reader_id in (row["subjects"] or ())[:NAMED]]


PAGES = (
    Page(
        method="GET", path="/support/audit", name="audit", role=Role.LEAD, audited=Audited(act="audit.read"),
        view=show, nav="Audit",
    ),
)  # fmt: skip
