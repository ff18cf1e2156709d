"""What a Python lacks is said in one line, before anything is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import preflight


def test_this_python_will_do() -> None:
    """The Python that runs the tests can run the newsroom; the script then prints nothing."""
    done = subprocess.run([sys.executable, preflight.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_old_python_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the Python found, the version needed and how to choose another."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert str(preflight.missing()).startswith("Newsstand needs Python 3.11 or newer; ")
    assert "is 3.9" in str(preflight.missing())


def test_a_python_without_venv_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian ships venv apart: the line names the module and the package."""
    monkeypatch.setitem(sys.modules, "venv", None)
    assert "lacks the standard module 'venv' (on Debian: apt-get install python3-venv)" in str(preflight.missing())


def test_an_old_python_can_read_it() -> None:
    """No syntax newer than what the oldest Python about would understand: its complaint would be a traceback."""
    import ast

    ast.parse(Path(preflight.__file__).read_text(), feature_version=(3, 4))
