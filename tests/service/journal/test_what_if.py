"""A replay under the terms in force changes nothing; under others it says what a plain model of the meter says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metering.window import window_at
from service.catalog.load import load_catalog
from service.domain.catalog import Catalog
from service.journal.what_if import Day, Tried, WhatIf, with_meter

CATALOG = load_catalog("plans.yaml")
ZONE = ZoneInfo("Europe/Paris")
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

Attempt = tuple[int, str, str]
"""Hours since the one before, the subject (`r…` is a reader), the article."""

ATTEMPTS = st.lists(
    st.tuples(st.integers(0, 80), st.sampled_from(["r-1", "r-2", "v-1", "v-2"]), st.sampled_from("abcdefgh")),
    max_size=60,
)
TERMS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(["day", "week", "month", "rolling"]))
ROLLING_DAYS = 3


def under(terms: tuple[int, int, str]) -> Catalog:
    visitors, readers, window = terms
    return with_meter(CATALOG, limit_visitor=visitors, limit_reader=readers, window=window, rolling_days=ROLLING_DAYS)


class PlainMeter:
    """The meter as anybody would write it down: a set of articles for each subject, and when it begins anew."""

    def __init__(self, terms: tuple[int, int, str]) -> None:
        self._visitors, self._readers, self._window = terms
        self._read: dict[str, set[str]] = {}
        self._ends_at: dict[str, datetime] = {}

    def ask(self, at: datetime, subject: str, article: str) -> tuple[str, int, datetime]:
        """Return what came of it, how much is used then, and when the window ends."""
        limit = self._readers if subject.startswith("r") else self._visitors
        if at >= self._ends_at.get(subject, at):
            self.reset(subject)
        read = self._read.setdefault(subject, set())
        ends_at = self._ends_at.get(subject) or window_at(self._window, at, ZONE, days=ROLLING_DAYS).ends_at.astimezone(
            UTC
        )
        outcome = "seen" if article in read else "room" if len(read) < limit else "full"
        if outcome == "room":
            read.add(article)
            self._ends_at[subject] = ends_at
        return outcome, len(read), ends_at

    def reset(self, subject: str) -> None:
        """Do as staff do: forget what this one read."""
        self._read.pop(subject, None)
        self._ends_at.pop(subject, None)


def tried(at: datetime, subject: str, article: str, outcome: str, used: int, resets_at: datetime) -> Tried:
    reader = subject if subject.startswith("r") else None
    return Tried(
        at=at, reader_id=reader, visitor_id=None if reader else subject, signed_in=reader is not None,
        article_id=article, counted=outcome == "room", used=used, resets_at=resets_at,
    )  # fmt: skip


def journaled(attempts: Iterable[Attempt], terms: tuple[int, int, str], resets: Sequence[int] = ()) -> list[Tried]:
    """Return what the journal holds of these attempts: counted reads and walls, not re-reads."""
    meter, at, entries = PlainMeter(terms), START, []
    for number, (hours, subject, article) in enumerate(attempts):
        at += hours * HOUR
        if number in resets:
            meter.reset(subject)
        outcome, used, resets_at = meter.ask(at, subject, article)
        if outcome != "seen":
            entries.append(tried(at, subject, article, outcome, used, resets_at))
    return entries


def replayed(entries: Iterable[Tried], terms: tuple[int, int, str]) -> dict[date, Day]:
    replay = WhatIf(under(terms))
    replay.replay(entries)
    return replay.days


@given(ATTEMPTS, TERMS, st.lists(st.integers(0, 59), max_size=4), st.lists(st.integers(0, 59), max_size=10))
@example([(0, "v-1", "b"), (0, "v-1", "a"), (0, "v-1", "b")], (1, 0, "day"), [1], [1])
@example([(0, "r-1", article) for article in "abcdefg"], (1, 4, "month"), [3], [1])
@settings(deadline=None)
def test_the_terms_in_force_gain_and_lose_nothing(
    attempts: list[Attempt], terms: tuple[int, int, str], resets: list[int], dropped: list[int]
) -> None:
    """Whatever was tried, also when staff reset meters in between and entries were dropped."""
    entries = [each for number, each in enumerate(journaled(attempts, terms, resets)) if number not in dropped]
    days = replayed(entries, terms)
    assert sum(day.gained + day.lost for day in days.values()) == 0
    assert sum(day.reads for day in days.values()) == sum(each.counted for each in entries)
    assert sum(day.walls for day in days.values()) == sum(not each.counted for each in entries)


@given(ATTEMPTS, TERMS, TERMS)
@settings(deadline=None)
def test_other_terms_agree_with_a_plain_model(
    attempts: list[Attempt], present: tuple[int, int, str], other: tuple[int, int, str]
) -> None:
    """Where every attempt was remembered, the walls are those the other meter would have shown, day by day."""
    entries = journaled(attempts, present)
    meter, expected = PlainMeter(other), dict[date, Day]()
    for each in entries:
        outcome, _, _ = meter.ask(each.at, each.reader_id or each.visitor_id or "", each.article_id)
        day = expected.setdefault(each.at.astimezone(ZONE).date(), Day())
        day.reads += each.counted
        day.walls += not each.counted
        day.gained += each.counted and outcome == "full"
        day.lost += not each.counted and outcome != "full"
    assert replayed(entries, other) == expected


def test_a_wider_meter_spares_walls_and_a_narrower_one_adds_some() -> None:
    """Four articles in a month of two free ones: with three, one wall goes; with one, one comes."""
    attempts = [(1, "r-1", article) for article in "abcd"]
    entries = journaled(attempts, (1, 2, "month"))
    day = START.date()
    assert replayed(entries, (1, 3, "month")) == {day: Day(reads=2, walls=2, gained=0, lost=1)}
    assert replayed(entries, (1, 1, "month")) == {day: Day(reads=2, walls=2, gained=1, lost=0)}


def test_a_browser_brings_its_reads_along_when_its_reader_signs_in() -> None:
    """Two articles as a visitor and one as the reader are three of the reader's, as they are in the meter."""
    ends = window_at("month", START, ZONE).ends_at.astimezone(UTC)

    def entry(article: str, *, reader: str | None, used: int, counted: bool = True, browser: str = "v-1") -> Tried:
        return Tried(at=START, reader_id=reader, visitor_id=browser, signed_in=reader is not None, article_id=article,
                     counted=counted, used=used, resets_at=ends)  # fmt: skip

    entries = [
        entry("a", reader=None, used=1),
        entry("b", reader=None, used=2),
        entry("c", reader="r-1", used=3),
        entry("d", reader="r-1", used=3, counted=False),
    ]
    assert replayed(entries, (3, 3, "month"))[START.date()] == Day(reads=3, walls=1)
    assert replayed(entries, (3, 4, "month"))[START.date()] == Day(reads=3, walls=1, lost=1)
    assert replayed(entries, (3, 2, "month"))[START.date()] == Day(reads=3, walls=1, gained=1)


def test_a_window_of_long_ago_takes_no_read_of_the_browser_along() -> None:
    """A reader of October comes back in November and signs in where three were read: under two, two were walls."""
    months = {
        month: window_at("month", month, ZONE).ends_at.astimezone(UTC) for month in (START, START + 24 * 30 * HOUR)
    }
    (first, first_end), (second, second_end) = months.items()

    def read(
        at: datetime, article: str, used: int, ends: datetime, *, reader: str | None, browser: str | None
    ) -> Tried:
        return Tried(at=at, reader_id=reader, visitor_id=browser, signed_in=reader is not None, article_id=article,
                     counted=True, used=used, resets_at=ends)  # fmt: skip

    entries = [
        read(first, "x", 1, first_end, reader="r-1", browser=None),
        *[read(second, each, used, second_end, reader=None, browser="v-1") for used, each in enumerate("abc", start=1)],
        read(second + 24 * HOUR, "d", 4, second_end, reader="r-1", browser="v-1"),
    ]
    assert [day.gained for day in replayed(entries, (3, 4, "month")).values()] == [0, 0, 0]
    assert [day.gained for day in replayed(entries, (1, 2, "month")).values()] == [0, 2, 0]


def test_what_came_with_a_browser_unseen_is_a_wall_signed_out_too() -> None:
    """A sign-in that met nothing to journal united three reads with the reader's one; signed out there is no room."""
    ends = window_at("month", START, ZONE).ends_at.astimezone(UTC)

    def entry(article: str, *, used: int, counted: bool, signed_in: bool) -> Tried:
        return Tried(at=START, reader_id="r-1", visitor_id=None, signed_in=signed_in, article_id=article,
                     counted=counted, used=used, resets_at=ends)  # fmt: skip

    entries = [
        entry("a", used=1, counted=True, signed_in=True),
        entry("b", used=4, counted=False, signed_in=True),
        entry("c", used=4, counted=False, signed_in=False),
    ]
    assert replayed(entries, (3, 1, "month"))[START.date()] == Day(reads=1, walls=2)


def test_what_two_processes_wrote_down_in_the_wrong_order_is_no_wall() -> None:
    """The wall came after the second read in the meter, and before it in the journal."""
    entries = journaled([(1, "r-1", "a"), (0, "r-1", "b"), (0, "r-1", "c")], (1, 2, "month"))
    swapped = [entries[0], entries[2], entries[1]]
    assert replayed(swapped, (1, 2, "month")) == replayed(entries, (1, 2, "month"))
    assert replayed(swapped, (1, 1, "month")) == replayed(entries, (1, 1, "month"))


@pytest.mark.parametrize("window", ["day", "week", "month"])
def test_days_are_the_publications(window: str) -> None:
    """Half past midnight in Paris is the next day, though it is the same in UTC."""
    late = datetime(2026, 11, 10, 23, 30, tzinfo=UTC)
    entry = tried(late, "v-1", "a", "room", 1, window_at(window, late, ZONE).ends_at.astimezone(UTC))
    assert list(replayed([entry], (1, 1, window))) == [date(2026, 11, 11)]
