"""The breaker opens after failures in a row, and closes by a probe."""

from __future__ import annotations

import threading

import pytest

from metering.breaker import Breaker


class Seconds:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker(failures=3, open_seconds=1.0, monotonic=seconds)


def _break(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.failed()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    """Claim: two failures leave it closed, a success starts the count again, three in a row open it."""
    breaker.failed()
    breaker.failed()
    assert breaker.allows()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open
    assert not breaker.allows()


def test_the_last_outcome_is_known(breaker: Breaker) -> None:
    """Claim: one failure tells that the server is away, long before it is left alone; one success that it is back."""
    assert not breaker.has_failed
    breaker.failed()
    assert (breaker.has_failed, breaker.is_open) == (True, False)
    breaker.succeeded()
    assert not breaker.has_failed


def test_one_caller_probes_each_period(breaker: Breaker, seconds: Seconds) -> None:
    """Claim: when the pause is over exactly one of many threads is let through, and the next only a pause later."""
    _break(breaker)
    seconds.now += 1.0
    allowed: list[bool] = []
    threads = [threading.Thread(target=lambda: allowed.append(breaker.allows())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 19 + [True]
    seconds.now += 0.9
    assert not breaker.allows()
    seconds.now += 0.1
    assert breaker.allows()


def test_a_probe_decides(breaker: Breaker, seconds: Seconds) -> None:
    """Claim: a failed probe keeps it open for a whole pause, a successful one closes it for all."""
    _break(breaker)
    seconds.now += 1.0
    assert breaker.allows()
    seconds.now += 0.5
    breaker.failed()
    seconds.now += 0.9
    assert not breaker.allows()
    seconds.now += 0.1
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_pauses_grow_while_probes_fail(seconds: Seconds) -> None:
    """Claim: each probe doubles the pause, up to the longest; a success lets all through, and shortens it again."""
    breaker = Breaker(failures=3, open_seconds=0.5, longest_seconds=2.0, monotonic=seconds)
    for _ in range(2):
        _break(breaker)
        for pause in (0.5, 1.0, 2.0, 2.0):
            seconds.now += pause - 0.01
            assert not breaker.allows()
            seconds.now += 0.01
            assert breaker.allows()
            breaker.failed()
        seconds.now += 2.0
        assert breaker.allows()
        breaker.succeeded()
        assert breaker.allows()


def test_those_on_their_way_when_it_opens_prolong_nothing(seconds: Seconds) -> None:
    """Claim: however many callers fail at once, the first pause is the short one."""
    breaker = Breaker(failures=3, open_seconds=0.5, longest_seconds=2.0, monotonic=seconds)
    for _ in range(20):
        breaker.failed()
    seconds.now += 0.5
    assert breaker.allows()


def test_without_a_longest_pause_all_are_the_first(seconds: Seconds) -> None:
    """Claim: unless told otherwise a pause stays as short as it began, however many probes fail."""
    breaker = Breaker(failures=3, open_seconds=0.5, monotonic=seconds)
    _break(breaker)
    for _ in range(4):
        seconds.now += 0.5
        assert breaker.allows()
        breaker.failed()
        assert not breaker.allows()
