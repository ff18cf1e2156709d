"""An early fraud warning: the payment is given back by itself, once, if the offer says so; else it is only held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from sqlalchemy import select

from service.access.projection import Projection
from service.billing.warned_charges import WarnedCharges
from service.domain.vocabulary import EarlyWarning
from service.store.money_tables import warned_charges


def outcomes(shop: Any) -> list[Any]:
    with shop.core.engine.connect() as connection:
        return list(connection.execute(select(warned_charges.c.attempts, warned_charges.c.outcome)).all())


@pytest.fixture
def sold(shop: Any) -> Callable[[EarlyWarning], tuple[str, str]]:
    """Sell a year under a policy; returns (customer, charge)."""

    def sell(policy: EarlyWarning) -> tuple[str, str]:
        rules = replace(shop.core.catalog.policy, early_warning=policy)
        projection = Projection(rules, email_key=shop.core.settings.subject_key)
        shop.core.syncs._project = projection.project  # the composition root reads plans.yaml once
        shop.subscribe(plan="annual")
        customer = shop.services.readers.state("r-1").snapshot.customer_id
        return customer, shop.client.v1.charges.list({"customer": customer}).data[0].id

    return sell


def refunded(shop: Any, charge: str) -> list[int]:
    return [each.amount for each in shop.client.v1.refunds.list({"charge": charge}).data]


def test_a_warned_payment_is_given_back_whole_and_once(shop: Any, sold: Any) -> None:
    """Known when the sync ends; what is synced again and swept again stays one refund, and access is closed."""
    customer, charge = sold(EarlyWarning.REFUND)
    shop.lever("early_fraud_warnings", charge=charge)
    for _ in range(2):
        shop.core.sync_now(customer)
        assert sum(each.settle() for each in shop.core.errands) == 0
    assert (refunded(shop, charge), outcomes(shop)) == ([1990], [(0, "refunded")])
    assert shop.client.v1.refunds.list({"charge": charge}).data[0].reason == "fraudulent"
    assert shop.status() == "held"


def test_only_what_is_left_is_given_back(shop: Any, sold: Any) -> None:
    """After a partial refund, the rest."""
    customer, charge = sold(EarlyWarning.REFUND)
    shop.client.v1.refunds.create({"charge": charge, "amount": 500})
    shop.lever("early_fraud_warnings", charge=charge)
    shop.core.sync_now(customer)
    assert refunded(shop, charge) == [1490, 500]


def test_a_publication_may_only_hold(shop: Any, sold: Any) -> None:
    """The default: nothing goes back by itself."""
    customer, charge = sold(EarlyWarning.HOLD)
    shop.lever("early_fraud_warnings", charge=charge)
    shop.core.sync_now(customer)
    assert (refunded(shop, charge), outcomes(shop), shop.status()) == ([], [], "held")


def test_a_lost_answer_refunds_nothing_twice(shop: Any, sold: Any) -> None:
    """Stripe did it and the answer was lost: the repetition gets the first refund by its key."""
    customer, charge = sold(EarlyWarning.REFUND)
    refunds = shop.core.client.v1.refunds
    real = refunds.create

    def lost(*args: Any) -> Any:
        real(*args)
        raise stripe.APIConnectionError("the answer was lost")

    refunds.create = lost
    shop.core.client.v1.refunds = refunds
    shop.lever("early_fraud_warnings", charge=charge)
    shop.core.sync_now(customer)
    assert outcomes(shop) == [(1, None)]
    refunds.create = real
    later = WarnedCharges(
        shop.core.engine,
        shop.core.client,
        mark=lambda *_: None,
        wall_clock=lambda: datetime.now(UTC) + timedelta(minutes=5),
    )
    assert later.settle() == 1
    assert (refunded(shop, charge), outcomes(shop)) == ([1990], [(1, "refunded")])
