"""A 500 that Stripe keeps under an idempotency key delays no refund, warned charge or repeated card for a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import stripe

from service.access.projection import Projection
from service.billing import once
from service.domain.refunds import RefundRequest
from service.domain.vocabulary import EarlyWarning
from service.errors import StripeUnavailable

Act = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """Something to be done once: `act` tries, `done` says what Stripe has made of it, `once` is what it should be."""

    act: Act
    done: Callable[[], Any]
    once: Any
    method: tuple[Any, str]
    """The SDK's method that does it."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need no pauses."""
    monkeypatch.setattr(once, "PAUSE_SECONDS", 0.0)


def by_staff(shop: Any) -> Case:
    shop.subscribe(plan="annual")
    invoice = shop.services.readers.state("r-1").snapshot.invoices[0].id
    wanted = RefundRequest(reader_id="r-1", invoice_id=invoice, amount_minor=500, reason="late", asked_by="key:1")

    def act() -> None:
        try:
            shop.services.refunds.refund(wanted)
        except StripeUnavailable:
            return

    return Case(act, lambda: refunds(shop), [500], (shop.core.client.v1.refunds, "create"))


def of_a_warned_charge(shop: Any) -> Case:
    rules = replace(shop.core.catalog.policy, early_warning=EarlyWarning.REFUND)
    shop.core.syncs._project = Projection(rules, email_key=shop.core.settings.subject_key).project
    shop.subscribe(plan="annual")
    shop.lever("early_fraud_warnings", charge=charges(shop)[0].id)
    return Case(lambda: later(shop), lambda: refunds(shop), [1990], (shop.core.client.v1.refunds, "create"))


def of_a_repeated_card(shop: Any) -> Case:
    shop.subscribe("r-0")
    shop.pay(shop.open("r-1"))
    taken = lambda: [each.amount for each in charges(shop)]  # noqa: E731
    return Case(lambda: later(shop), taken, [290], (shop.core.client.v1.subscriptions, "update"))


def customer(shop: Any) -> str:
    with shop.core.engine.connect() as connection:
        return str(connection.exec_driver_sql("select customer_id from accounts where reader_id = 'r-1'").scalar_one())


def charges(shop: Any) -> list[Any]:
    return list(shop.client.v1.charges.list({"customer": customer(shop)}).data)


def refunds(shop: Any) -> list[int]:
    return [each.amount for each in shop.client.v1.refunds.list({"charge": charges(shop)[0].id}).data]


def later(shop: Any) -> None:
    """Sync, and let the sweep that comes an hour after the last try do what waits."""
    shop.core.sync_now(customer(shop))
    for each in shop.core.errands:
        at = each._wall_clock() + timedelta(hours=1)
        each._wall_clock = lambda at=at: at
        each.settle()


CASES = pytest.mark.parametrize("case", [by_staff, of_a_warned_charge, of_a_repeated_card])


@CASES
def test_a_failure_that_stripe_keeps_delays_nothing(shop: Any, case: Callable[[Any], Case]) -> None:
    """While Stripe fails nothing is done; once it works again the next try does it, under another key."""
    made = case(shop)
    shop.lever("faults", status=500, saved=True)
    made.act()
    before = made.done()
    shop.lever("faults")
    made.act()
    assert (before, made.done()) == ([], made.once)


@CASES
def test_what_stripe_did_and_called_a_failure_is_found(shop: Any, case: Callable[[Any], Case]) -> None:
    """The kept 500 may have come after the work: it is not done again."""
    made = case(shop)
    service, name = made.method
    with failing_after_work(service, name):
        made.act()
    made.act()
    assert made.done() == made.once


class failing_after_work:  # noqa: N801 - a context manager
    """Let an SDK method do its work and answer the 500 that Stripe would repeat under its key."""

    def __init__(self, service: Any, name: str) -> None:
        self._service, self._name, self._real = service, name, getattr(service, name)

    def __enter__(self) -> None:
        def fail(*args: Any) -> Any:
            self._real(*args)
            raise stripe.APIError("kept", http_status=500, headers={"Idempotent-Replayed": "true"})

        setattr(self._service, self._name, fail)

    def __exit__(self, *_: object) -> None:
        setattr(self._service, self._name, self._real)
