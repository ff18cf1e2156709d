"""The commands that bring the record back in step with Stripe, and those that look after stuck events.

What they need is imported when they run: every `newsstand` command reads this file, and the web's launcher is one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

import click

from service.settings import Settings

if TYPE_CHECKING:
    from service.assembly.core import Core
    from service.progress import Bars
    from service.support.events import Events

_ANEW = click.option("--anew", is_flag=True, help="Begin at the beginning, whatever an unfinished run has done.")
_STATES = click.Choice(["pending", "done", "ignored", "quarantined"])
_STUCK = click.Choice(["quarantined", "pending"])
_MOST_LINES = 200
_Found = TypeVar("_Found")


def _core() -> Core:
    from service.assembly.core import build_core
    from service.logs import configure_logs

    configure_logs("error")  # what happened is told in sentences; a log among them would be in the way
    return build_core(Settings.from_environment())


def _long_work() -> AbstractContextManager[Bars]:
    from service.progress import long_work

    return long_work()


def _ours(found: _Found | None) -> _Found:
    if found is None:
        raise click.ClickException("another process is at this work right now")
    return found


@click.command()
@click.option("--days", type=click.IntRange(1, 30), default=30, show_default=True, help="Stripe keeps events 30 days.")
def backfill(days: int) -> None:
    """Take in the events that no webhook has brought."""
    convergence = _core().convergence
    with _long_work() as bars:
        found = _ours(convergence.look_back(days, progress=bars))
    click.echo(f"{found.listed} events listed, {found.new} of them new.")


@click.command()
@click.option("--repair", is_flag=True, help="Sync the customers that differ.")
@_ANEW
def reconcile(repair: bool, anew: bool) -> None:
    """Compare every subscription with Stripe's and report the drift; without --repair nothing is changed.

    Ends with status 1 while any drift is left.
    """
    from rich.console import Console

    from service.progress import drift_table

    convergence = _core().convergence
    with _long_work() as bars:
        found = _ours(convergence.reconcile(repair=repair, anew=anew, progress=bars))
    if found.rows:
        Console().print(drift_table(found.rows))
    counts = f"{found.differing} customers with drift, {found.repaired} repaired."
    click.echo(f"{found.compared} subscriptions compared, {counts}")
    if any(row["repaired_at"] is None for row in found.rows):
        raise SystemExit(1)


@click.command()
@_ANEW
def rebuild(anew: bool) -> None:
    """After the loss of all derived tables, or of Redis: restore them from Stripe and the primary tables."""
    convergence = _core().convergence
    with _long_work() as bars:
        found = _ours(convergence.rebuild(anew=anew, progress=bars))
    click.echo(f"{found.restored} restored, {len(found.failed)} failed.")
    for customer_id in found.failed[:_MOST_LINES]:
        click.echo(f"failed: {customer_id} (the worker tries again)", err=True)
    if found.failed:
        raise SystemExit(1)


@click.group()
def events() -> None:
    """List stored events, and replay those that are stuck."""


@events.command("list")
@click.option("--status", type=_STATES, help="Of this state only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def events_list(status: str | None, limit: int) -> None:
    """List the newest events with what became of each."""
    from service.support.events import EventState

    for each in _events().list(EventState(status) if status else None, limit=limit):
        about = each.customer_id or "-"
        line = f"{each.received_at:%Y-%m-%d %H:%M:%S}  {each.id:<30} {each.type:<40} {each.state:<12} {about:<24}"
        click.echo(f"{line} {each.reason or ''}".rstrip())


@events.command("replay")
@click.argument("event_id", required=False)
@click.option("--status", type=_STUCK, help="Every event of this state.")
def events_replay(event_id: str | None, status: str | None) -> None:
    """Let the worker try again: one event, or all of a state. Stripe is asked anew; nothing is applied twice."""
    from service.support.events import EventState, Replay

    if (event_id is None) == (status is None):
        raise click.UsageError("name an event, or --status")
    if status is not None:
        click.echo(f"{_events().replay_all(EventState(status))} events will be tried again.")
        return
    outcome = _events().replay(str(event_id))
    if outcome is Replay.UNKNOWN:
        raise click.ClickException(f"there is no event {event_id}")
    click.echo(f"{event_id} will be tried again." if outcome is Replay.RESUMED else f"{event_id} has no effect here.")


def _events() -> Events:
    from service.support.events import Events

    core = _core()
    return Events(core.engine, core.syncs, core.router)


COMMANDS: tuple[click.Command, ...] = (backfill, reconcile, rebuild, events)
