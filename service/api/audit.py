"""`/v1/support/audit`: who did what, to whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api import schemas, support_shapes
from service.api.cursors import before, cursor_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant
from service.api.services import Services
from service.store.api_keys import Scope
from service.store.audit import AuditQuery
from service.support.audit import Audited


def show_audit(services: Services, call: Call) -> Reply:
    """Return a page of the log."""
    query = query_from(call.query)
    if query.subject is not None:
        call.trail.about(query.subject)
    page = services.audit.page(query)
    following = cursor_of(str(page.next_before)) if page.next_before is not None else None
    return answer(200, {"data": [_entry(row) for row in page.rows], "next": following})


def query_from(asked: Mapping[str, Any]) -> AuditQuery:
    """Return the query that `schemas.AuditQuery` has let in; raises ValidationError for another list's cursor."""
    same = {name: asked.get(name) for name in ("actor", "act", "since", "until")}
    return AuditQuery(subject=asked.get("reader_id"), before=before(asked.get("cursor")), **same)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("seq", "actor", "act", "request_id", "reason", "detail")}
    return same | {
        "erases": [*row["erases"], *dict.fromkeys(row["strips"] or ())],
        "at": instant(row["at"]),
        "reader_ids": row["subjects"],
        "erased": row["subjects"] is None,
        "digest": row["digest"].hex(),
    }


SHOW_AUDIT = Operation(
    method="GET",
    path="/v1/support/audit",
    name="show_audit",
    tag="For support",
    summary="Who did what, to whom, and why",
    description=(
        "Newest first; readings of personal data are in it, as is this one. `newsstand audit verify` tells whether it "
        "is as it was written."
    ),
    access=Scope.SUPPORT_READ,
    view=show_audit,
    query_schema=schemas.AuditQuery,
    answers={200: support_shapes.AuditList},
    slow=True,
    audited=Audited(act="audit.read"),
    example_answer={
        "data": [
            {
                "seq": 1204,
                "at": "2026-11-10T09:00:00Z",
                "actor": "staff:7",
                "act": "act.refund",
                "request_id": "5f1c0e5b7a9d4c3e8f60a1b2c3d4e5f6",
                "reader_ids": ["r-81"],
                "reason": "charged after cancelling by telephone",
                "detail": {"invoice": "in_1QfZ2e", "amount": 290, "status": 201},
                "erases": [],
                "erased": False,
                "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            }
        ],
        "next": None,
    },
)
