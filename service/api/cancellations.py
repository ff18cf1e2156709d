"""`/v1/readers/{reader_id}/cancellation`: cancel in one call, undo in one call."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer, no_content
from service.api.services import Services
from service.store.api_keys import Scope


def cancel(services: Services, call: Call) -> Reply:
    """Cancel at the end of the running period."""
    found = services.cancellations.cancel(
        call.path["reader_id"], reason=call.body["reason"], comment=call.body["comment"]
    )
    return answer(200, present.cancellation(found))


def undo(services: Services, call: Call) -> Reply:
    """Let the subscription run on."""
    services.cancellations.undo(call.path["reader_id"])
    return no_content()


CANCEL = Operation(
    method="POST",
    path="/v1/readers/{reader_id}/cancellation",
    name="cancel",
    tag="For the site",
    summary="Cancel a reader's subscription",
    description=(
        "One call, no retention maze. The running period is kept to its end; until then it can be undone. `final` "
        "tells what is still due, as for an hour after a trial or a period. What is paused at Stripe ends at once."
    ),
    access=Scope.BILLING,
    view=cancel,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.CancellationCreate,
    body_optional=True,
    answers={200: shapes.Cancellation},
    problems=("no_subscription", "stripe_refused", "sync_pending", "stripe_unavailable"),
    slow=True,
    idempotent=True,
    example_body={"reason": "too_expensive"},
    example_answer={
        "access_until": "2026-12-21T10:00:00Z",
        "final": "no further charge",
        "undo_until": "2026-12-21T10:00:00Z",
    },
)

UNDO_CANCELLATION = Operation(
    method="DELETE",
    path="/v1/readers/{reader_id}/cancellation",
    name="undo_cancellation",
    tag="For the site",
    summary="Undo a cancellation",
    access=Scope.BILLING,
    view=undo,
    path_schema=schemas.ReaderPath,
    answers={204: None},
    problems=("no_subscription", "not_cancelled", "stripe_refused", "stripe_unavailable"),
    slow=True,
    idempotent=True,
)
