"""`/v1/support/accounts/{reader_id}/timeline`: what happened to a reader, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api import schemas, story_shapes
from service.api.cursors import cursor_of, story_place
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant
from service.api.services import Services
from service.store.api_keys import Scope
from service.support.audit import Audited
from service.support.story.timeline import Kind, Moment, Only


def show_timeline(services: Services, call: Call) -> Reply:
    """Return a page of a reader's timeline."""
    page = services.timeline.page(
        call.path["reader_id"], only_from(call.query), after=story_place(call.query.get("cursor"))
    )
    following = cursor_of(str(page.next_after)) if page.next_after else None
    return answer(200, {"data": [_moment(each) for each in page.moments], "next": following})


def only_from(asked: Mapping[str, Any]) -> Only:
    """Return which moments a `TimelineQuery` asks for."""
    kind = asked.get("kind")
    same = {name: asked.get(name) for name in ("since", "until", "q")}
    return Only(kind=Kind(kind) if kind else None, **same)


def _moment(moment: Moment) -> dict[str, Any]:
    same = {name: getattr(moment, name) for name in ("says", "why", "by", "article", "visitor_id")}
    return {"kind": moment.kind.value, "at": instant(moment.at), "recorded_at": instant(moment.recorded_at)} | same | {
        "source": {"kept_in": moment.source.value, "id": moment.number, "about": moment.about}
    }  # fmt: skip


SHOW_TIMELINE = Operation(
    method="GET",
    path="/v1/support/accounts/{reader_id}/timeline",
    name="show_timeline",
    tag="For support",
    summary="What happened to a reader, and why",
    description=(
        "Newest first: Stripe's events with what became of each, what staff did, changes of access, notices (when the "
        "site first learned what the reader is to be told), and walls and counted reads: the reader's, and those of "
        "the reader's browsers while nobody was signed in, kept as long as the journal is. Narrowed by kind, by when "
        "things happened, and by words."
    ),
    access=Scope.SUPPORT_READ,
    view=show_timeline,
    path_schema=schemas.ReaderPath,
    query_schema=schemas.TimelineQuery,
    answers={200: story_shapes.Timeline},
    problems=("no_account", "database_unavailable"),
    slow=True,
    audited=Audited(act="timeline.read"),
    example_answer={
        "data": [
            {
                "kind": "access",
                "at": "2026-11-26T09:00:00Z",
                "recorded_at": "2026-11-26T09:00:02Z",
                "says": "A payment failed; access continues until 3 December (grace).",
                "why": "Seen at Stripe.",
                "by": None,
                "article": None,
                "visitor_id": None,
                "source": {"kept_in": "entitlements", "id": "3", "about": None},
            }
        ],
        "next": None,
    },
)
