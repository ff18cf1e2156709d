"""An entry holds all that `decide` was given: decided again from the table, the answer is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sandbox.processes import free_port
from service.access.question import Question
from service.domain.decision import Access, Article, Reason
from service.journal.entry import decide_again, entry_of, is_remembered
from service.journal.reading import catalog_of
from service.store.database import make_engine
from service.store.journal_tables import decisions


def ask(parts: Any, article: str = "a-1", *, consume: bool = True, **who_and_what: Any) -> Any:
    who = {"reader_id": who_and_what.pop("reader", None), "visitor_id": who_and_what.pop("visitor", None)}
    [answer] = parts.gate.decide(Question(articles=[Article(id=article, **who_and_what)], consume=consume, **who))
    return answer.decision


def remembered(parts: Any) -> list[Any]:
    """Return what the journal holds once it has been written, in the order of deciding."""
    parts.journal.close()
    with parts.engine.connect() as connection:
        rows = connection.execute(select(decisions).order_by(decisions.c.recorded_at, decisions.c.id)).all()
    return [entry_of(each) for each in rows]


def test_walls_and_counted_reads_are_remembered_and_nothing_else(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Re-reads, free articles, subscribers' reads and peeks that open leave no trace of what people read."""
    ask(parts, "a-1", visitor="v-1")
    ask(parts, "a-1", visitor="v-1")
    ask(parts, "a-2", visitor="v-1", access=Access.FREE)
    ask(parts, "a-1", visitor="v-1", consume=False)
    ask(parts, "a-2", visitor="v-1", consume=False)
    ask(parts, "a-3", visitor="v-1")
    parts.apply(make_snapshot(make_subscription()))
    ask(parts, "a-4", reader="r-1")
    found = [(each.article.id, each.consume, each.decision.reason) for each in remembered(parts)]
    assert found == [
        ("a-1", True, Reason.METERED),
        ("a-2", False, Reason.METER_EXHAUSTED),
        ("a-3", True, Reason.METER_EXHAUSTED),
    ]


def test_every_kind_of_decision_is_decided_again_alike(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """Metered, exhausted, for subscribers only, a feature that the plan lacks: equal in every field."""
    lapsing = make_subscription(cancel_at=parts.clock() + timedelta(days=40))
    parts.apply(make_snapshot(lapsing))
    asked = [
        ask(parts, "a-1", visitor="v-1"),
        ask(parts, "a-2", visitor="v-1"),
        ask(parts, "a-2", visitor="v-1", consume=False),
        ask(parts, "a-3", visitor="v-1", access=Access.SUBSCRIBERS),
        ask(parts, "a-3", visitor="v-1", feature="archives"),
        ask(parts, "a-3", reader="r-2"),
        ask(parts, "a-4", reader="r-2"),
        ask(parts, "a-4", reader="r-1", feature="no_plan_has_this"),
    ]
    assert {each.reason for each in asked} == {
        Reason.METERED, Reason.METER_EXHAUSTED, Reason.SUBSCRIBERS_ONLY, Reason.FEATURE_MISSING,
    }  # fmt: skip
    entries = remembered(parts)
    assert [each.decision for each in entries] == asked
    assert [decide_again(each, parts.catalog) for each in entries] == asked
    assert {each.catalog_version for each in entries} == {parts.catalog.version}
    assert entries[-1].decision.entitlement is not None
    with parts.engine.connect() as connection:
        assert catalog_of(connection, entries[0]) == parts.catalog
        assert catalog_of(connection, entries[0]._replace(catalog_version="never seen")) is None


@pytest.mark.parametrize("allow", [True, False])
def test_what_was_decided_blindly_is_decided_again_alike(
    build_parts: Callable[..., Any], engine: Engine, *, allow: bool
) -> None:
    """The failure policy's answers are remembered with what it was told, so that an outage can be explained.

    What no count could open for a visitor is no outage's answer: nothing was asked.
    """
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    parts = build_parts(engine, nowhere, allow_on_outage=allow)
    asked = [ask(parts, visitor="v-1"), ask(parts, reader="r-1"), ask(parts, visitor="v-1", access=Access.SUBSCRIBERS)]
    entries = remembered(parts)
    assert [each.decision for each in entries] == asked
    assert [decide_again(each, parts.catalog) for each in entries] == asked
    assert [(each.degraded, each.outage is not None) for each in entries] == [("redis", True)] * 2 + [(None, False)]


def test_what_was_decided_with_both_parts_away_is_written_once_postgresql_is_back(
    build_parts: Callable[..., Any], engine: Engine
) -> None:
    """Blind answers wait in the buffer like any other."""
    dead = make_engine(f"postgresql://newsstand@127.0.0.1:{free_port()}/newsstand", deadline_seconds=0.3)
    parts = replace(build_parts(dead, f"redis://127.0.0.1:{free_port()}/0"), engine=engine)
    parts.journal._connect = lambda: engine
    asked = ask(parts, reader="r-1")
    (entry,) = remembered(parts)
    assert entry.outage is not None
    assert (entry.outage.maybe_entitled, decide_again(entry, parts.catalog)) == (True, asked)


def test_a_wall_is_worth_an_entry_also_when_nobody_counted(make_refusal: Any) -> None:
    """Granted, uncounted and sure is the one case that is not."""
    assert is_remembered(make_refusal())
    assert is_remembered(make_refusal(granted=True, counted=True, reason=Reason.METERED))
    assert is_remembered(make_refusal(granted=True, reason=Reason.OUTAGE))
    assert not is_remembered(make_refusal(granted=True, reason=Reason.ALREADY_READ))
