"""`/v1/support/events` and `/v1/support/inbox`: what Stripe told us, what became of it, and another try."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from service.api import event_shapes
from service.api.cursors import cursor_of
from service.api.event_queries import EventPath, EventsQuery, ReplayCreate, ReplaysCreate, event_query
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant, maybe_instant
from service.api.services import Services
from service.errors import Conflict, NotFound
from service.store.api_keys import Scope
from service.support.audit import Audited
from service.support.event_words import REPLAYED, reason_of, story_of
from service.support.events import EventDetail, Replay, StoredEvent
from service.support.inbox_health import COUNTED
from webhooks.state import EventState


def list_events(services: Services, call: Call) -> Reply:
    """Return a page of the events that match."""
    page = services.events.page(event_query(call.query))
    call.trail.about(*page.reader_ids)
    following = cursor_of(str(page.next_after)) if page.next_after else None
    if "status" in call.query:
        call.trail.tell(filter_status=call.query["status"])
    return answer(200, {"data": [_row(each) for each in page.events], "next": following})


def show_event(services: Services, call: Call) -> Reply:
    """Return one event with its masked payload."""
    found = services.events.detail(call.path["event_id"])
    if found is None:
        raise no_event()
    if found.event.reader_id is not None:
        call.trail.about(found.event.reader_id)
    return answer(200, _whole(found))


def replay_event(services: Services, call: Call) -> Reply:
    """Let one event be tried again at once, or tell what that would do."""
    event_id, preview = call.path["event_id"], call.body["preview"]
    outcome = services.events.outlook(event_id) if preview else services.events.replay(event_id, call.trail)
    if outcome is Replay.UNKNOWN:
        raise no_event()
    if outcome is Replay.IGNORED:
        raise without_effect()
    return answer(200, {"id": event_id, "preview": preview, "effect": [REPLAYED], "outcome": outcome.value})


def replay_events(services: Services, call: Call) -> Reply:
    """Let all that match be tried again, the oldest first, or tell how many they are."""
    preview = call.body["preview"]
    call.trail.tell(filter_status=call.body["status"])
    query = event_query(call.body)
    found = services.events.stuck(query) if preview else services.events.replay_all(query, call.trail)
    return answer(200, asdict(found) | {"preview": preview})


def show_inbox(services: Services, _call: Call) -> Reply:
    """Return how the inbox stands."""
    found = services.inbox.health()
    states = [state for state in EventState if state is not EventState.DONE]
    return answer(
        200,
        {
            "as_of": instant(found.as_of),
            "behind": found.behind,
            "oldest_seconds": found.oldest_seconds,
            "counts": {state.value: found.counts[state] for state in states},
            "counted_to": COUNTED,
            "newest": {state.value: found.newest.get(state, 0) for state in EventState},
            "newest_since": maybe_instant(found.newest_since),
            "last_received_at": maybe_instant(found.last_received_at),
            "followed_until": maybe_instant(found.followed_until),
            "errands": [asdict(each) | {"reason_in_words": reason_of(each.reason)} for each in found.errands],
        },
    )


def no_event() -> NotFound:
    """Return that there is no event of this id."""
    return NotFound("There is no stored event of this id.", code="no_event")


def without_effect() -> Conflict:
    """Return that a replay would change nothing."""
    return Conflict("The event has no effect here, however often it is replayed.", code="event_without_effect")


_SAME = ("id", "type", "meaning", "reason", "customer_id", "reader_id", "attempts", "api_version")


def _row(event: StoredEvent) -> dict[str, Any]:
    same = {
        name: getattr(event, name)
        for name in ("id", "type", "reason", "customer_id", "reader_id", "attempts", "meaning")
    }
    same["api_version"] = event.api_version
    return same | {
        "status": event.state.value,
        "story": story_of(event.state),
        "reason_in_words": reason_of(event.reason),
        "created_at": maybe_instant(event.created_at),
        "received_at": instant(event.received_at),
        "not_before": maybe_instant(event.not_before),
    }


def _whole(found: EventDetail) -> dict[str, Any]:
    more = {name: getattr(found, name) for name in ("livemode", "account", "payload")}
    return _row(found.event) | more


LIST_EVENTS = Operation(
    method="GET",
    path="/v1/support/events",
    name="list_events",
    tag="For support",
    summary="What Stripe told us, and what became of it",
    description=(
        "Newest first. `failed` is tried again by itself, `quarantined` has failed too often for that, `ignored` has "
        "no effect here."
    ),
    access=Scope.SUPPORT_READ,
    view=list_events,
    query_schema=EventsQuery,
    answers={200: event_shapes.EventList},
    slow=True,
    audited=Audited(act="events.list"),
)

SHOW_EVENT = Operation(
    method="GET",
    path="/v1/support/events/{event_id}",
    name="show_event",
    tag="For support",
    summary="One event, with its payload masked",
    description=(
        "Of the payload what is not known to be harmless is masked: secrets, whatever describes a person, and of a "
        "card all but its brand and last four digits."
    ),
    access=Scope.SUPPORT_READ,
    view=show_event,
    path_schema=EventPath,
    answers={200: event_shapes.EventWhole},
    problems=("no_event",),
    slow=True,
    audited=Audited(act="event.read"),
)

REPLAY_EVENT = Operation(
    method="POST",
    path="/v1/support/events/{event_id}/replay",
    name="replay_event",
    tag="For support",
    summary="Try one event again, now",
    description=(
        "Its customer is fetched from Stripe anew, with a clean slate; nothing of the event itself is believed, so "
        "nothing is applied twice, and one that was applied long ago does no harm."
    ),
    access=Scope.SUPPORT_WRITE,
    view=replay_event,
    path_schema=EventPath,
    body_schema=ReplayCreate,
    body_optional=True,
    answers={200: event_shapes.ReplayDone},
    problems=("no_event", "event_without_effect"),
    slow=True,
    idempotent=True,
    audited=Audited(act="event.replay"),
    example_body={"reason": "the key may read disputes again"},
    example_answer={"id": "evt_1QfZ2e", "preview": False, "effect": [REPLAYED], "outcome": "resumed"},
)

REPLAY_EVENTS = Operation(
    method="POST",
    path="/v1/support/events/replays",
    name="replay_events",
    tag="For support",
    summary="Try all events again that are stuck alike",
    description=(
        "At most 1,000 at a time, the oldest first; `more` tells whether others are left. Each customer is synced "
        "once, however many of the events concern them. With `preview` it is only told how many."
    ),
    access=Scope.SUPPORT_WRITE,
    view=replay_events,
    body_schema=ReplaysCreate,
    answers={200: event_shapes.ReplaysDone},
    slow=True,
    idempotent=True,
    audited=Audited(act="events.replay", ahead=True),
    example_body={"status": "quarantined", "cause": "AuthenticationError", "reason": "the key was rolled"},
    example_answer={"events": 12, "customers": 9, "more": False, "preview": False},
)

SHOW_INBOX = Operation(
    method="GET",
    path="/v1/support/inbox",
    name="show_inbox",
    tag="For support",
    summary="How the inbox stands",
    description="What waits and since when, what is stuck, and what became of the newest 5,000 events.",
    access=Scope.SUPPORT_READ,
    view=show_inbox,
    answers={200: event_shapes.InboxHealth},
    slow=True,
    audited=Audited(act="inbox.read"),
)

OPERATIONS = (LIST_EVENTS, SHOW_EVENT, REPLAY_EVENT, REPLAY_EVENTS, SHOW_INBOX)
