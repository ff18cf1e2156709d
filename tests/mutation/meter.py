"""Make up faults in the meter: mutmut in a copy of the tree, for it takes its settings from pyproject.toml alone.

`make mutants` has other targets and other tests. Settings are in meter.toml beside this file; arguments go to mutmut.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPY = ROOT / "mutants" / "meter"
NEEDED = ["service", "webhooks", "metering", "sandbox", "newsstand_client", "networks", "tests", "docs"]
FILES = ["plans.yaml", "gunicorn.conf.py"]


def with_settings(pyproject: str, settings: str) -> str:
    """Return pyproject.toml with its `[tool.mutmut]` replaced by `settings`."""
    before, rest = pyproject.split("[tool.mutmut]\n")
    return before + settings + rest[rest.index("\n[tool.") :]


def make_copy() -> None:
    """Make the tree anew, without what earlier runs left."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in NEEDED:
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, COPY / name)
    settings = Path(__file__).with_name("meter.toml").read_text()
    (COPY / "pyproject.toml").write_text(with_settings((ROOT / "pyproject.toml").read_text(), settings))


def main() -> int:
    """Run mutmut, then its report on the copy."""
    make_copy()
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([str(mutmut), "run", *sys.argv[1:]], cwd=COPY, check=True)
    return subprocess.run([sys.executable, "tests/mutation/report.py"], cwd=COPY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
