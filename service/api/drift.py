"""`/v1/support/drift`: where our record was found to differ from Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api import schemas, support_shapes
from service.api.cursors import before, cursor_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant, maybe_instant
from service.api.services import Services
from service.store.api_keys import Scope
from service.support.audit import Audited


def show_drift(services: Services, call: Call) -> Reply:
    """Return a page of what reconciling found."""
    page = services.drift.page(before(call.query.get("cursor")))
    following = cursor_of(str(page.next_before)) if page.next_before is not None else None
    return answer(200, {"data": [_row(row) for row in page.rows], "next": following})


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("customer_id", "subscription_id", "kind", "ours", "theirs")}
    return same | {
        "field": row["field"] or None,
        "found_at": instant(row["found_at"]),
        "seen_at": instant(row["seen_at"]),
        "repaired_at": maybe_instant(row["repaired_at"]),
    }


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
