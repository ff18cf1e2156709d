"""What processes have run is read where the kernel counts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.processor import seconds_of

BUSY_SECONDS = 0.1
_BUSY = f"""
import subprocess, sys, threading, time
def work():
    while time.thread_time() < {BUSY_SECONDS}: pass
thread = threading.Thread(target=lambda: (work(), work_done.set(), over.wait()))
work_done, over = threading.Event(), threading.Event()
thread.start()
work()
work_done.wait()
child = None
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
print("done", flush=True)
sys.stdin.read()
over.set()
if child: child.communicate()
"""
"""A program of two threads that are each busy for so long, then wait to be let go; below it another, if told."""


@pytest.fixture
def busy() -> Iterator[int]:
    command = [sys.executable, "-c", _BUSY, _BUSY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


def test_the_time_of_all_threads_and_children_is_counted(busy: int) -> None:
    """Claim: two processes of two threads each have run four times as long as one thread did."""
    assert seconds_of(busy) >= 4 * BUSY_SECONDS


def test_who_waits_costs_nothing(busy: int) -> None:
    """Claim: it is the processor's time that is told, not the clock's: of those who all wait it stands still."""
    assert any(seconds_of(busy) == seconds_of(busy) for _ in range(100))  # it may yet be on its way to waiting
