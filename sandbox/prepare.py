"""`python -m sandbox.prepare`: the service's own commands that precede its start, in one process.

Each alone would import the same libraries again, which takes longer than what it does.
"""

from __future__ import annotations

import sys

import click

from service.cli import main as newsstand

COMMANDS = (["migrate"], ["plans", "apply"], ["sandbox-keys"])


def main() -> int:
    """Run each command in turn; return the exit code. The first that fails says so in one line."""
    for command in COMMANDS:
        try:
            newsstand(command, prog_name="newsstand", standalone_mode=False)
        except click.ClickException as refused:
            print(f"newsstand {' '.join(command)}: {refused.format_message()}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
