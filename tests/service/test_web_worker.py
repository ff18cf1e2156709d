"""What gunicorn's loop asks of the kernel in each turn is asked each second, and never less often."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gunicorn.workers.gthread import ThreadWorker

from service import web_worker
from service.web_worker import EVERY_SECONDS, BalancedWorker


class Seconds:
    """A monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("name", "ask"), [("notify", BalancedWorker.notify), ("is_parent_alive", BalancedWorker.is_parent_alive)]
)
def test_it_is_asked_each_second(
    monkeypatch: pytest.MonkeyPatch, name: str, ask: Callable[[BalancedWorker], object]
) -> None:
    """Claim: many turns within a second ask once; the first turn after it asks again, and its answer is the answer."""
    asked, clock = [], Seconds()
    monkeypatch.setattr(web_worker, "time", clock)
    monkeypatch.setattr(ThreadWorker, name, lambda _worker: asked.append(clock.now))
    worker = object.__new__(BalancedWorker)
    for _ in range(30):
        last = ask(worker)
        clock.now += EVERY_SECONDS / 10
    assert asked == pytest.approx([1000.0, 1001.0, 1002.0], abs=0.11)
    assert last in {None, True}
    clock.now += EVERY_SECONDS
    assert not ask(worker)
    assert len(asked) == 4
