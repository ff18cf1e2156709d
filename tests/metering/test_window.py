"""Windows tile time in the publication's zone, whatever its clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metering.window import KINDS, ROLLING, Window, Windows, window_at

PARIS = ZoneInfo("Europe/Paris")
MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
ZONES = [
    "UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Sao_Paulo",  # put forward at midnight until 2019
    "America/St_Johns",  # put back across midnight, from 00:01, until 2011
    "Africa/Cairo", "Pacific/Apia",  # had no 30 December 2011
]  # fmt: skip


def utc(year: int, month: int = 1, *rest: int) -> datetime:
    return datetime(year, month, *(rest or (1,)), tzinfo=UTC)


EARLIEST, LATEST = int(utc(1971).timestamp()), int(utc(2100).timestamp())


@given(
    kind=st.sampled_from(sorted(KINDS - {ROLLING})),
    now=st.integers(EARLIEST, LATEST).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    first_weekday=st.integers(0, 6),
)
@example(kind="day", now=utc(2006, 10, 29, 2, 30, 30), zone=ZoneInfo("America/St_Johns"), first_weekday=0)
@example(kind="day", now=utc(2006, 10, 29, 2, 31, 30), zone=ZoneInfo("America/St_Johns"), first_weekday=0)
@example(kind="day", now=utc(2011, 12, 30, 10), zone=ZoneInfo("Pacific/Apia"), first_weekday=0)
@example(kind="day", now=utc(2018, 11, 4, 3), zone=ZoneInfo("America/Sao_Paulo"), first_weekday=0)
def test_a_window_holds_now_and_its_neighbours_touch_it(
    kind: str, now: datetime, zone: ZoneInfo, first_weekday: int
) -> None:
    """Claim: every instant lies in one window, and the instants at its two ends belong to the windows beside it."""
    window = window_at(kind, now, zone, first_weekday)
    starts_at, ends_at = window.starts_at.astimezone(UTC), window.ends_at.astimezone(UTC)
    assert starts_at <= now < ends_at

    assert window_at(kind, starts_at, zone, first_weekday) == window
    following = window_at(kind, ends_at, zone, first_weekday)
    assert following.starts_at.astimezone(UTC) == ends_at
    before = window_at(kind, starts_at - timedelta(microseconds=1), zone, first_weekday)
    assert before.ends_at.astimezone(UTC) == starts_at
    assert len({before.id, window.id, following.id}) == 3


@pytest.mark.parametrize(
    ("kind", "now", "window_id", "starts_at", "ends_at"),
    [
        ("month", utc(2026, 11, 22), "month-2026-11", "2026-11-01T00:00+01:00", "2026-12-01T00:00+01:00"),
        ("month", utc(2026, 10, 31, 23), "month-2026-11", "2026-11-01T00:00+01:00", "2026-12-01T00:00+01:00"),
        ("month", utc(2026, 3, 9), "month-2026-03", "2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("month", utc(2026, 12, 31, 22, 59), "month-2026-12", "2026-12-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("month", utc(2028, 2, 29), "month-2028-02", "2028-02-01T00:00+01:00", "2028-03-01T00:00+01:00"),
        ("week", utc(2026, 11, 22, 22, 59), "week-2026-11-16", "2026-11-16T00:00+01:00", "2026-11-23T00:00+01:00"),
        ("week", utc(2027, 1, 1), "week-2026-12-28", "2026-12-28T00:00+01:00", "2027-01-04T00:00+01:00"),
        ("day", utc(2026, 11, 22), "day-2026-11-22", "2026-11-22T00:00+01:00", "2026-11-23T00:00+01:00"),
        ("day", utc(2026, 3, 29, 12), "day-2026-03-29", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("day", utc(2026, 10, 25, 12), "day-2026-10-25", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
    ],
)  # fmt: skip
def test_windows_of_a_paris_publication(kind: str, now: datetime, window_id: str, starts_at: str, ends_at: str) -> None:
    """Claim: ids and ends are the local calendar's, over clock changes, year ends and leap days."""
    window = window_at(kind, now, PARIS)
    assert (window.kind, window.id) == (kind, window_id)
    assert window.starts_at.isoformat(timespec="minutes") == starts_at
    assert window.ends_at.isoformat(timespec="minutes") == ends_at


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 6))
def test_a_week_starts_on_the_chosen_weekday(day: date, first_weekday: int) -> None:
    """Claim: a week begins on `first_weekday`, Monday unless told."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert window_at("week", noon, PARIS, first_weekday).starts_at.weekday() == first_weekday
    assert window_at("week", noon, PARIS).starts_at.weekday() == 0


def test_a_skipped_midnight_is_shown_as_the_clock_showed_it() -> None:
    """Claim: where the clock jumps from 24:00 to 01:00, the window starts at 01:00, not at a time that never was."""
    window = window_at("day", utc(2018, 11, 4, 12), ZoneInfo("America/Sao_Paulo"))
    assert window.starts_at.isoformat() == "2018-11-04T01:00:00-02:00"


@given(
    now=st.integers(EARLIEST, LATEST).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    later=st.floats(0, 1, exclude_max=True),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    days=st.integers(1, 366),
)
def test_a_rolling_window_is_found_again_until_it_ends(now: datetime, later: float, zone: ZoneInfo, days: int) -> None:
    """Claim: it lasts its days of 24 hours over any clock change, and until its last instant its place is looked at."""
    begun = window_at(ROLLING, now, zone, days=days)
    assert begun.starts_at.astimezone(UTC) == now
    assert begun.ends_at.astimezone(UTC) - now == begun.length == timedelta(days=days)
    assert begun.reaches_back_to == now - timedelta(days=days)
    while_running = window_at(ROLLING, now + later * timedelta(days=days), zone, days=days)
    assert begun.id in (while_running.id, while_running.earlier_id)
    assert while_running.begun_at(now) == replace(while_running, starts_at=begun.starts_at, ends_at=begun.ends_at)
    long_after = window_at(ROLLING, now + timedelta(days=2 * days), zone, days=days)
    assert begun.id not in (long_after.id, long_after.earlier_id)


@pytest.mark.parametrize(
    ("now", "days", "ends_at"),
    [
        (utc(2026, 11, 22, 12), 30, "2026-12-22T13:00+01:00"),
        (utc(2026, 3, 1, 12), 30, "2026-03-31T14:00+02:00"),  # the clock is put forward: an hour later by it
        (utc(2028, 2, 28, 12), 1, "2028-02-29T13:00+01:00"),
        (utc(2026, 12, 31, 22, 30), 7, "2027-01-07T23:30+01:00"),
    ],
)  # fmt: skip
def test_rolling_windows_of_a_paris_publication(now: datetime, days: int, ends_at: str) -> None:
    """Claim: a day of a rolling window is 24 hours, told in the publication's time."""
    assert window_at(ROLLING, now, PARIS, days=days).ends_at.isoformat(timespec="minutes") == ends_at


def test_a_rolling_window_is_told_in_the_publications_zone() -> None:
    """Claim: as asked for and as begun earlier, both its ends carry the zone, over a clock change too."""
    asked = window_at(ROLLING, utc(2026, 11, 22, 12), PARIS, days=30)
    begun = asked.begun_at(utc(2026, 10, 24, 12))
    assert {each.tzinfo for window in (asked, begun) for each in (window.starts_at, window.ends_at)} == {PARIS}
    assert begun.starts_at.isoformat(timespec="minutes") == "2026-10-24T14:00+02:00"
    assert begun.ends_at.isoformat(timespec="minutes") == "2026-11-23T13:00+01:00"


def test_the_next_release_finds_the_rolling_windows_of_this_one() -> None:
    """Claim: an epoch begins with each so many days of 86,400 s since 1970, and ids are these for good."""
    begins_at = utc(2026, 11, 22)
    window = window_at(ROLLING, begins_at, PARIS, days=1)
    assert (window.kind, window.id, window.earlier_id, window.marked_in, window.marked_before) == (
        "rolling", "rolling-1-20779", "rolling-1-20778", "rolling-2-10389", "rolling-2-10388",
    )  # fmt: skip
    assert window_at(ROLLING, begins_at - SECOND, PARIS, days=1).id == "rolling-1-20778"


def test_an_unknown_kind_is_refused() -> None:
    """Claim: a kind that no calendar knows, or a rolling window without a length, is an error, not a default."""
    with pytest.raises(ValueError, match="fortnight"):
        window_at("fortnight", utc(2026, 11, 22), PARIS)
    with pytest.raises(ValueError, match="number of days"):
        window_at(ROLLING, utc(2026, 11, 22), PARIS)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The instants for which a window is cut anew."""
    instants: list[datetime] = []

    def noted(kind: str, now: datetime, *terms: Any) -> Window:
        instants.append(now)
        return window_at(kind, now, *terms)

    monkeypatch.setattr("metering.window.window_at", noted)
    return instants


def test_a_calendars_window_is_cut_once_while_now_lies_in_it(cut: list[datetime]) -> None:
    """Claim: from its first instant to its last the very same object is handed out."""
    windows = Windows("month", PARIS)
    found = windows.at(utc(2026, 11, 22))
    starts_at, ends_at = found.starts_at.astimezone(UTC), found.ends_at.astimezone(UTC)
    for now in (starts_at, utc(2026, 11, 2), utc(2026, 11, 22), ends_at - MICROSECOND):
        assert windows.at(now) is found
    assert cut == [utc(2026, 11, 22)]


def test_beyond_either_end_of_the_remembered_window_lies_its_neighbour() -> None:
    """Claim: at its end the next window is found, before its first instant the one before, and either leads back."""
    windows = Windows("month", PARIS)
    november = windows.at(utc(2026, 11, 22))
    starts_at, ends_at = november.starts_at.astimezone(UTC), november.ends_at.astimezone(UTC)
    found = [windows.at(now).id for now in (ends_at, ends_at - MICROSECOND, starts_at - MICROSECOND, starts_at)]
    assert found == ["month-2026-12", "month-2026-11", "month-2026-10", "month-2026-11"]


def test_a_rolling_window_is_never_remembered() -> None:
    """Claim: it begins when it is asked for, so each question has its own."""
    windows = Windows(ROLLING, PARIS, days=7)
    begun = [windows.at(utc(2026, 11, 22) + seconds * SECOND).starts_at for seconds in range(2)]
    assert begun == [utc(2026, 11, 22), utc(2026, 11, 22) + SECOND]


@pytest.mark.parametrize(
    ("terms", "window_id"),
    [
        (("month", ZoneInfo("Asia/Kathmandu")), "month-2026-12"),
        (("week", PARIS), "week-2026-11-30"),
        (("week", PARIS, 6), "week-2026-11-29"),
        ((ROLLING, PARIS, 0, 7), "rolling-7-2969"),
    ],
)
def test_windows_are_cut_as_was_said_once(terms: tuple[Any, ...], window_id: str) -> None:
    """Claim: kind, zone, first weekday and days go for every instant."""
    assert Windows(*terms).at(utc(2026, 11, 30, 23)).id == window_id


def test_what_was_not_said_is_as_for_one_window() -> None:
    """Claim: a week begins on Monday unless told, and a rolling window needs its days."""
    assert Windows("week", PARIS).at(utc(2026, 11, 22)) == window_at("week", utc(2026, 11, 22), PARIS)
    with pytest.raises(ValueError, match="number of days, not 0"):
        Windows(ROLLING, PARIS).at(utc(2026, 11, 22))


@given(
    kind=st.sampled_from(sorted(KINDS)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    began=st.integers(EARLIEST, LATEST).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    steps=st.lists(st.timedeltas(timedelta(days=-40), timedelta(days=40)), max_size=6),
    first_weekday=st.integers(0, 6),
    days=st.integers(1, 40),
)
def test_asked_in_any_order_it_finds_what_is_found_alone(
    kind: str, zone: ZoneInfo, began: datetime, steps: list[timedelta], first_weekday: int, days: int
) -> None:
    """Claim: what was asked before changes no answer, whatever clocks do; nor does the zone `now` is told in."""
    windows = Windows(kind, zone, first_weekday, days)
    for now in (began, *(began + step for step in steps)):
        alone = window_at(kind, now, zone, first_weekday, days)
        for told in (now, now.astimezone(zone)):
            found = windows.at(told)
            marked = alone.marked_in, alone.marked_before
            assert (found, found.marked_in, found.marked_before) == (alone, *marked)
