"""Children end with their parent, say why they ended, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.leftovers import started
from sandbox.processes import Child, ServerDidNotStart, free_port, why_unusable

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Starts a child of its own that ignores SIGTERM, then says both process ids.
STUBBORN_FAMILY = """
import os, signal, time
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
print(os.getpid(), child, flush=True)
time.sleep(60)
"""
PARENT = """
import sys, time
from pathlib import Path
from sandbox.processes import Child
child = Child("child", [sys.executable, "-c", "import time; time.sleep(60)"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Tell whether `holds` becomes true; the limit only bounds a failing test."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Nothing is left running after kill -9 of the supervisor, which no handler could see."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert started(child) is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: started(child) is None)


def test_stopping_takes_the_whole_process_group(tmp_path: Path) -> None:
    """A grandchild that ignores SIGTERM and lost its parent (a gunicorn worker, say) does not survive a stop."""
    child = Child("family", [sys.executable, "-c", STUBBORN_FAMILY], log=tmp_path / "log")
    child.wait_until(lambda: len(child.lines()) == 1, timeout_seconds=10)
    _, grandchild = map(int, child.last_line().split())
    child.stop()
    assert eventually(lambda: started(grandchild) is None)


def test_a_child_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """Stopping always returns."""
    command = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child = Child("deaf", [sys.executable, "-c", command], log=tmp_path / "log")
    child.wait_until(lambda: child.last_line() == "deaf", timeout_seconds=10)
    child.stop(timeout_seconds=0.1)
    assert child.process.returncode == -signal.SIGKILL


def test_a_failed_start_says_what_the_child_said(tmp_path: Path) -> None:
    """One line with the reason and the log's place, instead of a time-out."""
    child = Child("broken", [sys.executable, "-c", "print('first'); exit('no such plan')"], log=tmp_path / "log")
    with pytest.raises(ServerDidNotStart, match=r"broken ended at start: no such plan \(see .*log\)"):
        child.wait_until(lambda: False, timeout_seconds=10)


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """A missing binary is named, not a traceback."""
    with pytest.raises(ServerDidNotStart, match=r"ghost: No such file or directory: .*nowhere"):
        Child("ghost", [str(tmp_path / "nowhere")], log=tmp_path / "log")


def test_the_log_is_of_this_run_and_the_one_before_is_kept(tmp_path: Path) -> None:
    """An old run's complaint is never taken for this run's, and still there to read."""
    for text in ("old", "new"):
        child = Child("printer", [sys.executable, "-c", f"print({text!r})"], log=tmp_path / "log")
        child.process.wait()
    assert child.last_line() == "new"
    assert (tmp_path / "log.previous").read_text() == "old\n"


def test_a_port_says_why_it_is_unusable() -> None:
    """A listener on every address takes the port on 127.0.0.1 too."""
    port = free_port()
    assert why_unusable(port) is None
    with socket.create_server(("0.0.0.0", port)):  # noqa: S104 - the case in question
        assert why_unusable(port) == "is in use"
    assert why_unusable(port) is None


def test_children_are_in_sessions_of_their_own(tmp_path: Path) -> None:
    """A Ctrl-C at the terminal reaches the supervisor alone, which then stops children in order."""
    child = Child("sleeper", SLEEP, log=tmp_path / "log")
    assert os.getsid(child.pid) == child.pid
    child.stop()
    assert child.process.returncode == -signal.SIGTERM
