"""`newsstand tour`: where everything is, the walk, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable

import click
import requests
import stripe

from sandbox.tour.api import Api
from sandbox.tour.browser import direct_session
from sandbox.tour.first_reader import MONTHS, OFFER, TRIAL
from sandbox.tour.second_reader import YEAR
from sandbox.tour.steps import Result, Walk
from sandbox.tour.stripe_account import NoClock, StripeAccount
from sandbox.tour.timeline import Timeline, all_held, as_json
from sandbox.tour.trip import Trip

CHAPTERS = (OFFER, TRIAL, MONTHS, YEAR)
LOOK_SECONDS = 5.0


def local(variable: str, port: int) -> Callable[[], str]:
    """Return the address on this machine, at the port that moves `make run` too."""
    return lambda: f"http://127.0.0.1:{os.environ.get(variable) or port}"


@click.command()
@click.option("--service", default=local("PORT", 8000), show_default="http://127.0.0.1:$PORT", help="The service.")
@click.option(
    "--site", default=local("SITE_PORT", 8001), show_default="http://127.0.0.1:$SITE_PORT",
    help="The site's origin; it need not run.",
)  # fmt: skip
@click.option(
    "--stripe", "stripe_address", default=local("STRIPE_PORT", 8002), show_default="http://127.0.0.1:$STRIPE_PORT",
    help="The stand-in Stripe.",
)  # fmt: skip
@click.option("--site-key", default="site_sandbox", show_default=True)
@click.option("--support-key", default="support_sandbox", show_default=True)
@click.option("--stripe-key", default="sk_test_sandbox", show_default=True)
@click.option("--json", "in_json", is_flag=True, help="Print the result for a machine, once all is done.")
def tour(
    service: str, site: str, stripe_address: str, site_key: str, support_key: str, stripe_key: str, in_json: bool
) -> None:
    """Take two readers through their whole journey at a running `make run`.

    Everything goes over HTTP, under ids that are new each time; the clock named `sandbox` moves more than a year.
    Exits with 0 when every step held, else with 1.
    """
    service, site, stripe_address = (address.rstrip("/") for address in (service, site, stripe_address))
    account = StripeAccount(stripe_address, stripe_key)
    _refuse_nobody(service, stripe_address, account)
    trip = Trip(Api(service, site_key), Api(service, support_key), account, site_origin=site)
    results = _walk(trip, in_json=in_json)
    raise SystemExit(0 if all_held(results) else 1)


def _walk(trip: Trip, *, in_json: bool) -> list[Result]:
    timeline = Timeline()
    results = []
    for result in Walk(trip, words=trip.words, business_clock=lambda: trip.account.now).through(CHAPTERS):
        results.append(result)
        if not in_json:
            timeline.show(result)
    if in_json:
        click.echo(as_json(results))
    else:
        timeline.conclude(results)
    return results


def _refuse_nobody(service: str, stripe_address: str, account: StripeAccount) -> None:
    """Raise ClickException, one clear line, when there is nobody to visit."""
    for address, path in ((service, "/health/live"), (stripe_address, "/")):
        try:
            direct_session().get(f"{address}{path}", timeout=LOOK_SECONDS)
        except requests.RequestException as error:
            raise click.ClickException(f"Nothing answers at {address}; start it with `make run`.") from error
    try:
        account.find_clock()
    except NoClock as error:
        raise click.ClickException(f"{stripe_address} has no test clock named `sandbox`.") from error
    except stripe.StripeError as error:
        raise click.ClickException(f"{stripe_address} does not answer as Stripe: {error}") from error
