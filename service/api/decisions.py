"""`POST /v1/decisions` and `/batch`: may this reader read this article, these articles?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from service import metrics
from service.access.question import Question
from service.api import schemas, shapes
from service.api.decision_json import decision_json
from service.api.fields import article_in
from service.api.operations import Call, Operation, Reply
from service.api.services import Services
from service.domain.catalog import Catalog
from service.domain.decision import Article
from service.errors import InvalidRequest
from service.exemptions.rules import Evidence
from service.store.api_keys import Scope

BATCH_LIMIT_BYTES = 256 * 1024
"""Room for 500 articles whose ids are as long as they may be, with what each needs."""
_UNKNOWN_FEATURE = {"feature": ["Unknown feature."]}


def decide(services: Services, call: Call) -> Reply:
    """Ask the gate, and count the answer."""
    asked = call.body["article"]
    if asked["feature"] is not None and not _is_known(asked["feature"], services.catalog):
        # Answered as missing, a slip of the site's pen would wall every subscriber.
        raise InvalidRequest("There is no such feature.", errors={"article": _UNKNOWN_FEATURE})
    [found] = services.gate.decide(_question(call, [article_in(asked)]))
    metrics.count_decision(found.decision.reason, found.degraded)
    return Reply(200, decision_json(found, services.catalog.zone), usual=found.degraded is None)


def decide_batch(services: Services, call: Call) -> Reply:
    """Ask the gate once about every article, and count each answer."""
    asked = call.body["articles"]
    known = {None, *(feature.id for feature in services.catalog.features)}
    if not known.issuperset([each.feature for each in asked]):
        unknown = {index: _UNKNOWN_FEATURE for index, each in enumerate(asked) if each.feature not in known}
        raise InvalidRequest("There is no such feature.", errors={"articles": unknown})
    found = services.gate.decide(_question(call, asked))
    # Answers that are alike are one object (gate.py): each is told and counted once.
    ids = [*map(id, found)]
    alike, kinds = Counter(ids), dict(zip(ids, found, strict=True))
    told = {which: decision_json(each, services.catalog.zone) for which, each in kinds.items()}
    for which, each in kinds.items():
        metrics.count_decision(each.decision.reason, each.degraded, alike[which])
    usual = all(each.degraded is None for each in kinds.values())
    return Reply(200, f'{{"decisions":[{",".join([told[which] for which in ids])}]}}', usual=usual)


def _is_known(feature: str, catalog: Catalog) -> bool:
    return any(each.id == feature for each in catalog.features)


def _question(call: Call, articles: Sequence[Article]) -> Question:
    body = call.body
    evidence = Evidence(body["client_ip"], body["user_agent"], body["gift"], body["link"])
    return Question(articles, body["reader_id"], body["visitor_id"], body["mode"] == "consume", evidence)


_METER = {"limit": 1, "used": 1, "remaining": 0, "window": "month", "resets_at": "2026-12-01T00:00:00+01:00"}

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
        "meter": _METER,
        "entitlement": None,
        "wall": None,
        "degraded": None,
    },
)

DECIDE_BATCH = Operation(
    method="POST",
    path="/v1/decisions/batch",
    name="decide_batch",
    tag="For the site",
    summary="May this reader read these articles?",
    description=(
        "Up to 500 articles at the price of a few decisions, answered in order as one question after the other would "
        "be: with `consume` each metered article counts while there is room. A page of teasers asks with `peek`, "
        "which says what is locked and counts nothing. `client_ip`, `user_agent`, `gift` and `link` mean what they "
        "mean for one decision: a campus' home page shows nothing locked."
    ),
    access=Scope.DECIDE,
    view=decide_batch,
    body_schema=schemas.BatchRequest,
    body_limit_bytes=BATCH_LIMIT_BYTES,
    answers={200: shapes.Decisions},
    example_body={
        "visitor_id": "v-5",
        "mode": "peek",
        "articles": [{"id": "belgorod-incursion"}, {"id": "drone-industry", "access": "subscribers"}],
    },
    example_answer={
        "decisions": [
            {
                "granted": True,
                "reason": "already_read",
                "counted": False,
                "visitor_id": "v-5",
                "meter": _METER,
                "entitlement": None,
                "wall": None,
                "degraded": None,
            },
            {
                "granted": False,
                "reason": "subscribers_only",
                "counted": False,
                "visitor_id": "v-5",
                "meter": None,
                "entitlement": None,
                "wall": {"kind": "subscribe", "offers": ["monthly", "annual"], "trial_eligible": True},
                "degraded": None,
            },
        ]
    },
)
