"""One newsroom per folder; what an earlier one left is ended, and nobody else's process is touched."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.leftovers import Recorded, read_record, started, stop_leftovers, take_lock, write_record
from sandbox.newsroom import CannotStart
from sandbox.processes import Child

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
DEAF = [sys.executable, "-c", IGNORE]


def test_a_second_newsroom_in_a_folder_is_refused(tmp_path: Path) -> None:
    """The line names the folder and the process that holds it; once that ends the folder is free."""
    with (
        take_lock(tmp_path),
        pytest.raises(CannotStart, match=rf"already runs in {tmp_path} \(process {os.getpid()}\)"),
    ):
        take_lock(tmp_path)
    take_lock(tmp_path).close()


def test_what_an_earlier_run_left_is_ended(tmp_path: Path) -> None:
    """By its recorded signal; one that ignores it is killed."""
    left = [Child("valkey", SLEEP, log=tmp_path / "a"), Child("web", DEAF, log=tmp_path / "b")]
    left[1].wait_until(lambda: left[1].last_line() == "up", timeout_seconds=10)
    write_record(tmp_path / "running.json", left)
    assert stop_leftovers(tmp_path / "running.json", timeout_seconds=0.2) == ["valkey", "web"]
    assert [each.process.wait() for each in left] == [-signal.SIGTERM, -signal.SIGKILL]
    assert not (tmp_path / "running.json").exists()


def test_a_process_that_only_shares_the_id_is_left_alone(tmp_path: Path) -> None:
    """Process ids are used again: another start time means somebody else's process."""
    stranger = Child("stranger", SLEEP, log=tmp_path / "log")
    entry = dataclasses.asdict(dataclasses.replace(Recorded.of(stranger), started="another boot 1"))
    (tmp_path / "running.json").write_text(json.dumps([entry]))
    assert stop_leftovers(tmp_path / "running.json") == []
    assert stranger.is_running()
    stranger.stop()


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"pid": 1}]', "[1]"])
def test_a_torn_record_names_nobody(tmp_path: Path, text: str) -> None:
    """A record cut short by a crash does not stop the next start."""
    (tmp_path / "running.json").write_text(text)
    assert read_record(tmp_path / "running.json") == []


def test_a_process_that_is_gone_has_no_start(tmp_path: Path) -> None:
    """Also one whose parent has not asked for its exit code yet."""
    child = Child("short", [sys.executable, "-c", ""], log=tmp_path / "log")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started(child.pid) is None
    child.stop()
