"""The rules of a turn. tests/simulation/test_orders.py proves them over every order of a seven-event life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from webhooks.failures import Setback
from webhooks.turn import SyncOutcome, SyncRow, Turn, failed, finished, is_current, taken

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
DIRTY = SyncRow(customer_id="cus_1", dirty=3, synced=1, ticket=4, dirty_since=NOW)


def take(row: SyncRow, now: datetime = NOW, **options: int) -> tuple[SyncRow, Turn]:
    result = taken(row, now, lease=LEASE, **options)
    assert isinstance(result, tuple), result
    return result


def test_a_turn_is_a_new_ticket_a_lease_and_what_was_read() -> None:
    """Taking a turn changes ticket and lease alone, and remembers the `dirty` it saw."""
    row, turn = take(DIRTY)
    assert turn == Turn(customer_id="cus_1", ticket=5, dirty=3, taken_at=NOW)
    assert row == replace(DIRTY, ticket=5, leased_until=NOW + LEASE)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (replace(DIRTY, synced=3), SyncOutcome.CLEAN),
        (replace(DIRTY, synced=3, leased_until=NOW + LEASE), SyncOutcome.CLEAN),
        (replace(DIRTY, leased_until=NOW + timedelta(microseconds=1)), SyncOutcome.BUSY),
        (replace(DIRTY, not_before=NOW + timedelta(microseconds=1)), SyncOutcome.BACKING_OFF),
    ],
)
def test_there_is_no_turn_to_take(row: SyncRow, outcome: SyncOutcome) -> None:
    """Clean, in another's hands, or backing off."""
    assert taken(row, NOW, lease=LEASE) is outcome


@pytest.mark.parametrize("limit", ["leased_until", "not_before"])
def test_a_lease_or_backoff_is_over_at_its_instant(limit: str) -> None:
    """At the very instant, not after it."""
    take(replace(DIRTY, **{limit: NOW}))


def test_who_waits_for_a_mark_overrules_backoff_and_ignores_later_hints() -> None:
    """With a mark, backoff does not hold; once the mark is synced there is nothing to do, though more is dirty."""
    take(replace(DIRTY, not_before=NOW + LEASE), mark=2)
    assert taken(replace(DIRTY, synced=2), NOW, lease=LEASE, mark=2) is SyncOutcome.CLEAN
    assert taken(replace(DIRTY, leased_until=NOW + LEASE), NOW, lease=LEASE, mark=2) is SyncOutcome.BUSY


def test_finishing_cleans_up_to_what_was_read() -> None:
    """A finished turn frees the row and clears its failures; a hint that came meanwhile stays, dated from the turn."""
    held = replace(DIRTY, attempts=2, error="x", not_before=NOW)
    row, turn = take(held)
    later = NOW + timedelta(seconds=5)
    done = finished(row, turn, later)
    assert done == replace(DIRTY, synced=3, ticket=5, synced_at=later, dirty_since=None)
    hinted = finished(replace(row, dirty=4), turn, later)
    assert (hinted.synced, hinted.dirty, hinted.dirty_since) == (3, 4, NOW)


def test_failing_frees_the_row_for_later() -> None:
    """A failed turn leaves the row dirty and unleased, with its backoff and error."""
    row, _ = take(DIRTY)
    setback = Setback(attempts=7, delay=timedelta(seconds=9))
    after = failed(row, setback, "ValueError", NOW)
    assert after == replace(DIRTY, ticket=5, attempts=7, error="ValueError", not_before=NOW + timedelta(seconds=9))


def test_only_the_newest_ticket_is_current() -> None:
    """A turn taken after the lease ran out makes the earlier one worthless."""
    row, first = take(DIRTY)
    row, second = take(row, NOW + LEASE)
    assert not is_current(row, first)
    assert is_current(row, second)


def test_which_outcomes_mean_up_to_date() -> None:
    """Synced by us, or by another already."""
    assert [each for each in SyncOutcome if each.up_to_date] == [SyncOutcome.SYNCED, SyncOutcome.CLEAN]
