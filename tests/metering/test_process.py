"""A process knows its own number, and so does each that forks from it."""

from __future__ import annotations

import os

from metering.process import ThisProcess


def test_it_is_the_kernels_number_after_a_fork_too() -> None:
    """Claim: what is remembered is what the kernel would say, in parent and child."""
    this_process = ThisProcess()
    assert this_process.pid == os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(0 if this_process.pid == os.getpid() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert this_process.pid == os.getpid() != child
