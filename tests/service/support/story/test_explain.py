"""Why somebody was walled at 14:02: over the real record, meter and journal, by the code that decides."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from service.access.question import Question
from service.domain.decision import Access, Article, Reason
from service.errors import NotFound
from service.journal import partitions
from service.journal.moment import Whose
from service.journal.silent import Silent
from service.store.journal_tables import catalogs, decisions, paid_but_refused
from service.support.story.explain import NOTHING_KEPT, Asked, Explain, Explanation

READER, VISITOR = Whose("r-1", None), Whose(None, "v-1")


@pytest.fixture
def explain(parts: Any) -> Explain:
    gate = copy.copy(parts.gate)
    gate._journal = Silent()
    return Explain(parts.engine, gate=gate, readers=parts.readers, catalog=parts.catalog, business_clock=parts.clock)


@pytest.fixture
def walled(parts: Any) -> Any:
    """A visitor who has read the free article, signed in a minute later, and met the wall at 09:02."""
    meet(parts, "a-1", visitor_id="v-1")
    parts.clock.advance(timedelta(minutes=1))
    parts.links.link("r-1", "v-1", now=parts.clock())
    parts.clock.advance(timedelta(minutes=1, seconds=30))
    meet(parts, "a-2", reader_id="r-1")
    return parts


def meet(parts: Any, article: str, *, access: Access = Access.METERED, **ids: str) -> None:
    question = Question(articles=[Article(id=article, access=access)], consume=True,
                        **({"reader_id": None, "visitor_id": None} | ids))  # fmt: skip
    parts.gate.decide(question)
    parts.journal.close()


def told(found: Explanation) -> dict[str, tuple[str | None, str | None]]:
    return {each.name: (each.then, each.now) for each in found.inputs}


def at(parts: Any, whose: Whose = READER, article: str = "a-2", **moment: Any) -> Asked:
    return Asked(whose=whose, article_id=article, at=parts.clock().replace(**({"second": 0} | moment)))


def test_a_wall_is_explained_with_every_input(walled: Any, explain: Explain) -> None:
    """The decision of then, its rule, what had been counted (before she signed in, on the browser), and now."""
    found = explain.explain(at(walled))
    assert found.then is not None
    assert (found.then.entry.decision.granted, found.then.holds, found.missing) == (False, True, None)
    assert found.then.rule == (
        "Nothing was bought or given, 1 of 1 free articles in November 2026 were used up, and this one was not among "
        "them."
    )
    assert [(each.article.id, each.visitor_id) for each in found.reads] == [("a-1", "v-1")]
    assert told(found) == {
        "decision": ("refused (meter exhausted)",) * 2, "signed_in": ("yes",) * 2, "access": ("metered",) * 2,
        "feature": ("none",) * 2, "exemption": ("none opened it",) * 2, "entitlement": ("nothing in force",) * 2,
        "standing": ("none",) * 2, "limit": ("1",) * 2, "window": ("November 2026",) * 2,
        "used": ("1",) * 2, "among": ("no, and there was no room",) * 2, "trial": ("yes",) * 2,
        "missing": ("none",) * 2, "catalog": (walled.catalog.version,) * 2,
    }  # fmt: skip
    assert found.verdict.startswith("Asked now, the answer is the same: refused.")


def test_asking_leaves_no_trace(walled: Any, explain: Explain) -> None:
    """Nothing is counted, and support's look is no wall in the journal."""
    before = rows(walled)
    explain.explain(Asked(whose=Whose(None, "v-new"), article_id="a-1"))
    explain.explain(Asked(whose=READER, article_id="a-9"))
    walled.journal.close()
    assert rows(walled) == before
    meet(walled, "a-1", visitor_id="v-new")
    assert rows(walled) == before + 1, "the one free article was still there"


def test_a_difference_between_then_and_now_is_shown(
    walled: Any, explain: Explain, make_snapshot: Callable[..., Any], make_subscription: Callable[..., Any]
) -> None:
    """She has subscribed since: refused then, let in now, and which inputs differ is said."""
    then = at(walled)
    walled.apply(make_snapshot(make_subscription()))
    found = explain.explain(then)
    assert found.now.decision.reason is Reason.SUBSCRIPTION
    assert told(found)["decision"] == ("refused (meter exhausted)", "let in (subscription)")
    assert told(found)["standing"] == ("none", "active, monthly, until 10 December")
    assert {each.name for each in found.inputs if each.differs} >= {"decision", "entitlement", "standing", "limit"}
    assert found.verdict.startswith("Asked now, the answer is another: let in. What differs: ")
    assert found.version is None, "the record knew of nothing when she was walled"


def test_the_entitlement_is_the_one_the_record_had_then(
    walled: Any, explain: Explain, make_snapshot: Callable[..., Any], make_subscription: Callable[..., Any]
) -> None:
    """Of several versions the one written down last before the decision; a refusal that had been paid for says so."""
    walled.apply(make_snapshot(make_subscription(status="canceled", ended_at=walled.clock())))
    meet(walled, "a-3", reader_id="r-1")
    walled.apply(make_snapshot(make_subscription()))
    with walled.engine.begin() as connection:
        row = connection.execute(decisions.select().where(decisions.c.article_id == "a-3")).one()
        paid = {"recorded_at": row.recorded_at, "decision_id": row.id, "decided_at": row.decided_at}
        connection.execute(insert(paid_but_refused).values(paid))
    found = explain.explain(at(walled, article="a-3"))
    assert found.version is not None
    assert found.then is not None
    assert (found.version.version, found.standing and found.standing.status, found.then.turned_out_paid) == (
        1, "none", True,
    )  # fmt: skip


def test_a_visitor_nobody_knows_is_explained_too(walled: Any, explain: Explain) -> None:
    """Support hears from somebody who is not signed in: by the browser's id, whose it is now is told."""
    meet(walled, "b-1", visitor_id="v-9")
    meet(walled, "b-2", visitor_id="v-9")
    found = explain.explain(at(walled, Whose(None, "v-9"), "b-2"))
    assert found.then is not None
    assert (found.reader_id, found.version, [each.article.id for each in found.reads]) == (None, None, ["b-1"])
    assert "standing" not in told(found)
    mine = explain.explain(at(walled, VISITOR, "a-1", minute=0))
    assert (mine.reader_id, mine.then and mine.then.entry.decision.counted) == ("r-1", True)


def test_the_nearest_decision_is_meant(walled: Any, explain: Explain) -> None:
    """Of several about the article; a moment told to the minute is that whole minute, half an hour off is too far."""
    walled.clock.advance(timedelta(minutes=10))
    meet(walled, "a-2", reader_id="r-1")
    later = walled.clock()
    for moment, expected in ((later - timedelta(minutes=10), 1), (later - timedelta(minutes=4), 2), (later, 2)):
        found = explain.explain(Asked(whose=READER, article_id="a-2", at=moment))
        assert found.then is not None
        assert (found.then.entry.decision.decided_at == later) is (expected == 2)
    walled.clock.advance(timedelta(hours=2))
    assert explain.explain(at(walled)).then is None


def test_the_offer_of_then_decides_again(walled: Any, explain: Explain) -> None:
    """Where today's code says otherwise that is told; without the offer, that it can't be decided again."""
    for offer, again in (
        (walled.catalog.source.replace('"id": "annual"', '"id": "yearly"'),
         ("Decided again by today's code, from what was remembered: the same, but the wall would be “subscribe”, "
         "offering monthly, yearly.")),
        ('{"plans": []}', "Today's code can't read the offer or the inputs of then, so it can't be decided again."),
    ):  # fmt: skip
        with walled.engine.begin() as connection:
            connection.execute(update(catalogs).values(source=offer))
        changed = explain.explain(at(walled)).then
        assert changed is not None
        assert (changed.holds is True, changed.again_says) == (False, again)
    with walled.engine.begin() as connection:
        connection.execute(update(decisions).values(catalog_version="gone"))
    gone = explain.explain(at(walled)).then
    assert gone is not None
    assert (gone.holds, gone.again_says) == (None, "The offer of then was not kept, so it can't be decided again.")


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "That moment has not come yet"), (0, NOTHING_KEPT), (-9, "The journal goes back to ")],
)
def test_what_is_not_kept_is_said_honestly(walled: Any, explain: Explain, days: int, words: str) -> None:
    """The future, nothing remembered, and what was let go; the answer of now is there all the same."""
    with walled.engine.connect() as connection:
        begins = partitions.present(connection)[0]
    walled.clock.instant = walled.clock.instant.replace(year=begins.year, month=begins.month, day=begins.day, hour=12)
    asked = Asked(whose=READER, article_id="a-77", at=walled.clock() + timedelta(days=days))
    found = explain.explain(asked)
    assert (found.then, (found.missing or "").startswith(words)) == (None, True)
    assert found.now.decision.reason is not None


def test_an_empty_journal_is_said_to_be_empty(parts: Any, explain: Explain) -> None:
    """And nothing of now is withheld."""
    found = explain.explain(Asked(whose=READER, article_id="a-1", at=parts.clock()))
    assert (found.missing or "").startswith("The journal is empty")
    assert found.now.decision.granted


def test_what_else_was_decided_is_shown_where_the_article_was_not(walled: Any, explain: Explain) -> None:
    """So that a moment leads to its article; of the reader and of her browsers."""
    asked = Asked(whose=READER, article_id="a-77", at=walled.clock())
    assert [each.article.id for each in explain.explain(asked).around] == ["a-2", "a-1"]
    assert [each.article.id for each in explain.around(VISITOR, walled.clock())] == ["a-1"]
    assert explain.around(READER, walled.clock() - timedelta(days=2)) == []


def test_how_the_article_is_sold_may_be_asked_for(walled: Any, explain: Explain) -> None:
    """Else it is as it was then."""
    meet(walled, "s-1", access=Access.SUBSCRIBERS, reader_id="r-1")
    found = explain.explain(at(walled, article="s-1"))
    assert (found.article.access, found.now.decision.reason) == (Access.SUBSCRIBERS, Reason.SUBSCRIBERS_ONLY)
    free = explain.explain(Asked(whose=READER, article_id="s-1", access=Access.FREE, at=walled.clock()))
    assert (free.now.decision.reason, told(free)["access"]) == (Reason.FREE_ARTICLE, ("subscribers", "free"))


def test_without_redis_the_answer_of_now_says_what_is_missing(
    walled: Any, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure policy's answer is shown as what it is."""
    from metering.meter import MeterUnavailable

    def away(*_: Any, **__: Any) -> None:
        raise MeterUnavailable("away")

    monkeypatch.setattr(walled.meter, "ask_many", away)
    monkeypatch.setattr(walled.meter, "usage", away)
    found = explain.explain(at(walled))
    assert told(found)["missing"] == ("none", "redis")


def test_who_has_no_account_is_refused(walled: Any, explain: Explain) -> None:
    """Where an account is asked about."""
    with pytest.raises(NotFound):
        explain.refuse_unknown("r-404")


def rows(parts: Any) -> int:
    with parts.engine.connect() as connection:
        return int(connection.scalar(text("select count(*) from decisions")))


def _repeated(parts: Any, article: str, times: int) -> None:
    """Write down the newest wall so many times more, a second apart, as of a browser that reloads by itself."""
    copied = select(*(column for column in decisions.c)).order_by(decisions.c.decided_at.desc()).limit(1)
    with parts.engine.begin() as connection:
        row = dict(connection.execute(copied).mappings().one())
        rows = [
            row | {"id": number, "article_id": article, "decided_at": row["decided_at"] + timedelta(seconds=number)}
            for number in range(1, times + 1)
        ]
        connection.execute(insert(decisions), rows)


def test_the_nearest_wall_is_meant_however_many_came_after(walled: Any, explain: Explain) -> None:
    """A page that reloads every second meets hundreds of walls; the one at the moment asked for is explained."""
    first = walled.clock()
    _repeated(walled, "a-2", 500)
    found = explain.explain(Asked(whose=READER, article_id="a-2", at=first))
    assert found.then is not None
    assert found.then.entry.decision.decided_at == first


def test_what_was_decided_around_a_moment_is_the_nearest(walled: Any, explain: Explain) -> None:
    """Also where hundreds of later decisions lie within the same hours."""
    first = walled.clock()
    _repeated(walled, "a-3", 500)
    around = explain.around(READER, first)
    assert max(abs(each.decision.decided_at - first) for each in around) < timedelta(seconds=30)
    assert first in {each.decision.decided_at for each in around}
