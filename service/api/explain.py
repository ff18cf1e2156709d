"""`/v1/support/accounts/{reader_id}/explain` and `/v1/support/explain`: why an article was opened or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api import present, schemas, story_shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant
from service.api.services import Services
from service.domain.decision import Access, Decision
from service.journal.entry import Entry
from service.journal.moment import Whose
from service.store.api_keys import Scope
from service.support.audit import Audited
from service.support.story.explain import Asked, Explanation, Then


def explain(services: Services, call: Call) -> Reply:
    """Explain a decision about a reader with an account."""
    reader_id = call.path["reader_id"]
    services.explain.refuse_unknown(reader_id)
    return _explained(services, call, Whose(reader_id, None))


def explain_anybody(services: Services, call: Call) -> Reply:
    """Explain a decision about whoever uses a browser, or about a reader with or without an account."""
    return _explained(services, call, Whose(call.body["reader_id"], call.body["visitor_id"]))


def _explained(services: Services, call: Call, whose: Whose) -> Reply:
    article = call.body["article"]
    access = Access(article["access"]) if article["access"] else None
    found = services.explain.explain(
        Asked(whose=whose, article_id=article["id"], access=access, feature=article["feature"], at=call.body["at"])
    )
    if found.reader_id is not None:
        call.trail.about(found.reader_id)
    return answer(200, _explanation(services, found))


def _explanation(services: Services, found: Explanation) -> dict[str, Any]:
    version = found.version
    return {
        "reader_id": found.reader_id,
        "visitor_id": found.asked.whose.visitor_id,
        "article": found.article._asdict() | {"access": found.article.access.value},
        "moment": instant(found.moment),
        "verdict": found.verdict,
        "then": _then(services, found.then) if found.then else None,
        "missing": found.missing,
        "now": _decision(services, found.now.decision, found.now_rule, found.now.degraded),
        "inputs": [
            {"name": each.name, "label": each.label, "then": each.then, "now": each.now, "differs": each.differs}
            for each in found.inputs
        ],
        "version": None if version is None else _version(vars(version)),
        "reads": [_remembered(each) for each in found.reads],
        "around": [_remembered(each) for each in found.around],
    }


def _then(services: Services, then: Then) -> dict[str, Any]:
    entry = then.entry
    return _decision(services, entry.decision, then.rule, entry.degraded) | {
        "again": {"same": then.holds, "says": then.again_says},
        "turned_out_paid": then.turned_out_paid,
        "consume": entry.consume,
        "catalog_version": entry.catalog_version,
    }


def _decision(services: Services, made: Decision, rule: str, degraded: str | None) -> dict[str, Any]:
    return {
        "granted": made.granted,
        "reason": made.reason.value,
        "rule": rule,
        "counted": made.counted,
        "meter": present.meter(made.reading, services.catalog.zone),
        "entitlement": present.entitlement(made.entitlement),
        "wall": present.wall(made.wall),
        "degraded": degraded,
        "decided_at": instant(made.decided_at),
    }


def _version(row: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("version", "entitlement", "cause")}
    return same | {"as_of": instant(row["as_of"]), "recorded_at": instant(row["recorded_at"])}


def _remembered(entry: Entry) -> dict[str, Any]:
    return {
        "article": entry.article.id,
        "at": instant(entry.decision.decided_at),
        "granted": entry.decision.granted,
        "reason": entry.decision.reason.value,
        "visitor_id": None if entry.reader_id else entry.visitor_id,
    }


_EXAMPLE = {"article": {"id": "belgorod-incursion"}, "at": "2026-11-10T14:02:00Z"}
_DESCRIPTION = (
    "With `at`, the decision about the article nearest to that moment (half an hour at most off; without seconds, the "
    "whole minute), the rule that made it, and the same decided again by today's code from what was remembered. "
    "Always the answer of now, every input of both side by side, the entitlement that the record had, and what had "
    "been counted. `missing` says in words why there is nothing of then. Nothing is counted, and nothing journaled."
)

EXPLAIN = Operation(
    method="POST",
    path="/v1/support/accounts/{reader_id}/explain",
    name="explain",
    tag="For support",
    summary="Why was this reader walled, or let in?",
    description=_DESCRIPTION,
    access=Scope.SUPPORT_READ,
    view=explain,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.Explain,
    answers={200: story_shapes.Explanation},
    problems=("no_account", "database_unavailable"),
    slow=True,
    audited=Audited(act="why.read"),
    example_body=_EXAMPLE,
)

EXPLAIN_ANYBODY = Operation(
    method="POST",
    path="/v1/support/explain",
    name="explain_anybody",
    tag="For support",
    summary="Why was somebody without an account walled, or let in?",
    description=f"A browser on which nobody is signed in, or a reader: one of the two ids. {_DESCRIPTION}",
    access=Scope.SUPPORT_READ,
    view=explain_anybody,
    body_schema=schemas.ExplainAnybody,
    answers={200: story_shapes.Explanation},
    problems=("database_unavailable",),
    slow=True,
    audited=Audited(act="why.read"),
    example_body=_EXAMPLE | {"visitor_id": "v-5"},
)
