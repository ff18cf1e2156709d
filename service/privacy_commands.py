"""`newsstand privacy`: what is held on a reader, handed out or erased.

What is needed is imported when a command runs: every `newsstand` command reads this file.
"""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.errors import Problem, StripeUnavailable
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.assembly.core import Core

_Found = TypeVar("_Found")


@click.group()
def privacy() -> None:
    """Hand out what is held on a reader, or erase it. Both are in the audit log."""


@privacy.command()
@click.argument("reader_id")
@click.option("--to", "file", type=click.File("w", encoding="utf-8"), default="-", help="A file; default: the screen.")
@click.option("--reason", help="For the audit log.")
def export(reader_id: str, file: Any, reason: str | None) -> None:
    """Write everything that is held on a reader, as JSON."""
    from service.assembly.privacy import build_exports
    from service.support.audit import Audit, Entry

    core = _core()
    found = _told(lambda: build_exports(core).export(reader_id))
    audit = Audit(core.engine, core.wall_clock)
    with audit.begin() as connection:
        audit.record(connection, Entry(actor=_actor(), act="account.export", subjects=(reader_id,), reason=reason))
    file.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


@privacy.command()
@click.argument("reader_id")
@click.option("--reason", required=True, help="Stays for good: don't say whom it is about.")
@click.option("--as-known", is_flag=True, help="Don't ask Stripe first: for a customer that Stripe does not know.")
@click.option("--yes", is_flag=True, help="Don't ask whether this is meant.")
def erase(reader_id: str, reason: str, as_known: bool, yes: bool) -> None:
    """Erase a reader here, and tell what is left to be done at Stripe. It can't be undone."""
    from service.assembly.web import build_services
    from service.support.audit import Entry, Trail

    core = _core()
    services = build_services(core)
    if not yes:
        prospect = _told(lambda: services.erasures.prospect(reader_id))
        held = ", ".join(f"{count} {name}" for name, count in prospect.rows.items() if count)
        click.confirm(f"Erase {reader_id} for good ({held})?", abort=True)
    trail = Trail(services.audit, Entry(actor=_actor(), act="account.erase"))
    done = _told(lambda: services.erasures.erase(reader_id, reason=reason, trail=trail, ask_stripe=not as_known))
    click.echo(f"{sum(done.rows.values())} rows were erased, or stripped of what names the reader.")
    if done.before and not done.at_stripe:
        click.echo(f"Erased before, {done.before:%Y-%m-%d %H:%M} UTC; what to do at Stripe was told then.")
    for number, step in enumerate(done.at_stripe, start=1):
        click.echo(f"{number}. {step}")


def _core() -> Core:
    from service.assembly.core import build_core
    from service.logs import configure_logs

    configure_logs("error")
    return build_core(Settings.from_environment())


def _told(ask: Callable[[], _Found]) -> _Found:
    """Return what comes of it, a refusal as one line."""
    try:
        return ask()
    except Problem as problem:
        faults = " ".join(text for texts in (problem.errors or {}).values() for text in texts)
        raise click.ClickException(f"{problem.detail} {faults}".strip()) from problem
    except StripeUnavailable as error:
        raise click.ClickException("Stripe does not answer, so nothing was done; --as-known does without.") from error


def _actor() -> str:
    return f"command:{getpass.getuser()}"
