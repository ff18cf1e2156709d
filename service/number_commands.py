"""`newsstand numbers`: count at once what the worker counts every ten minutes."""

from __future__ import annotations

import click

from service.settings import Settings


@click.group()
def numbers() -> None:
    """What the publication wants to know of its paywall."""


@numbers.command("count")
def count() -> None:
    """Count subscriptions, revenue, trials, churn, payments, walls and articles now."""
    from service.assembly.core import build_core
    from service.assembly.worker import build_counting
    from service.logs import configure_logs

    configure_logs("error")
    done = build_counting(build_core(Settings.from_environment())).count()
    click.echo("Counted; /support/numbers shows it." if done else "Another process is counting right now.")
