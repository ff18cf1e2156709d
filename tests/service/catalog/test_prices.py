"""Nobody is charged anything but what the plan promises, and Stripe is asked once a minute at most."""

from __future__ import annotations

import pytest

from service.catalog.prices import PriceBook
from service.catalog.stripe_offer import apply
from service.errors import Unavailable


class Stopwatch:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    """Time, by hand."""
    return Stopwatch()


@pytest.fixture
def book(client, stopwatch) -> PriceBook:
    """A price book on an empty Stripe."""
    return PriceBook(client, monotonic=stopwatch)


def test_a_plan_has_its_price(client, catalog, book):
    """The price that `apply` made is the one sold."""
    apply(client, catalog)
    price = client.v1.prices.retrieve(book.price_id(catalog.plan("annual")))
    assert (price.lookup_key, price.unit_amount) == ("newsstand_annual", 1990)


def test_an_offer_not_applied_is_not_sold(client, catalog, book, monthly_at):
    """Before `apply`, and while Stripe's amount is another than the file's, the plan is unavailable."""
    for offer in (catalog, monthly_at(390)):
        with pytest.raises(Unavailable) as caught:
            book.price_id(offer.plans[0])
        assert (caught.value.status, caught.value.code) == (503, "offer_not_applied")
        apply(client, catalog)
    assert book.price_id(catalog.plans[0])


def test_a_price_is_believed_for_a_minute(client, catalog, book, stopwatch):
    """Archived at Stripe, the price is noticed after a minute, and found again as soon as it is back."""
    apply(client, catalog)
    plan = catalog.plans[0]
    price_id = book.price_id(plan)
    client.v1.prices.update(price_id, {"active": False})
    stopwatch.seconds += 59
    assert book.price_id(plan) == price_id
    stopwatch.seconds += 1
    with pytest.raises(Unavailable):
        book.price_id(plan)
    client.v1.prices.update(price_id, {"active": True})
    assert book.price_id(plan) == price_id


def test_a_changed_offer_is_looked_up_afresh(client, catalog, book, monthly_at):
    """A plan at a new price is another question: the old answer is not used for it."""
    apply(client, catalog)
    old = book.price_id(catalog.plans[0])
    apply(client, monthly_at(390))
    assert book.price_id(monthly_at(390).plans[0]) != old
