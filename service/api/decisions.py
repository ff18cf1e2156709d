"""`POST /v1/decisions`: may this reader read this article?"""

from __future__ import annotations

from service import metrics
from service.access.gate import Question
from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article
from service.errors import InvalidRequest
from service.exemptions.rules import Evidence
from service.store.api_keys import Scope


def decide(services: Services, call: Call) -> Reply:
    """Ask the gate, and count the answer."""
    found = services.gate.decide(_question(call, services.catalog))
    metrics.count_decision(found.decision.reason.value, found.degraded)
    return answer(200, present.decision(found, services.catalog.zone))


def _question(call: Call, catalog: Catalog) -> Question:
    asked = call.body["article"]
    if asked["feature"] is not None and asked["feature"] not in {feature.id for feature in catalog.features}:
        # Answered as missing, a slip of the site's pen would wall every subscriber.
        raise InvalidRequest("There is no such feature.", errors={"article": {"feature": ["Unknown feature."]}})
    return Question(
        article=Article(id=asked["id"], access=Access(asked["access"]), feature=asked["feature"]),
        reader_id=call.body["reader_id"],
        visitor_id=call.body["visitor_id"],
        consume=call.body["mode"] == "consume",
        evidence=Evidence(**{name: call.body[name] for name in ("client_ip", "user_agent", "gift", "link")}),
    )


DECIDE = Operation(
    method="POST",
    path="/v1/decisions",
    name="decide",
    tag="For the site",
    summary="May this reader read this article?",
    description=(
        "Only `article.id` is required. With both ids the reader is the subject and the visitor is linked; with "
        "neither a fresh `visitor_id` is returned for the site to set as a cookie. `consume` is idempotent per "
        "article; `peek` never counts. Always 200 when the question was well formed, whatever part is down. A `gift` "
        "or `link` that opens the article, an institution's `client_ip`, and a verified crawler's (with its "
        "`user_agent`) are let in uncounted; a token that is forged, expired or another article's opens nothing."
    ),
    access=Scope.DECIDE,
    view=decide,
    body_schema=schemas.DecisionRequest,
    answers={200: shapes.Decision},
    example_body={
        "reader_id": "r-81",
        "visitor_id": "v-5",
        "mode": "consume",
        "article": {"id": "belgorod-incursion", "access": "metered", "feature": None},
    },
    example_answer={
        "granted": True,
        "reason": "metered",
        "counted": True,
        "visitor_id": "v-5",
        "meter": {
            "limit": 1,
            "used": 1,
            "remaining": 0,
            "window": "month",
            "resets_at": "2026-12-01T00:00:00+01:00",
        },
        "entitlement": None,
        "wall": None,
        "degraded": None,
    },
)
