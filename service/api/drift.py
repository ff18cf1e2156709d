"""`/v1/support/drift`: where our record was found to differ from Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from service.api import schemas, support_shapes
from service.api.cursors import before, cursor_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant, maybe_instant
from service.api.services import Services
from service.store.api_keys import Scope
from service.store.runs import Finished, Unfinished
from service.support.audit import Audited
from service.support.drift_words import sentence


def show_drift(services: Services, call: Call) -> Reply:
    """Return a page of what reconciling found."""
    page = services.drift.page(before(call.query.get("cursor")))
    call.trail.about(*page.reader_ids)
    following = cursor_of(str(page.next_before)) if page.next_before is not None else None
    zone = services.catalog.zone
    runs = {"last_run": _finished(page.last_run), "under_way": _unfinished(page.under_way), "open": page.open}
    return answer(200, {"data": [_row(row, zone) for row in page.rows], "next": following} | runs)


def _row(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    same = {name: row[name] for name in ("customer_id", "reader_id", "subscription_id", "kind", "ours", "theirs")}
    return same | {
        "sentence": sentence(row, zone),
        "field": row["field"] or None,
        "found_at": instant(row["found_at"]),
        "seen_at": instant(row["seen_at"]),
        "repaired_at": maybe_instant(row["repaired_at"]),
    }


def _finished(run: Finished | None) -> dict[str, Any] | None:
    if run is None:
        return None
    times = {"started_at": instant(run.started_at), "finished_at": instant(run.finished_at)}
    counts = {name: run.found[name] for name in ("compared", "differing", "repaired", "failed")}
    flags = {name: bool(run.found.get(name)) for name in ("resumed", "refused")}
    return {"name": run.name} | flags | times | counts


def _unfinished(run: Unfinished | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"name": run.name, "started_at": instant(run.started_at), "updated_at": instant(run.updated_at)}


SHOW_DRIFT = Operation(
    method="GET",
    path="/v1/support/drift",
    name="show_drift",
    tag="For support",
    summary="Where our record was found to differ from Stripe",
    description="What the nightly reconcile, or one by hand, has found; newest first.",
    access=Scope.SUPPORT_READ,
    view=show_drift,
    query_schema=schemas.PageQuery,
    answers={200: support_shapes.DriftList},
    problems=("database_unavailable",),
    slow=True,
    audited=Audited(act="drift.read"),
)
