"""Work in turns: complete, in order, and with pauses."""

from __future__ import annotations

import pytest

from service import unhurried as module
from service.unhurried import AT_ONCE, unhurried


def test_all_is_done_in_order_with_a_pause_after_each_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim: nothing is left out or done twice, and others get a turn after every sixteenth."""
    pauses: list[int] = []
    done: list[int] = []
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: pauses.append(len(done)))
    for each in unhurried(range(3 * AT_ONCE + 1)):
        done.append(each)  # noqa: PERF402 - what is done by when is what is asked
    assert done == list(range(3 * AT_ONCE + 1))
    assert pauses == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE]
