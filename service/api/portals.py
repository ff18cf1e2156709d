"""`POST /v1/portals`: Stripe's page where a reader sees invoices, changes the card, and can cancel."""

from __future__ import annotations

from service.api import schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.redirects import refuse_foreign
from service.api.services import Services
from service.store.api_keys import Scope


def open_portal(services: Services, call: Call) -> Reply:
    """Open a portal session."""
    refuse_foreign(call.body, ("return_url",), services.site_origins)
    return answer(200, {"url": services.portals.open(call.body["reader_id"], call.body["return_url"])})


OPEN_PORTAL = Operation(
    method="POST",
    path="/v1/portals",
    name="open_portal",
    tag="For the site",
    summary="Open Stripe's billing portal for a reader",
    access=Scope.BILLING,
    view=open_portal,
    body_schema=schemas.PortalCreate,
    answers={200: shapes.Portal},
    problems=("no_customer", "stripe_refused", "stripe_unavailable"),
    slow=True,
    idempotent=True,
    example_body={"reader_id": "r-81", "return_url": "https://www.example.com/account"},
    example_answer={"url": "https://billing.stripe.com/p/session/test_..."},
)
