"""One newsroom per folder, and nothing left of the one before: a lock, and a record of who was started.

On Linux the kernel ends our children when we are killed (sandbox.processes). This is for where it does not, and for
children that are still shutting down: the next start waits for them, or ends them. Only processes that are provably
ours are touched: process id *and* start time must be as recorded, for ids are used again.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sandbox.newsroom import CannotStart
from sandbox.processes import Child, group_is_gone, stat_fields


@dataclass(frozen=True)
class Recorded:
    """A process that some run started."""

    name: str
    pid: int
    started: str
    stop_signal: int

    @classmethod
    def of(cls, child: Child) -> Recorded:
        return cls(child.name, child.pid, started(child.pid) or "", int(child.stop_signal))

    def is_running(self) -> bool:
        """Tell whether this very process, not a later one with its id, still runs."""
        return self.started != "" and started(self.pid) == self.started


def started(pid: int) -> str | None:
    """Return when process `pid` began, as a text that no later process with that id shares; None if it is gone."""
    if sys.platform != "linux":
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip() or None
    seen = stat_fields(pid)
    if not seen or seen[0] in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {seen[19]}"  # field 22, in ticks since the boot


def take_lock(directory: Path) -> IO[str]:
    """Return the lock on `directory`, held until closed; raise CannotStart when another newsroom holds it."""
    try:
        lock = (directory / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"cannot open {directory}/lock ({error.strerror}): set SANDBOX_DIR") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "?"
        lock.close()
        raise CannotStart(
            f"a newsroom already runs in {directory} (process {holder}): stop it first, or give this one its own "
            "SANDBOX_DIR and ports"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def write_record(path: Path, children: Sequence[Child]) -> None:
    """Note who runs, whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps([asdict(Recorded.of(child)) for child in children]))
    unfinished.replace(path)


def read_record(path: Path) -> list[Recorded]:
    """Return whom the last run noted; a missing or torn record names nobody."""
    try:
        return [Recorded(**entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def stop_leftovers(path: Path, *, timeout_seconds: float = 15) -> list[str]:
    """End what the last run left, in the recorded order, and return the names of those that were still there."""
    left = [each for each in read_record(path) if each.is_running()]
    for each in left:
        _stop(each, timeout_seconds)
    path.unlink(missing_ok=True)
    return [each.name for each in left]


def _stop(process: Recorded, timeout_seconds: float) -> None:
    try:
        os.kill(process.pid, process.stop_signal)
        if not _ends(process, timeout_seconds):
            os.kill(process.pid, signal.SIGKILL)
            _ends(process, timeout_seconds)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise CannotStart(f"{process.name} of an earlier run, process {process.pid}, belongs to another account: "
                          "stop it first") from error  # fmt: skip
    group_is_gone(process.pid, timeout_seconds=5)


def _ends(process: Recorded, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while process.is_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
