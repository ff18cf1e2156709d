"""The commands that bring the record back in step with Stripe.

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

_ANEW = click.option("--anew", is_flag=True, help="Begin at the beginning, whatever an unfinished run has done.")
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
@click.option("--anyway", is_flag=True, help="Repair however many differ: yes, this is the right Stripe account.")
@_ANEW
def reconcile(repair: bool, anyway: bool, anew: bool) -> None:
    """Compare every subscription with Stripe's and report the drift; without --repair nothing is changed.

    Nothing is repaired either where more differs than can have been missed. Ends with status 1 while drift is left.
    """
    from rich.console import Console

    from service.progress import drift_table

    convergence = _core().convergence
    with _long_work() as bars:
        found = _ours(convergence.reconcile(repair=repair, anew=anew, anyway=anyway, progress=bars))
    if found.rows:
        Console().print(drift_table(found.rows))
    counts = f"{found.differing} customers with drift, {found.repaired} repaired."
    click.echo(f"{found.compared} subscriptions compared, {counts}")
    if found.refused:
        click.echo(
            "So much differs that nothing was repaired: is this the right Stripe account? See --anyway.", err=True
        )
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


COMMANDS: tuple[click.Command, ...] = (backfill, reconcile, rebuild)
