"""A pass is handed back uncounted; without one the record is asked, and absence is believed for a minute."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.meter import MeterUnavailable, Outcome, Pass, Subject, SubjectKind
from metering.window import window_at

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_serial = itertools.count()


def test_a_pass_is_handed_back_uncounted(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: with a pass any number of articles is read, the meter stays where it is, and the payload is untouched."""
    published = make_pass()
    assert desk.meter.publish(reader.id, published)
    for article in ("a-1", "a-2"):
        for metered in (True, False):
            reading = desk.reads(reader, article, metered=metered)
            assert (reading.outcome, reading.carried, reading.used) == (Outcome.PASS, published, 0)
    assert desk.used(reader) == 0


def test_a_reader_without_any_record_is_unknown_and_not_counted(
    desk: Any, server: redis.Redis, reader: Subject
) -> None:
    """Claim: before the record was asked nothing is counted and nothing is written, metered or not."""
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN
    assert desk.outcome(reader, "a-1", metered=False) is Outcome.UNKNOWN
    assert server.dbsize() == 0


def test_a_tombstone_gives_articles_beyond_the_limit(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: as many more as it says, told as the limit, until its instant; then the limit is as before."""
    until = NOW + timedelta(seconds=30)
    assert desk.meter.publish(reader.id, make_pass(absent=True, payload=b"", valid_until=until, extra=2))
    readings = [desk.reads(reader, article, now=NOW) for article in ("a-1", "a-2", "a-3", "a-4", "a-1")]
    assert [each.outcome for each in readings] == [Outcome.ROOM] * 3 + [Outcome.FULL, Outcome.SEEN]
    assert {each.limit for each in readings} == {3}
    over = desk.reads(reader, "a-4", now=until)
    assert (over.outcome, over.limit, over.used) == (Outcome.FULL, 1, 3)


def test_an_absent_reader_is_metered_for_a_minute(desk: Any, reader: Subject) -> None:
    """Claim: \"nothing known\" is believed for less than 60 s, also across the turn of a minute, then asked again."""
    published_at = NOW + timedelta(seconds=50)
    desk.meter.publish_absent(reader.id, published_at)
    assert desk.outcome(reader, "a-1", wall_now=published_at) is Outcome.ROOM
    assert desk.outcome(reader, "a-2", wall_now=published_at + timedelta(seconds=59.9)) is Outcome.FULL
    assert desk.outcome(reader, "a-2", metered=False, wall_now=published_at) is Outcome.NO_PASS
    assert desk.outcome(reader, "a-1", wall_now=published_at + timedelta(seconds=60)) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "standing",
    [
        {"version": 9, "absent": True, "refreshed_at": NOW - timedelta(minutes=5)},
        {"version": 9, "valid_until": NOW - timedelta(days=1), "refreshed_at": NOW - timedelta(minutes=5)},
        {"version": 9, "valid_until": NOW - timedelta(days=1), "refreshed_at": NOW + timedelta(minutes=5)},
    ],
    ids=["a tombstone", "a pass that is over", "one from a clock ahead"],
)
@pytest.mark.parametrize("version", [0, 3])
def test_a_record_that_was_set_back_meters_a_reader_all_the_same(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass], standing: dict[str, Any], version: int
) -> None:
    """Claim: where what the record says cannot take the place of a later version, the reads decide, and count."""
    desk.meter.publish(reader.id, make_pass(**standing))
    says = make_pass(version=version, absent=True, extra=1 if version else 0, valid_until=NOW + timedelta(days=1))
    ask = {"limit": 1, "window": desk.window, "consume": True, "now": NOW, "wall_now": NOW, "published": says}
    outcomes = [desk.meter.ask_many(reader, [each], **ask).each[0].outcome for each in ("a-1", "a-1", "a-2", "a-3")]
    room = Outcome.ROOM if version else Outcome.FULL
    assert outcomes == [Outcome.ROOM, Outcome.SEEN, room, Outcome.FULL]


def test_a_later_pass_is_not_passed_over_for_a_record_that_was_set_back(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: a pass in force that Redis knows by a later version lets in, whatever the record says."""
    desk.meter.publish(reader.id, make_pass(version=9))
    says = make_pass(version=3, absent=True)
    ask = {"limit": 1, "window": desk.window, "consume": True, "now": NOW, "wall_now": NOW, "published": says}
    assert desk.meter.ask_many(reader, ["a-1"], **ask).each[0].outcome is Outcome.PASS


def test_a_clock_far_ahead_does_not_stretch_the_belief(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: a tombstone stamped an hour ahead is not believed for an hour."""
    desk.meter.publish(reader.id, make_pass(absent=True, refreshed_at=NOW + timedelta(hours=1)))
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN


def test_a_note_from_a_clock_ahead_counts_within_its_own_minute(desk: Any, reader: Subject) -> None:
    """Claim: such a note is found until the minute's turn; before that minute has begun here, the record is asked."""
    desk.meter.publish_absent(reader.id, NOW + timedelta(seconds=59))
    assert desk.outcome(reader, "a-1") is Outcome.ROOM
    assert desk.outcome(reader, "a-1", wall_now=NOW - timedelta(microseconds=1)) is Outcome.UNKNOWN


def test_a_tombstone_meters_for_a_minute(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: a revoked pass opens nothing at once, its reader is metered, and after 60 s the record is asked."""
    desk.meter.publish(reader.id, make_pass())
    desk.meter.publish(reader.id, make_pass(version=2, absent=True))
    assert desk.outcome(reader, "a-1") is Outcome.ROOM
    assert desk.outcome(reader, "a-2", wall_now=NOW + timedelta(seconds=59.9)) is Outcome.FULL
    assert desk.outcome(reader, "a-2", wall_now=NOW + timedelta(seconds=60)) is Outcome.UNKNOWN


def test_an_expired_pass_is_unknown(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: a pass holds until the instant before `valid_until` of business time; from then on the record is asked."""
    ends_at = NOW + timedelta(hours=1)
    desk.meter.publish(reader.id, make_pass(valid_until=ends_at))
    assert desk.outcome(reader, "a-1", now=ends_at - timedelta(microseconds=1)) is Outcome.PASS
    assert desk.outcome(reader, "a-1", now=ends_at) is Outcome.UNKNOWN


def test_the_record_having_forgotten_a_reader_ends_an_expired_pass(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: asking again after publishing absence never answers `unknown` a second time."""
    desk.meter.publish(reader.id, make_pass(valid_until=NOW))
    desk.meter.publish_absent(reader.id, NOW + timedelta(seconds=1))
    assert desk.outcome(reader, "a-1") is Outcome.ROOM


def test_a_note_of_absence_older_than_the_pass_says_nothing(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: a reader who subscribed within the minute is looked up, not metered, once the pass is outlived."""
    desk.meter.publish_absent(reader.id, NOW - timedelta(seconds=1))
    desk.meter.publish(reader.id, make_pass(valid_until=NOW))
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN


def test_a_note_of_absence_of_the_passs_own_instant_says_nothing(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: where clocks cannot tell which came first, the record is asked."""
    desk.meter.publish_absent(reader.id, NOW)
    desk.meter.publish(reader.id, make_pass(valid_until=NOW))
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN


def test_absence_never_hides_a_pass(
    desk: Any, server: redis.Redis, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: a late \"nothing known\", by either door, leaves a payer's pass in force."""
    desk.meter.publish_absent(reader.id, NOW)
    desk.meter.publish(reader.id, make_pass())
    desk.meter.publish_absent(reader.id, NOW)
    assert desk.meter.publish(reader.id, make_pass(version=0, absent=True))
    assert desk.outcome(reader, "a-1") is Outcome.PASS


def test_notes_of_absence_expire_and_passes_do_not(
    desk: Any, server: redis.Redis, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: readers the record knows nothing of cost memory for minutes only; a payer's pass stays."""
    desk.meter.publish_absent(reader.id, NOW)
    desk.meter.publish(reader.id, make_pass())
    lifetimes = {key.rsplit(b"}:")[1].split(b":")[0]: server.ttl(key) for key in server.scan_iter()}
    assert 0 < lifetimes[b"absent"] <= 180
    assert lifetimes[b"passes"] == -1


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=10, unique_by=lambda v: v[0]))
def test_publishers_may_race_in_any_order(
    desk: Any, make_pass: Callable[..., Pass], order: list[tuple[int, bool]]
) -> None:
    """Claim: whatever the order of arrival, repeats included, the highest version stands."""
    reader = Subject(SubjectKind.READER, f"r-{next(_serial)}")
    highest = 0
    for version, absent in order + order[:1]:
        stands = desk.meter.publish(reader.id, make_pass(version=version, absent=absent, payload=b"%d" % version))
        assert stands == (version >= highest)
        highest = max(highest, version)
    reading = desk.reads(reader, "a-1")
    assert reading.outcome is (Outcome.ROOM if dict(order)[highest] else Outcome.PASS)
    if reading.carried:
        assert reading.carried.payload == b"%d" % highest


def test_the_same_version_may_be_refreshed(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: publishing a version again renews it, also from a host whose clock runs behind."""
    desk.meter.publish(reader.id, make_pass())
    refreshed = make_pass(refreshed_at=NOW - timedelta(seconds=90), payload=b"new")
    assert desk.meter.publish(reader.id, refreshed)
    assert desk.reads(reader, "a-1").carried == refreshed


@pytest.mark.parametrize("layout", [0, 2])
@pytest.mark.parametrize("absent", [False, True], ids=["pass", "tombstone"])
def test_another_releases_layout_is_asked_anew_and_replaced(
    desk: Any, server: redis.Redis, reader: Subject, make_pass: Callable[..., Pass], layout: int, absent: bool
) -> None:
    """Claim: a pass in a layout we cannot read is `unknown`, and any version of ours takes its place."""
    place = desk.meter._keys.place(reader)
    desk.meter.publish(reader.id, make_pass(version=9, absent=absent))
    server.hset(place.passes, place.field, bytes([layout]) + server.hget(place.passes, place.field)[1:])
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN
    assert desk.meter.publish(reader.id, make_pass(version=1))
    assert desk.outcome(reader, "a-1") is Outcome.PASS


def test_a_flush_makes_readers_unknown_then_everything_works(
    desk: Any, server: redis.Redis, reader: Subject, visitor: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: FLUSHALL never locks out a payer: the record is asked, the pass published, and reading goes on."""
    desk.meter.publish(reader.id, make_pass())
    server.flushall()
    assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN
    desk.meter.publish(reader.id, make_pass())
    assert desk.outcome(reader, "a-1") is Outcome.PASS
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM


def test_a_damaged_value_is_a_fault_not_a_crash(desk: Any, server: redis.Redis, reader: Subject) -> None:
    """Claim: bytes that are no pass are answered by the failure policy."""
    place = desk.meter._keys.place(reader)
    server.hset(place.passes, place.field, b"\x01")
    with pytest.raises(MeterUnavailable):
        desk.reads(reader, "a-1")


def test_a_server_that_knows_the_last_script_counts_once(
    server: redis.Redis, backend_url: str, make_meter: Any
) -> None:
    """A restarted server taught one script of two must not run the admission twice: the read is new, not `seen`."""
    meter, subject = make_meter(backend_url), Subject(SubjectKind.READER, "r-new-server")
    window = window_at("month", NOW, ZoneInfo("Europe/Paris"))
    asked = {"limit": 1, "window": window, "consume": True, "now": NOW, "wall_now": NOW}
    meter.publish_absent(subject.id, NOW)
    server.script_flush()
    assert (
        meter.ask(subject, "a", **(asked | {"consume": False})).outcome is Outcome.ROOM
    )  # teaches the admission alone
    tombstone = Pass(version=1, valid_until=NOW, refreshed_at=NOW, absent=True, payload=b"")
    assert meter.ask_many(subject, ["a"], **asked, published=tombstone).each[0].outcome is Outcome.ROOM
