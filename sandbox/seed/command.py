"""`newsstand sandbox seed`: where the newsroom is, how much of a past it gets, and how that goes."""

from __future__ import annotations

import time

import click
import requests
import stripe
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.seed.at_stripe import Bank
from sandbox.seed.deeds import Deeds
from sandbox.seed.lives import MONTH_DAYS, year
from sandbox.seed.names import Reader, readers
from sandbox.seed.patience import PatientApi
from sandbox.seed.playing import Newsroom, Play, StuckError
from sandbox.tour.api import Api
from sandbox.tour.browser import direct_session
from sandbox.tour.command import local
from sandbox.tour.steps import Unexpected
from sandbox.tour.stripe_account import NoClock

READERS, MONTHS, SEED = 500, 12, 7


@click.group()
def sandbox() -> None:
    """What a running `make run` can be filled with."""


@sandbox.command()
@click.option("--readers", "count", default=READERS, show_default=True, type=click.IntRange(1, 5_000))
@click.option("--months", default=MONTHS, show_default=True, type=click.IntRange(1, 36))
@click.option("--seed", default=SEED, show_default=True, type=click.IntRange(0), help="The same seed, the same year.")
@click.option("--service", default=local("PORT", 8000), show_default="http://127.0.0.1:$PORT")
@click.option("--site", default=local("SITE_PORT", 8001), show_default="http://127.0.0.1:$SITE_PORT")
@click.option(
    "--stripe", "stripe_address", default=local("STRIPE_PORT", 8002), show_default="http://127.0.0.1:$STRIPE_PORT"
)
def seed(count: int, months: int, seed: int, service: str, site: str, stripe_address: str) -> None:
    """Give a running `make run` readers with a past: trials, renewals, failed cards, refunds, disputes, walls.

    Everything goes the way that readers, banks and staff have, while the clock named `sandbox` moves month after
    month. The same seed makes the same readers do the same; a newsroom that has them already is left alone.
    """
    bank, everybody = Bank(stripe_address, "sk_test_sandbox"), readers(count, seed)
    support = PatientApi(service, "support_sandbox")
    _refuse_nobody(service, bank)
    _refuse_twice(support, everybody)
    deeds = Deeds(PatientApi(service, "site_sandbox"), support, bank, site_origin=site, seed=seed)
    began = time.monotonic()
    try:
        _play(Newsroom(service, bank), deeds, everybody, months * MONTH_DAYS, seed)
    except (StuckError, Unexpected, requests.RequestException, stripe.StripeError) as error:
        raise click.ClickException(f"The past is unfinished: {error}\n{_AFRESH}") from error
    _conclude(deeds, bank, count, time.monotonic() - began)


_AFRESH = "To begin afresh stop `make run` and delete .sandbox (or $SANDBOX_DIR); another --seed adds other readers."


def _play(room: Newsroom, deeds: Deeds, everybody: list[Reader], days: int, seed: int) -> None:
    acts, begins_at = year(len(everybody), days, seed), room.bank.find_clock()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("day {task.completed} of {task.total}"))
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task(f"{len(everybody)} readers, {len(acts)} acts", total=days)
        play = Play(
            room,
            deeds,
            everybody,
            begins_at=begins_at,
            tell=lambda day: progress.update(task, completed=min(day, days)),
        )
        play.run(acts, days, seed)


def _conclude(deeds: Deeds, bank: Bank, count: int, seconds: float) -> None:
    for deed, done in sorted(deeds.done.items()):
        refused = deeds.refused[deed]
        click.echo(
            f"  {deed.replace('_', ' '):18} {done:6}" + (f"   and {refused} refused in good order" if refused else "")
        )
    click.echo(f"{count} readers in {seconds:.0f} s; the sandbox's clock stands at {bank.later(0):%-d %B %Y}.")


def _refuse_nobody(service: str, bank: Bank) -> None:
    """Raise ClickException, one clear line, when there is no newsroom to fill."""
    try:
        direct_session().get(f"{service}/health/live", timeout=5)
        bank.find_clock()
    except (requests.RequestException, stripe.StripeError, NoClock) as error:
        raise click.ClickException(f"No newsroom answers at {service}; start it with `make run`.") from error


def _refuse_twice(support: Api, everybody: list[Reader]) -> None:
    """Raise ClickException when readers of this seed are there, from a run that ended or one that did not."""
    prefix = everybody[0].reader_id.rpartition("-")[0]
    if support.get("/v1/support/accounts", q=f"{prefix}-")["data"]:
        raise click.ClickException(f"This newsroom has readers of this seed already. {_AFRESH}")
