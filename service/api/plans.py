"""`GET /v1/plans`: everything the wall shows."""

from __future__ import annotations

from service.api import present, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.store.api_keys import Scope


def show_plans(services: Services, _call: Call) -> Reply:
    """Return the offer."""
    return answer(200, present.plans(services.catalog))


SHOW_PLANS = Operation(
    method="GET",
    path="/v1/plans",
    name="show_plans",
    tag="For the site",
    summary="All that the wall shows",
    description="The meter's headline, features, plans with prices and computed savings, and how to cancel.",
    access=Scope.DECIDE,
    view=show_plans,
    answers={200: shapes.Plans},
)
