"""Starts processes, notices when one dies, and stops them all in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from sandbox.leftovers import write_record
from sandbox.processes import Child, ServerDidNotStart

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(Exception):
    """Somebody pressed Ctrl-C, or sent SIGTERM or SIGHUP."""


class ChildEnded(Exception):
    """A process that should run on has ended; the message is one clear line."""


class Supervisor:
    """Keeps children; `stop_order` names them from the first to stop to the last."""

    def __init__(self, stop_order: Sequence[str], record: Path) -> None:
        self._stop_order = list(stop_order)
        self._record = record
        self._children: list[Child] = []
        self._asked = False

    def listen(self) -> None:
        """Take note of the signals that ask us to stop; a signal that was ignored (nohup) stays ignored."""
        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN or each is signal.SIGINT:
                signal.signal(each, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True  # acted upon at the next checkpoint, never in the middle of starting a process

    def adopt(self, child: Child) -> Child:
        """Watch a running child from now on."""
        self._children.append(child)
        self._children.sort(key=lambda each: self._stop_order.index(each.name))
        write_record(self._record, self._children)
        return child

    def checkpoint(self, *, starting: Collection[Child] = ()) -> None:
        """Raise StopAsked, or ChildEnded for a child that is not among those `starting`, if that has happened."""
        if self._asked:
            raise StopAsked
        for child in self._children:
            if child not in starting and not child.is_running():
                code = child.process.returncode
                how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
                raise ChildEnded(f"{child.name} {how}: {child.last_line()} (see {child.log})")

    def wait_for(self, starting: Mapping[Child, Callable[[], bool]], *, timeout_seconds: float) -> None:
        """Return once every child's own question says yes; raise ServerDidNotStart, StopAsked or ChildEnded."""
        for child, is_ready in starting.items():
            child.wait_until(partial(self._is_ready, is_ready, starting), timeout_seconds=timeout_seconds)

    def _is_ready(self, is_ready: Callable[[], bool], starting: Collection[Child]) -> bool:
        self.checkpoint(starting=starting)
        return is_ready()

    def run_to_end(self, task: Child, *, timeout_seconds: float = 60) -> None:
        """Wait for a short task; raise ServerDidNotStart with its last line if it fails."""
        deadline = time.monotonic() + timeout_seconds
        try:
            while task.is_running():
                self.checkpoint()
                if time.monotonic() > deadline:
                    raise ServerDidNotStart(f"{task.name} took over {timeout_seconds:.0f} s (see {task.log})")
                time.sleep(0.02)
        finally:
            task.stop()
        if task.process.returncode != 0:
            raise ServerDidNotStart(f"{task.name} failed: {task.last_line()} (see {task.log})")

    def watch(self) -> None:
        """Return never: raise StopAsked or ChildEnded when it happens."""
        while True:
            self.checkpoint()
            time.sleep(0.1)

    def stop_all(self, *, timeout_seconds: float = 20) -> None:
        """Stop every child in order, killing one that takes longer than that. Further signals change nothing."""
        for child in self._children:
            child.stop(timeout_seconds=timeout_seconds)
        self._record.unlink(missing_ok=True)
