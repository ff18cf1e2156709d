"""Business time may follow a Stripe test clock; wall time never does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from service.clocks import FollowedClock, wall_clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_wall_time_is_aware_utc() -> None:
    """An instant without a zone is a bug waiting for October."""
    assert wall_clock().utcoffset() == timedelta(0)


def test_a_followed_clock_moves_with_its_source() -> None:
    """What the background poll saw is what `now` is, without asking again."""
    instants = [NOON]
    moved = threading.Event()

    def poll() -> datetime:
        if len(instants) > 1:
            moved.set()
        return instants[-1]

    clock = FollowedClock(poll, every_seconds=0.01)
    assert clock() == NOON
    instants.append(NOON + timedelta(days=30))
    assert moved.wait(5)
    assert _eventually(lambda: clock() == NOON + timedelta(days=30))
    clock.close()


def test_while_polling_fails_the_last_instant_stands() -> None:
    """A test clock never moves by itself, so silence changes nothing."""
    answers = iter([NOON])
    failed = threading.Event()

    def poll() -> datetime:
        try:
            return next(answers)
        except StopIteration:
            failed.set()
            raise ConnectionError from None

    clock = FollowedClock(poll, every_seconds=0.01)
    assert clock() == NOON
    assert failed.wait(5)
    assert clock() == NOON
    clock.close()


def test_a_clock_that_was_never_read_says_so() -> None:
    """Without any reading there is no business time to invent."""

    def poll() -> datetime:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        FollowedClock(poll)()


def _eventually(holds: object) -> bool:
    pause = threading.Event()
    return any(holds() or pause.wait(0.02) for _ in range(200))  # type: ignore[operator]
