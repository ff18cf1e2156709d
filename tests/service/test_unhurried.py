"""Work in turns: complete, in order, and with pauses."""

from __future__ import annotations

import pytest

from service import unhurried as module
from service.unhurried import AT_ONCE, LEAST_PAUSE_SECONDS, unhurried


def test_all_is_done_in_order_with_a_pause_after_each_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim: nothing is left out or done twice, and others get a turn after each few."""
    pauses: list[int] = []
    done: list[int] = []
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: pauses.append(len(done)))
    for each in unhurried(range(3 * AT_ONCE + 1)):
        done.append(each)  # noqa: PERF402 - what is done by when is what is asked
    assert done == list(range(3 * AT_ONCE + 1))
    assert pauses == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE]


def test_the_pauses_take_the_time_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim: few items and many are spread over the same time; without one, pauses are as short as may be."""
    pauses: list[float] = []
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    for count in (10 * AT_ONCE, 1000 * AT_ONCE):
        list(unhurried(range(count), 0.5))
        assert sum(pauses) == pytest.approx(0.5)
        pauses.clear()
    list(unhurried(range(AT_ONCE)))
    assert pauses == [LEAST_PAUSE_SECONDS]
