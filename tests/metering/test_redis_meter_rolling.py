"""A rolling window begins with the subject's own first read, and ends so many days after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from metering.connections import Connections
from metering.meter import Guarding, Outcome, Reading, Subject, SubjectKind
from metering.script import Script
from metering.window import window_at

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
MONTH = timedelta(days=30)


class Rolling:
    """A desk that cuts the window anew at each question, as the service does."""

    def __init__(self, desk: Any, days: int = 30) -> None:
        self.desk = desk
        self.days = days

    def at(self, now: datetime) -> Any:
        window = window_at("rolling", now, PARIS, days=self.days)
        return self.desk.with_(window=window, now=now, wall_now=now)

    def reads(self, subject: Subject, article: str, now: datetime, **changes: Any) -> Reading:
        return self.at(now).reads(subject, article, **changes)


@pytest.fixture
def rolling(desk: Any) -> Rolling:
    return Rolling(desk)


def test_the_first_read_begins_the_window(rolling: Rolling, visitor: Subject) -> None:
    """Claim: every answer until its end names the same end, wherever the epochs' boundaries fall in between."""
    ends_at = NOW + MONTH
    assert rolling.reads(visitor, "a-1", NOW).window.ends_at == ends_at
    for later in (timedelta(seconds=1), timedelta(days=15), MONTH - timedelta(seconds=1)):
        again, more = rolling.reads(visitor, "a-1", NOW + later), rolling.reads(visitor, "a-2", NOW + later)
        assert (again.outcome, more.outcome) == (Outcome.SEEN, Outcome.FULL)
        assert again.window.ends_at == more.window.ends_at == ends_at
        assert rolling.at(NOW + later).meter.usage(visitor, limit=1, window=more.window).window.ends_at == ends_at


def test_at_its_end_a_new_one_begins_with_the_next_read(rolling: Rolling, visitor: Subject) -> None:
    """Claim: what was told as the end is when the allowance is back; the next window begins when it is used."""
    rolling.reads(visitor, "a-1", NOW)
    peeked = rolling.reads(visitor, "a-1", NOW + MONTH, consume=False)
    assert (peeked.outcome, peeked.used) == (Outcome.ROOM, 0)
    read_at = NOW + MONTH + timedelta(days=3)
    read = rolling.reads(visitor, "a-2", read_at)
    assert (read.outcome, read.used, read.window.ends_at) == (Outcome.ROOM, 1, read_at + MONTH)
    assert rolling.reads(visitor, "a-1", read_at + timedelta(days=1)).outcome is Outcome.FULL


def test_before_the_first_read_the_end_is_that_of_a_read_now(rolling: Rolling, visitor: Subject) -> None:
    """Claim: a peek promises what reading would then give."""
    peeked = rolling.reads(visitor, "a-1", NOW, consume=False)
    assert peeked.window.ends_at == NOW + MONTH
    assert rolling.reads(visitor, "a-1", NOW).window.ends_at == peeked.window.ends_at


def test_subjects_have_windows_of_their_own(rolling: Rolling, visitor: Subject) -> None:
    """Claim: another visitor's window begins with their read, also in the same bucket."""
    other = Subject(SubjectKind.VISITOR, "v-6")
    rolling.reads(visitor, "a-1", NOW)
    assert rolling.reads(other, "a-1", NOW + timedelta(days=9)).window.ends_at == NOW + timedelta(days=39)
    assert rolling.reads(visitor, "a-1", NOW + timedelta(days=9)).window.ends_at == NOW + MONTH


def test_a_batch_across_an_old_and_a_new_window_counts_as_single_questions_would(
    rolling: Rolling, visitor: Subject
) -> None:
    """Claim: a batch after the end begins one new window for all its articles."""
    rolling.reads(visitor, "a-1", NOW, limit=2)
    later = NOW + MONTH
    answers = rolling.at(later).meter.ask_many(
        visitor,
        ["a-1", "a-2", "a-3"],
        limit=2,
        window=rolling.at(later).window,
        consume=True,
        now=later,
        wall_now=later,
    )
    assert [(each.outcome, each.used) for each in answers.each] == [
        (Outcome.ROOM, 1), (Outcome.ROOM, 2), (Outcome.FULL, 2),
    ]  # fmt: skip
    assert {each.window.ends_at for each in answers.each} == {later + MONTH}


def test_a_link_leaves_the_readers_window_as_it_was_told(rolling: Rolling, reader: Subject, visitor: Subject) -> None:
    """Claim: the visitor's reads join the reader's running window, older or younger; its end stays what it was."""
    for visitor_days, kept in ((-9, visitor), (9, Subject(SubjectKind.VISITOR, "v-6"))):
        read_at, linked_at = NOW + timedelta(days=visitor_days), NOW + timedelta(days=10)
        rolling.reads(kept, f"of {kept.id}", read_at, limit=9)
        rolling.at(NOW).meter.publish_absent(reader.id, NOW)
        rolling.reads(reader, "own", NOW, limit=9)
        rolling.at(linked_at).link(kept, reader, linked_at)
        assert rolling.at(linked_at).meter.usage(
            kept, limit=9, window=rolling.at(linked_at).window
        ).window.ends_at == NOW + MONTH  # fmt: skip
    assert rolling.at(NOW + timedelta(days=11)).used(reader) == 3
    assert rolling.at(NOW + MONTH).used(reader) == 0


def test_a_reader_without_a_window_takes_over_the_visitors(rolling: Rolling, reader: Subject, visitor: Subject) -> None:
    """Claim: signing in neither ends nor prolongs the window that was begun anonymously."""
    rolling.reads(visitor, "a-1", NOW)
    rolling.at(NOW + timedelta(days=29)).link(visitor, reader, NOW)
    usage = rolling.at(NOW + timedelta(days=29)).meter.usage(
        reader, limit=1, window=rolling.at(NOW + timedelta(days=29)).window
    )
    assert (usage.used, usage.window.ends_at) == (1, NOW + MONTH)
    assert rolling.at(NOW + MONTH).used(visitor) == rolling.at(NOW + MONTH).used(reader) == 0


def test_a_visitor_without_reads_begins_no_window_of_the_readers(
    rolling: Rolling, reader: Subject, visitor: Subject, server: redis.Redis
) -> None:
    """Claim: signing in counts nothing and writes nothing of the reader's: the window begins with the first read."""
    rolling.at(NOW).link(visitor, reader, NOW)
    place = rolling.desk.meter._keys.place(reader)
    assert [server.hget(key, place.field) for key in place.meters(rolling.at(NOW).window)] == [None, None]


@pytest.mark.usefixtures("backend_url")
def test_where_there_is_nothing_to_unite_linking_asks_once(
    rolling: Rolling, reader: Subject, visitor: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: a window's beginning alone is no read: a browser without reads is settled with its link."""
    asked, run = list[str](), Connections.run

    def noting(self: Connections, script: Script, *rest: Any) -> Any:
        asked.append(script.name)
        return run(self, script, *rest)

    monkeypatch.setattr(Connections, "run", noting)
    rolling.at(NOW).link(visitor, reader, NOW)
    assert asked == ["link"]


def test_an_ended_window_is_not_united(rolling: Rolling, reader: Subject, visitor: Subject) -> None:
    """Claim: what the visitor read in a window that is over counts for nobody."""
    rolling.reads(visitor, "a-1", NOW)
    rolling.at(NOW + MONTH).link(visitor, reader, NOW)
    assert rolling.at(NOW + MONTH).used(reader) == 0


def test_a_reset_reaches_the_epoch_before(rolling: Rolling, visitor: Subject) -> None:
    """Claim: support's reset works on a window that was begun in an earlier epoch, and erasure leaves nothing of it."""
    for forget in (False, True):
        rolling.reads(visitor, "a-1", NOW)
        later = rolling.at(NOW + MONTH - timedelta(seconds=1))
        assert later.window.id != rolling.at(NOW).window.id
        if forget:
            later.meter.forget(visitor, windows=[later.window])
        else:
            later.meter.reset(visitor, window=later.window)
        assert later.used(visitor) == 0


def test_keys_outlive_their_windows_and_then_go(
    rolling: Rolling, server: redis.Redis, visitor: Subject, make_desk: Callable[..., Any]
) -> None:
    """Claim: a key lives as long as a window begun in it and a day more; later reads in it do not prolong it."""
    rolling.reads(visitor, "a-1", NOW, limit=9)
    [key] = server.scan_iter()
    lifetime = server.ttl(key)
    assert 31 * 86_400 - 100 < lifetime <= 31 * 86_400
    later = NOW + MONTH - timedelta(seconds=1)
    server.expire(key, 500)
    assert rolling.reads(visitor, "a-2", later, limit=9).used == 2
    assert list(server.scan_iter()) == [key]
    assert server.ttl(key) <= 500


@pytest.mark.parametrize("day_of_the_epoch", [0.0, 10.0, 29.5, 59.5])
def test_the_guard_knows_a_visitor_until_a_window_after_their_own(
    rolling: Rolling, visitor: Subject, day_of_the_epoch: float
) -> None:
    """Claim: wherever in an epoch the one read was, its visitor is no newcomer for a window's length after its end."""
    epoch = 2 * MONTH.total_seconds()
    begins = datetime.fromtimestamp(NOW.timestamp() // epoch * epoch, UTC)
    read_at = begins + timedelta(days=day_of_the_epoch)
    rolling.reads(visitor, "a-1", read_at, guarding=Guarding.VOUCHED)
    for later in (MONTH, MONTH + timedelta(hours=13), 2 * MONTH - timedelta(seconds=1)):
        peeked = rolling.reads(visitor, "a-2", read_at + later, guarding=Guarding.ASK, consume=False)
        assert peeked.outcome is Outcome.ROOM
    long_after = rolling.reads(visitor, "a-2", read_at + 4 * MONTH, guarding=Guarding.ASK, consume=False)
    assert long_after.outcome is Outcome.NEWCOMER
