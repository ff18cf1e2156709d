"""`/support/inbox`, `/support/events` and `/support/drift`: what Stripe told us, what became of it, where we differ."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response
from marshmallow import ValidationError

from service.api.cursors import before, cursor_of
from service.api.event_queries import EventPath, EventsQuery, ReplaysCreate, event_query
from service.api.events import no_event, without_effect
from service.api.fields import Text
from service.api.schemas import PageQuery
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.once import Keyed, new_key
from service.domain.staff import Role
from service.support.audit import Audited
from service.support.drift_words import sentence
from service.support.event_words import REPLAYED, STATES, reason_of, story_of
from service.support.events import STUCK, Replay
from service.support.inbox_health import COUNTED
from webhooks.state import EventState

ERRANDS = {"repeated_card": "Trials with a card that had had one", "warned_charge": "Payments to be given back"}
_FILTER = ("status", "type", "customer", "cause")


class ReplayForm(Keyed):
    reason = Text(most=500, required=True)


class ReplaysForm(ReplaysCreate, Keyed):
    class Meta:
        exclude = ("preview",)


def show_inbox(desk: Desk, visit: Visit) -> Response:
    """Show what waits, what is stuck, and what became of the newest events."""
    health = desk.services.inbox.health()
    told = {name: int(value) for name, value in visit.query.items() if value.isdecimal() and len(value) < 6}
    return desk.page(
        "inbox.html", visit, health=health, states=STATES, counted=COUNTED, age=_age, told=told, errands=ERRANDS,
        reason_of=reason_of,
    )  # fmt: skip


def list_events(desk: Desk, visit: Visit) -> Response:
    """Show a page of the events that match; a form that is not right is shown again with what is wrong."""
    asked = _given(visit)
    if "status" in asked:
        visit.trail.tell(filter_status=asked["status"])
    try:
        page = desk.services.events.page(event_query(EventsQuery().load(asked)))
    except ValidationError as error:
        faults = error.normalized_messages()  # type: ignore[no-untyped-call]
        return desk.page("events.html", visit, status=422, asked=asked, states=STATES, faults=faults)
    visit.trail.about(*page.reader_ids)
    kept = {name: value for name, value in asked.items() if name != "cursor"}
    further = kept | {"cursor": cursor_of(str(page.next_after))} if page.next_after else None
    replayable = asked.get("status") in STUCK and visit.signed_in.role >= Role.LEAD
    return desk.page(
        "events.html", visit, asked=asked, states=STATES, found=page.events, reason_of=reason_of,
        further=urlencode(further) if further else None, replay=urlencode(kept) if replayable else None,
    )  # fmt: skip


def show_event(desk: Desk, visit: Visit) -> Response:
    """Show one event with its masked payload."""
    found = desk.services.events.detail(_event_id(visit))
    if found is None:
        raise no_event()
    if found.event.reader_id is not None:
        visit.trail.about(found.event.reader_id)
    return desk.page(
        "event.html", visit, found=found, event=found.event, states=STATES, story=story_of(found.event.state),
        reason=reason_of(found.event.reason), address=address_of(found.event.id),
        payload=json.dumps(found.payload, ensure_ascii=False, indent=2),
        may_replay=visit.signed_in.role >= Role.AGENT and found.event.state is not EventState.IGNORED,
        told="It will be tried again within seconds." if visit.query.get("replayed") else None,
        effect=REPLAYED, once=new_key(),
    )  # fmt: skip


def replay_event(desk: Desk, visit: Visit) -> Response:
    """Let one event be tried again, and show it."""
    event_id = _event_id(visit)
    outcome = desk.services.events.replay(event_id, visit.trail)
    if outcome is Replay.UNKNOWN:
        raise no_event()
    if outcome is Replay.IGNORED:
        raise without_effect()
    return desk.go(f"{address_of(event_id)}?replayed=1")


def confirm_replays(desk: Desk, visit: Visit) -> Response:
    """Say how many events a replay would take, and ask for the reason."""
    asked = {"status": EventState.QUARANTINED.value} | _given(visit)
    query = event_query(ReplaysCreate(only=_FILTER).load(asked))
    found = desk.services.events.stuck(query)
    return desk.page(
        "replays.html", visit, asked=asked, found=found, state=STATES[EventState(asked["status"])], until=desk.now(),
        once=new_key(),
    )  # fmt: skip


def replay_events(desk: Desk, visit: Visit) -> Response:
    """Let all that match be tried again, and show how the inbox stands then."""
    visit.trail.tell(filter_status=visit.form["status"])
    found = desk.services.events.replay_all(event_query(visit.form), visit.trail)
    told = {"replayed": found.events, "customers": found.customers, "more": int(found.more)}
    return desk.go(f"/support/inbox?{urlencode(told)}")


def show_drift(desk: Desk, visit: Visit) -> Response:
    """Show where our record was found to differ from Stripe's, and how the last comparison ended."""
    asked = PageQuery().load(_given(visit))
    page = desk.services.drift.page(before(asked.get("cursor")))
    visit.trail.about(*page.reader_ids)
    zone = desk.services.catalog.zone
    return desk.page(
        "drift.html", visit, page=page, counted=COUNTED, sentence=lambda row: sentence(row, zone), now=desk.now(),
        further=cursor_of(str(page.next_before)) if page.next_before is not None else None,
        may_sync=visit.signed_in.role >= Role.AGENT,
    )  # fmt: skip


def address_of(event_id: str) -> str:
    """Return where an event's page is."""
    return f"/support/events/{quote(event_id, safe='')}"


def _age(seconds: float) -> str:
    """Return how long that is, in the two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (rest, "second")]
    words = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number]
    return " ".join(words[:2]) or "less than a second"


def _given(visit: Visit) -> dict[str, Any]:
    """Return what was filled in: a browser sends every field of a form, the empty ones too."""
    return {name: value.strip() for name, value in visit.query.items() if value.strip()}


def _event_id(visit: Visit) -> str:
    loaded: dict[str, str] = EventPath().load(visit.path)
    return loaded["event_id"]


PAGES = (
    Page(
        method="GET", path="/support/inbox", name="inbox", role=Role.VIEWER, audited=None, view=show_inbox,
        nav="Inbox",
    ),
    Page(
        method="GET", path="/support/events", name="events", role=Role.VIEWER, audited=Audited(act="events.list"),
        view=list_events,
    ),
    Page(
        method="GET", path="/support/events/replays", name="confirm_replays", role=Role.LEAD, audited=None,
        view=confirm_replays,
    ),
    Page(
        method="POST", path="/support/events/replays", name="replay_events", role=Role.LEAD,
        audited=Audited(act="events.replay", ahead=True), view=replay_events, form=ReplaysForm,
    ),
    Page(
        method="GET", path="/support/events/<event_id>", name="event", role=Role.VIEWER,
        audited=Audited(act="event.read"), view=show_event,
    ),
    Page(
        method="POST", path="/support/events/<event_id>/replay", name="replay_event", role=Role.AGENT,
        audited=Audited(act="event.replay"), view=replay_event, form=ReplayForm,
    ),
    Page(
        method="GET", path="/support/drift", name="drift", role=Role.VIEWER, audited=Audited(act="drift.read"),
        view=show_drift, nav="Drift",
    ),
)  # fmt: skip
