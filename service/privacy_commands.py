"""`newsstand privacy`: what is held on a reader, handed out.

What is needed is imported when a command runs: every `newsstand` command reads this file.
"""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Any

import click

from service.errors import Problem
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.assembly.core import Core


@click.group()
def privacy() -> None:
    """Hand out what is held on a reader; it is in the audit log."""


@privacy.command()
@click.argument("reader_id")
@click.option("--to", "file", type=click.File("w", encoding="utf-8"), default="-", help="A file; default: the screen.")
def export(reader_id: str, file: Any) -> None:
    """Write everything that is held on a reader, as JSON."""
    from service.assembly.privacy import build_exports
    from service.support.audit import Audit, Entry

    core = _core()
    found = _told(lambda: build_exports(core).export(reader_id))
    audit = Audit(core.engine, core.wall_clock)
    with audit.begin() as connection:
        audit.record(connection, Entry(actor=_actor(), act="account.export", subjects=(reader_id,)))
    file.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _core() -> Core:
    from service.assembly.core import build_core
    from service.logs import configure_logs

    configure_logs("error")
    return build_core(Settings.from_environment())


def _told(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what comes of it, a refusal as one line."""
    try:
        return ask()
    except Problem as problem:
        raise click.ClickException(problem.detail) from problem


def _actor() -> str:
    return f"command:{getpass.getuser()}"
