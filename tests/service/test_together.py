"""What is noted is done together, a little later, each once, and whatever becomes of it nobody who notes waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from service.together import BOUND, Together


def test_what_waits_is_done_in_order_and_once() -> None:
    """Claim: a flush hands on all that was noted; a second one has nothing left."""
    done: list[Sequence[int]] = []
    together = Together("numbers", done.append)
    for number in range(3):
        together.note(number)
    together.flush()
    together.flush()
    assert [number for numbers in done for number in numbers] == [0, 1, 2]


def test_nobody_needs_to_ask_for_it() -> None:
    """Claim: a thread of its own does what waits."""
    came = threading.Event()
    Together("numbers", lambda _: came.set()).note(1)
    assert came.wait(10)


def test_what_cannot_be_done_is_bounded() -> None:
    """Claim: while doing hangs, noting goes on, and the oldest make room."""
    began, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def do(numbers: Sequence[int]) -> None:
        began.set()
        go_on.wait(10)
        done.extend(numbers)

    together = Together("numbers", do)
    together.note(-1)
    assert began.wait(10)
    for number in range(BOUND + 10):
        together.note(number)
    go_on.set()
    together.flush()
    assert done == [-1, *range(10, BOUND + 10)]


def test_a_fork_does_its_own_alone() -> None:
    """Claim: what waited in the parent is the parent's to do; the child has a thread of its own."""
    read, write = os.pipe()

    def do(numbers: Sequence[int]) -> None:
        os.write(write, bytes(numbers))

    together = Together("numbers", do)
    with together._lock:  # the parent's thread waits meanwhile
        together._pid = os.getpid()
        together._noted.append(1)
    child = os.fork()
    if child == 0:
        together.note(2)
        together.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == bytes([2])
    together.flush()
    assert os.read(read, 10) == bytes([1])
    for end in (read, write):
        os.close(end)
