"""`/support/accounts/<reader_id>/timeline`: what happened to a reader, newest first."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from flask import Response

from service.api.cursors import cursor_of, story_place
from service.api.schemas import TimelineQuery
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.pages.addresses import address_of, reader_in
from service.domain.staff import Role
from service.support.audit import Audited
from service.support.story.timeline import Kind

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
    """Show a page of the timeline, of one kind or of all."""
    reader_id = reader_in(visit)
    asked = TimelineQuery().load({name: value for name, value in visit.query.items() if value})
    kind = Kind(asked["kind"]) if "kind" in asked else None
    page = desk.services.timeline.page(reader_id, kind=kind, after=story_place(asked.get("cursor")))
    following = {"cursor": cursor_of(str(page.next_after))} | ({"kind": kind.value} if kind else {})
    return desk.page(
        "timeline.html",
        visit,
        reader_id=reader_id,
        address=address_of(reader_id),
        moments=page.moments,
        further=urlencode(following) if page.next_after else None,
        later="cursor" in asked,
        chosen=kind,
        choices=CHOICES,
        kinds=KINDS,
        clocks_apart=clocks_apart(desk),
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
