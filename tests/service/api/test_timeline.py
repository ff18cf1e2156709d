"""The timeline's route: what is asked reaches the desk, what it tells goes out in the shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.api.cursors import cursor_of
from service.store.story import Reached
from service.support.story.timeline import Kind, Moment, Only, Source, TimelinePage

READ = "support:read-key"
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
WALL = Moment(
    kind=Kind.WALL, at=NOW, recorded_at=NOW, says="Met the wall.", source=Source.JOURNAL, number="7", article="a-1",
    visitor_id="v-1", reached=Reached(decision=(NOW.isoformat(), NOW.isoformat(), 7)),
)  # fmt: skip


def test_a_page_leads_to_the_next(api: Any) -> None:
    """`next` handed back as `cursor` goes on where the page ended, narrowed as the first."""
    api.timeline.page_shown = TimelinePage(moments=[WALL], next_after=WALL.reached)
    asked = {"kind": "wall", "since": "2026-11-01T00:00:00+02:00", "until": "2026-11-30T00:00:00Z", "q": "a-1"}
    first = api.call("GET", "/v1/support/accounts/r-81/timeline", key=READ, query_string=asked).json
    assert first["data"] == [
        {
            "kind": "wall", "at": "2026-11-10T09:00:00Z", "recorded_at": "2026-11-10T09:00:00Z",
            "says": "Met the wall.", "why": None, "by": None, "article": "a-1", "visitor_id": "v-1",
            "source": {"kept_in": "journal", "id": "7", "about": None},
        }
    ]  # fmt: skip
    api.call("GET", "/v1/support/accounts/r-81/timeline", key=READ, query_string=asked | {"cursor": first["next"]})
    since, until = datetime(2026, 10, 31, 22, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    only = Only(kind=Kind.WALL, since=since, until=until, q="a-1")
    assert api.timeline.asked[-1] == {"reader_id": "r-81", "only": only, "after": WALL.reached}
    assert [(each.act, each.subjects) for each in api.audit.entries] == [("timeline.read", ("r-81",))] * 2


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "thunder"},
        {"since": "2026-11-10"},
        {"q": ""},
        {"cursor": "x"},
        {"cursor": cursor_of("7")},
        {"cursor": cursor_of('{"act": "7"}')},
    ],
)
def test_what_cannot_be_asked_for_is_refused(api: Any, asked: dict[str, str]) -> None:
    """422: no such kind, no instant, no words, no cursor of another list."""
    reply = api.call("GET", "/v1/support/accounts/r-81/timeline", key=READ, query_string=asked)
    assert (reply.status_code, api.timeline.asked) == (422, [])
