"""`make screenshots`: every picture is taken, of something to see, and each is shown in the documents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import screenshots
from sandbox.newsroom import ROOT

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DOCUMENTS = ("docs/support.md", "docs/operations.md")


def test_every_picture_is_kept_and_shown() -> None:
    """None is left over from a page that is no longer taken, and none is kept that no document shows."""
    kept = {each.stem for each in screenshots.FOLDER.glob("*")}
    assert kept == {each.name for each in screenshots.SHOTS}
    told = "".join((ROOT / each).read_text() for each in DOCUMENTS)
    assert {each for each in kept if f"screenshots/{each}.png)" not in told} == set()


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_the_command_takes_them_all(tmp_path: Path) -> None:
    """From a newsroom of its own, with a past and its numbers counted; none is too large to keep."""
    command = [sys.executable, "-m", "sandbox.screenshots", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=800, check=False)
    assert run.returncode == 0, run.stderr
    for shot in screenshots.SHOTS:
        assert (tmp_path / f"{shot.name}.png").read_bytes().startswith(SIGNATURE), shot.name
