"""`/support/why` and `/support/accounts/<reader_id>/why`: why somebody was walled, or let in, then and now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Response
from marshmallow import EXCLUDE, Schema, ValidationError

from service.api.fields import Choice, Id, ReaderId, Text
from service.api.schemas import refuse_unlikely
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.pages.addresses import address_of, reader_in
from service.domain.decision import Access
from service.domain.staff import Role
from service.journal.entry import Entry
from service.journal.moment import Whose
from service.support.audit import Audited
from service.support.story.changes import cause_told
from service.support.story.dates import Dates
from service.support.story.decisions import decision_told
from service.support.story.explain import Asked


class WhyQuery(Schema):
    """What stands in the address, so that it can be shared; whatever else stands there is passed over."""

    class Meta:
        unknown = EXCLUDE

    reader_id = ReaderId(load_default=None)
    visitor_id = Id(load_default=None)
    article = Id(load_default=None)
    access = Choice(*Access, load_default=None)
    feature = Text(most=100, load_default=None)
    at = Text(most=40, load_default=None)


def of_reader(desk: Desk, visit: Visit) -> Response:
    """Ask about a reader with an account."""
    reader_id = reader_in(visit)
    desk.services.explain.refuse_unknown(reader_id)
    return _shown(desk, visit, f"{address_of(reader_id)}/why", {"reader_id": reader_id})


def of_anybody(desk: Desk, visit: Visit) -> Response:
    """Ask about a browser, or about a reader with or without an account."""
    return _shown(desk, visit, "/support/why", {})


def _shown(desk: Desk, visit: Visit, address: str, fixed: dict[str, str]) -> Response:
    """Show the form, and what it asks for; one that is not right is shown again with what is wrong."""
    given = {name: value.strip() for name, value in visit.query.items() if value.strip()}
    zone = desk.services.catalog.zone
    try:
        asked: dict[str, Any] = WhyQuery().load(given | fixed)
        asked["at"] = moment_in(asked["at"], zone)
        values = _answered(desk, visit, asked)
    except ValidationError as error:
        asked, values = given | fixed | {"at": None}, {"faults": error.normalized_messages()}  # type: ignore[no-untyped-call]
    return desk.page(
        "why.html",
        visit,
        status=422 if "faults" in values else 200,
        address=address,
        account=address_of(fixed["reader_id"]) if fixed else None,
        asked=asked,
        fixed=bool(fixed),
        local=asked["at"].astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S") if asked["at"] else "",
        accesses=list(Access),
        told=_told(zone),
        cause=cause_told,
        link=lambda entry: why_address(address, entry, {} if fixed else _ids(asked)),
        **values,
    )


def _answered(desk: Desk, visit: Visit, asked: Mapping[str, Any]) -> dict[str, Any]:
    ids = _ids(asked)
    if len(ids) > 1:
        raise ValidationError("Give one of the two: whoever is signed in is the one decided about.", "visitor_id")
    if not ids:
        return {}
    whose = Whose(asked.get("reader_id"), asked.get("visitor_id"))
    if whose.reader_id is not None:
        visit.trail.about(whose.reader_id)
    if asked["article"] is None:
        return {"around": desk.services.explain.around(whose, asked["at"])} if asked["at"] else {}
    access = Access(asked["access"]) if asked["access"] else None
    found = desk.services.explain.explain(
        Asked(whose=whose, article_id=asked["article"], access=access, feature=asked["feature"], at=asked["at"])
    )
    if found.reader_id is not None:
        visit.trail.about(found.reader_id)
    return {"found": found, "around": found.around}


def _ids(asked: Mapping[str, Any]) -> dict[str, str]:
    return {name: asked[name] for name in ("reader_id", "visitor_id") if asked.get(name)}


def moment_in(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment that a form or a link names, the publication's clock where no offset stands.

    Raises ValidationError for what is none.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError("Not a moment such as 2026-11-22T14:02.", "at") from None
    at = at.replace(tzinfo=zone) if at.tzinfo is None else at
    refuse_unlikely(at)
    return at


def why_address(address: str, entry: Entry, ids: Mapping[str, str]) -> str:
    """Return where a remembered decision is explained."""
    at = entry.decision.decided_at.isoformat()
    return f"{address}?{urlencode({**ids, 'article': entry.article.id, 'at': at})}"


def _told(zone: ZoneInfo) -> Any:
    """Return what tells a remembered decision in a sentence."""

    def told(entry: Entry) -> str:
        return decision_told(entry.article, entry.decision, Dates(zone, entry.decision.decided_at))

    return told


PAGES = (
    Page(
        method="GET", path="/support/why", name="why", role=Role.VIEWER, audited=Audited(act="why.read"),
        view=of_anybody, nav="Why",
    ),
    Page(
        method="GET", path="/support/accounts/<reader_id>/why", name="why_of_account", role=Role.VIEWER,
        audited=Audited(act="why.read"), view=of_reader,
    ),
)  # fmt: skip
