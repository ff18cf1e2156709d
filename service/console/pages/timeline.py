"""`/support/accounts/<reader_id>/timeline`: what happened to a reader, newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response
from marshmallow import ValidationError

from service.api.cursors import cursor_of, story_place
from service.api.schemas import TimelineQuery
from service.api.timeline import only_from
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.pages.addresses import address_of, reader_in
from service.console.pages.filters import filled_in, with_offsets
from service.domain.staff import Role
from service.support.audit import Audited
from service.support.story.timeline import SEARCHED, Kind

KINDS = {
    Kind.ACCESS: "Access",
    Kind.NOTICE: "Notice",
    Kind.EVENT: "Stripe",
    Kind.ACT: "Staff",
    Kind.WALL: "Wall",
    Kind.READ: "Read",
    Kind.LOOK: "Looked",
}
CHOICES = {
    Kind.ACCESS: "Changes of access",
    Kind.NOTICE: "Notices",
    Kind.EVENT: "Stripe’s events",
    Kind.ACT: "Staff acts",
    Kind.WALL: "Walls",
    Kind.READ: "Counted reads",
    Kind.LOOK: "Who looked",
}
APART = timedelta(minutes=1)
"""Clocks further apart than this are a test clock's and the wall's."""


def show(desk: Desk, visit: Visit) -> Response:
    """Show a page of the timeline, narrowed as the form says; one that is not right is shown again."""
    reader_id, asked = reader_in(visit), filled_in(visit)
    try:
        query = TimelineQuery().load(with_offsets(asked, desk.services.catalog.zone))
        after = story_place(query.get("cursor"))
    except ValidationError as error:
        return _shown(desk, visit, asked, status=422, faults=error.normalized_messages())  # type: ignore[no-untyped-call]
    page = desk.services.timeline.page(reader_id, only_from(query), after=after)
    further = asked | {"cursor": cursor_of(str(page.next_after))} if page.next_after else None
    return _shown(desk, visit, asked, moments=page.moments, further=urlencode(further) if further else None)


def _shown(desk: Desk, visit: Visit, asked: dict[str, str], **values: Any) -> Response:
    reader_id = reader_in(visit)
    kept = {name: value for name, value in asked.items() if name != "cursor"}
    others = {name: value for name, value in kept.items() if name != "kind"}
    of_kind = {kind: urlencode(others | ({"kind": kind.value} if kind else {})) for kind in (None, *CHOICES)}
    return desk.page(
        "timeline.html",
        visit,
        reader_id=reader_id,
        address=address_of(reader_id),
        asked=asked,
        newest=urlencode(kept),
        narrowed=bool(others),
        of_kind=of_kind,
        choices={None: "Everything"} | CHOICES,
        searched=SEARCHED,
        kinds=KINDS,
        clocks_apart=clocks_apart(desk),
        **values,
    )


def clocks_apart(desk: Desk) -> bool:
    """Tell whether the publication lives on a test clock, whose days are not the wall's."""
    return abs(desk.services.business_clock() - desk.services.wall_clock()) > APART


PAGES = (
    Page(
        method="GET", path="/support/accounts/<reader_id>/timeline", name="timeline", role=Role.VIEWER,
        audited=Audited(act="timeline.read"), view=show,
    ),
)  # fmt: skip
