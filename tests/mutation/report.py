"""Say how many made-up faults the tests notice, and hold every one they don't against its reason in docs/survivors.md.

`make mutants` runs mutmut (pyproject.toml says on what), then this. Ends with 1 below 90 % killed, or when a survivor
has no reason. A survivor is known by its function and the line it became: numbers change with every edit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REASONS = ROOT / "docs" / "survivors.md"
WANTED_PERCENT = 90
KILLED = frozenset([1, 3, 152, 24, -24, 36, 255])  # pytest failed, crashed, or never came to an end
SURVIVED, UNTESTED = 0, 33


def verdicts() -> dict[str, int]:
    """Return every mutant's exit code, as mutmut keeps them beside the files it changed."""
    found: dict[str, int] = {}
    for meta in sorted((ROOT / "mutants").rglob("*.meta")):
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        found |= {name: code for name, code in codes.items() if code is not None}
    return found


def became(mutant: str) -> str:
    """Return the changed lines of a mutant, in one line, without the backquotes that a table cell cannot hold."""
    shown = subprocess.run(["mutmut", "show", mutant], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    added = (line[1:].strip() for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++"))
    return " ".join(added).replace("|", "¦").replace("`", "'")


def function_of(mutant: str) -> str:
    """Return `service.domain.money.Money.to_json` for `service.domain.money.xǁMoneyǁto_json__mutmut_3`."""
    module, _, mangled = mutant.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def reasons() -> dict[tuple[str, str], str]:
    """Return docs/survivors.md's table."""
    rows = (line.strip().strip("|").split("|") for line in REASONS.read_text().splitlines() if line.startswith("| `"))
    return {(cells[0].strip(" `"), cells[1].strip(" `")): cells[2].strip() for cells in rows}


def unexplained(survivors: Iterator[str]) -> Iterator[str]:
    """Yield a table row, still without its reason, for each survivor that has none."""
    known = reasons()
    for mutant in survivors:
        function, line = function_of(mutant), became(mutant)
        if not known.get((function, line)):
            yield f"| `{function}` | `{line}` |  |"


def main() -> int:
    """Print the score and what is unexplained."""
    found = verdicts()
    killed = sum(code in KILLED for code in found.values())
    alive = [name for name, code in found.items() if code not in KILLED]
    percent = 100 * killed / max(1, len(found))
    print(f"{killed} of {len(found)} mutants killed: {percent:.1f} %")
    rows = list(unexplained(iter(alive)))
    print("\n".join(rows) or f"each of the {len(alive)} survivors has its reason in {REASONS.relative_to(ROOT)}")
    return 1 if rows or percent < WANTED_PERCENT else 0


if __name__ == "__main__":
    sys.exit(main())
