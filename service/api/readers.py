"""`/v1/readers/{reader_id}`: a reader's state, and the browsers that are theirs."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.domain.notices import notices_from
from service.store.api_keys import Scope


def show_reader(services: Services, call: Call) -> Reply:
    """Return the reader's state; an unknown reader's status is `none`."""
    state, now = services.readers.state(call.path["reader_id"]), services.business_clock()
    services.notices.note(state.reader_id, notices_from(state.snapshot, now))
    return answer(200, present.reader(state, services.catalog.zone, now))


def link_visitor(services: Services, call: Call) -> Reply:
    """Link a browser to the reader."""
    link = {"reader_id": call.path["reader_id"], "visitor_id": call.body["visitor_id"]}
    services.readers.link(**link)
    return answer(200, link)


SHOW_READER = Operation(
    method="GET",
    path="/v1/readers/{reader_id}",
    name="show_reader",
    tag="For the site",
    summary="A reader's state",
    access=Scope.DECIDE,
    view=show_reader,
    path_schema=schemas.ReaderPath,
    answers={200: shapes.Reader},
    problems=("database_unavailable",),
    example_answer={
        "reader_id": "r-81",
        "status": "courtesy",
        "entitlement": {"plan": None, "features": ["archives"], "until": "2026-11-17T09:00:00Z", "renews": False},
        "subscription": None,
        "meter": {
            "limit": 1,
            "used": 1,
            "remaining": 0,
            "window": "month",
            "resets_at": "2026-12-01T00:00:00+01:00",
        },
        "trial_eligible": True,
        "trial_reason": "first_trial",
        "notices": [],
    },
)

LINK_VISITOR = Operation(
    method="POST",
    path="/v1/readers/{reader_id}/visitors",
    name="link_visitor",
    tag="For the site",
    summary="Link a browser to a reader at login",
    description="What both have read is united, and signing out gives no fresh allowance. Safe to repeat.",
    access=Scope.DECIDE,
    view=link_visitor,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.VisitorLink,
    answers={200: shapes.Link},
    problems=("link_unavailable", "database_unavailable"),
    example_body={"visitor_id": "v-5"},
    example_answer={"reader_id": "r-81", "visitor_id": "v-5"},
)
