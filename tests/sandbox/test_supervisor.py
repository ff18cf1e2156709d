"""The supervisor notices a death, stops in order, and acts on signals only between steps."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.leftovers import read_record, started
from sandbox.processes import Child, ServerDidNotStart
from sandbox.supervisor import SIGNALS, ChildEnded, StopAsked, Supervisor

# Says that it ends, in a file that all children share, and takes its time: an order that is kept by luck would show.
ORDERLY = """
import signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[3]))
    open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor of `web`, `worker` and `store`, whose children are gone afterwards."""
    handlers = {each: signal.getsignal(each) for each in SIGNALS}
    made = Supervisor(["web", "worker", "store"], tmp_path / "running.json")
    yield made
    made.stop_all()
    for each, handler in handlers.items():
        signal.signal(each, handler)


def python(name: str, code: str, folder: Path, *arguments: str) -> Child:
    """Start `code` as child `name`."""
    return Child(name, [sys.executable, "-c", code, *arguments], log=folder / f"{name}.log")


def test_children_stop_in_the_given_order(supervisor: Supervisor, tmp_path: Path) -> None:
    """Each has ended before the next is asked to, whatever the order of their start."""
    children = {
        name: supervisor.adopt(python(name, ORDERLY, tmp_path, str(tmp_path / "ends"), name, pause))
        for name, pause in (("store", "0"), ("web", "0.3"), ("worker", "0.1"))
    }
    supervisor.wait_for(
        {each: lambda each=each: each.lines() == ["up"] for each in children.values()}, timeout_seconds=9
    )
    supervisor.stop_all()
    assert (tmp_path / "ends").read_text().split() == ["web", "worker", "store"]


def test_who_runs_is_on_record_until_the_end(supervisor: Supervisor, tmp_path: Path) -> None:
    """A next start can find what a killed supervisor left, and a clean stop leaves no record."""
    child = supervisor.adopt(python("web", "import time; time.sleep(60)", tmp_path))
    (recorded,) = read_record(tmp_path / "running.json")
    assert (recorded.name, recorded.pid, recorded.started) == ("web", child.pid, started(child.pid))
    supervisor.stop_all()
    assert not (tmp_path / "running.json").exists()


def test_a_death_is_one_line(supervisor: Supervisor, tmp_path: Path) -> None:
    """Who died, of what, its last words, and where to read more."""
    supervisor.adopt(python("worker", "exit('lost the database')", tmp_path))
    with pytest.raises(ChildEnded, match=r"^worker ended with code 1: lost the database \(see .*worker.log\)$"):
        supervisor.watch()


def test_a_death_while_another_starts_is_noticed(supervisor: Supervisor, tmp_path: Path) -> None:
    """A start does not wait out its time for a part that needs one that is gone."""
    supervisor.adopt(python("store", "exit('out of memory')", tmp_path))
    web = supervisor.adopt(python("web", "import time; time.sleep(60)", tmp_path))
    with pytest.raises(ChildEnded, match="store ended with code 1: out of memory"):
        supervisor.wait_for({web: lambda: False}, timeout_seconds=30)


def test_a_child_that_starts_may_explain_its_own_end(supervisor: Supervisor, tmp_path: Path) -> None:
    """The server's explanation, not a bare exit code, is what a person reads."""
    store = supervisor.adopt(python("store", "exit('torn page')", tmp_path))
    store.process.wait()

    def explain() -> bool:
        raise ServerDidNotStart("the store's files are torn")

    with pytest.raises(ServerDidNotStart, match="files are torn"):
        supervisor.wait_for({store: explain}, timeout_seconds=30)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_watch(supervisor: Supervisor, number: int) -> None:
    """Ctrl-C, SIGTERM and a closed terminal all ask for an orderly stop."""
    signal.signal(number, signal.default_int_handler)  # as in a terminal; whoever runs the tests may be under nohup
    supervisor.listen()
    os.kill(os.getpid(), number)
    with pytest.raises(StopAsked):
        supervisor.watch()


def test_an_ignored_hangup_stays_ignored(supervisor: Supervisor) -> None:
    """`nohup make run` outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    supervisor.checkpoint()


def test_a_short_task_runs_to_its_end(supervisor: Supervisor, tmp_path: Path) -> None:
    """It has ended when the call returns; its failure is its own last line."""
    task = python("migrate", "print('done')", tmp_path)
    supervisor.run_to_end(task)
    assert (task.is_running(), task.last_line()) == (False, "done")
    with pytest.raises(ServerDidNotStart, match=r"^migrate failed: plans.yaml: price is missing \(see"):
        supervisor.run_to_end(python("migrate", "exit('plans.yaml: price is missing')", tmp_path))


def test_a_task_under_way_is_stopped_with_the_rest(supervisor: Supervisor, tmp_path: Path) -> None:
    """Ctrl-C during a migration leaves no migration running."""
    supervisor.listen()
    task = python("migrate", "import time; time.sleep(60)", tmp_path)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StopAsked):
        supervisor.run_to_end(task)
    assert not task.is_running()
