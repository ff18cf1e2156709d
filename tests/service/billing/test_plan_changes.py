"""Changing plans: the preview is the invoice to the cent, a trial is kept, and nobody pays for what they left."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service.domain.money import Money
from service.errors import Conflict, InvalidRequest, NotFound, PaymentFailed
from service.store.money_tables import consents


def state(shop: Any) -> Any:
    return shop.services.readers.state("r-1")


def test_a_month_becomes_a_year_as_previewed(shop: Any) -> None:
    """The rest of the month is taken off, and what the preview said is charged, also when asked some minutes later."""
    shop.subscribe()
    shop.pass_days(41)
    preview = shop.services.plan_changes.preview("r-1", "annual")
    assert shop.charged() == [290]
    assert (len(preview.lines), preview.credit.amount_minor) == (2, 0)
    assert 1700 < preview.due_now.amount_minor == sum(each.amount.amount_minor for each in preview.lines) < 1990
    changed = shop.services.plan_changes.change("r-1", "annual", quoted_at=preview.quoted_at)
    assert changed == preview
    assert shop.charged() == [290, preview.due_now.amount_minor]
    now = state(shop)
    assert (now.entitlement.status, now.entitlement.plan, now.entitlement.until) == (
        "active", "annual", preview.renews_at,
    )  # fmt: skip


def test_consent_to_a_change_is_kept(shop: Any) -> None:
    """What was told, under which offer and what became of it; also of a change that the card then refused."""
    shop.subscribe()
    shop.pass_days(41)
    subscription = state(shop).subscription.id
    preview = shop.services.plan_changes.preview("r-1", "annual")
    methods = shop.client.v1.payment_methods
    refused = methods.attach("pm_card_chargeCustomerFail", {"customer": state(shop).snapshot.customer_id}).id
    before = shop.client.v1.subscriptions.retrieve(subscription).default_payment_method
    for card in (refused, before):
        shop.client.v1.subscriptions.update(subscription, {"default_payment_method": card})
        with contextlib.suppress(PaymentFailed):
            shop.services.plan_changes.change("r-1", "annual", quoted_at=preview.quoted_at)
    with shop.core.engine.connect() as connection:
        columns = consents.c["reader_id", "kind", "subscription_id", "plan", "disclosure", "catalog_version", "outcome"]
        rows = connection.execute(select(*columns).order_by(consents.c.id)).all()
    same = ("r-1", "plan_change", subscription, "annual", preview.to_json(), shop.core.catalog.version)
    assert list(rows) == [(*same, "payment_failed"), (*same, "changed")]
    assert shop.charged() == [290, preview.to_json()["due_now"]["amount"]]


def test_a_year_becomes_months_paid_from_its_rest(shop: Any) -> None:
    """Nothing is due; what is left of the year stays to the reader's credit, and pays the months to come."""
    shop.subscribe(plan="annual")
    shop.pass_days(100)
    preview = shop.services.plan_changes.preview("r-1", "monthly")
    assert shop.services.plan_changes.change("r-1", "monthly") == preview
    assert (preview.due_now.amount_minor, preview.renewal) == (0, Money(290, "usd"))
    assert 1100 < preview.credit.amount_minor < 1200
    shop.pass_days(32)
    shop.core.sync_now(state(shop).snapshot.customer_id)
    assert (state(shop).entitlement.status, shop.charged()) == ("active", [1990])
    back = shop.services.plan_changes.preview("r-1", "annual")
    assert shop.services.plan_changes.change("r-1", "annual") == back
    assert shop.charged() == [1990, back.due_now.amount_minor]
    assert back.due_now.amount_minor < 1990 - 290


def test_a_trial_is_kept(shop: Any) -> None:
    """Nothing moves until its end, and then the new plan is what is charged."""
    shop.subscribe()
    ends_at = state(shop).subscription.trial_end_at
    preview = shop.services.plan_changes.preview("r-1", "annual")
    changed = shop.services.plan_changes.change("r-1", "annual")
    assert changed == preview
    assert (preview.due_now.amount_minor, preview.renewal.amount_minor, preview.renews_at) == (0, 1990, ends_at)
    now = state(shop)
    assert (now.entitlement.status, now.entitlement.plan, now.subscription.trial_end_at) == (
        "trialing", "annual", ends_at,
    )  # fmt: skip
    shop.pass_days(31)
    assert shop.charged() == [1990]


def test_a_refused_card_changes_nothing(shop: Any) -> None:
    """402: the old plan runs on, paid for, and nobody is left with half a change."""
    shop.subscribe()
    shop.pass_days(41)
    customer = state(shop).snapshot.customer_id
    methods, subscription = shop.client.v1.payment_methods, state(shop).subscription.id
    refused = methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    shop.client.v1.subscriptions.update(subscription, {"default_payment_method": refused})
    with pytest.raises(PaymentFailed):
        shop.services.plan_changes.change("r-1", "annual")
    shop.core.sync_now(customer)
    assert (state(shop).entitlement.status, state(shop).entitlement.plan) == ("active", "monthly")


def test_what_cannot_be_changed_is_said_so(shop: Any) -> None:
    """The same plan, no subscription, an unknown plan, one that ends, and figures from another day."""
    changes = shop.services.plan_changes
    for reader_id, plan, kind, code in (
        ("r-9", "annual", NotFound, "no_subscription"),
        ("r-1", "weekly", InvalidRequest, "unknown_plan"),
    ):
        with pytest.raises(kind) as refused:
            changes.preview(reader_id, plan)
        assert refused.value.code == code
    shop.subscribe()
    with pytest.raises(Conflict) as same:
        changes.change("r-1", "monthly")
    now = shop.core.business_clock()
    for quoted_at in (now - timedelta(hours=2), now + timedelta(minutes=1)):
        with pytest.raises(InvalidRequest) as old:
            changes.change("r-1", "annual", quoted_at=quoted_at)
        assert old.value.code == "quote_expired"
    shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    with pytest.raises(Conflict) as ending:
        changes.preview("r-1", "annual")
    assert (same.value.code, ending.value.code) == ("same_plan", "subscription_ending")


def test_who_got_the_money_back_has_no_rest_to_credit(shop: Any) -> None:
    """A year refunded whole cannot be turned into months for nothing."""
    shop.subscribe(plan="annual")
    customer = state(shop).snapshot.customer_id
    charge = shop.client.v1.charges.list({"customer": customer}).data[0].id
    shop.client.v1.refunds.create({"charge": charge})
    with pytest.raises(Conflict) as refused:
        shop.services.plan_changes.change("r-1", "monthly")
    assert refused.value.code == "access_held"


def test_courtesy_makes_nothing_of_a_closed_sale(shop: Any, closed: str) -> None:
    """Staff's gift opens articles; it is no money of the reader's that could be credited."""
    with pytest.raises(Conflict) as refused:
        shop.services.plan_changes.preview("r-1", "monthly")
    held = closed in {"disputed", "refunded"}
    assert refused.value.code == ("access_held" if held else "subscription_paused")


def test_a_card_whose_bank_asks_for_its_holder_has_a_way_on(shop: Any) -> None:
    """The holder is not here: told apart from a refusal, for the portal can ask them."""
    shop.subscribe()
    shop.pass_days(41)
    customer, subscription = state(shop).snapshot.customer_id, state(shop).subscription.id
    card = shop.client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer}).id
    shop.client.v1.subscriptions.update(subscription, {"default_payment_method": card})
    with pytest.raises(PaymentFailed) as refused:
        shop.services.plan_changes.change("r-1", "annual")
    assert (refused.value.code, shop.charged()) == ("authentication_required", [290])


@pytest.mark.parametrize(("plan", "days", "other"), [("monthly", 30, "annual"), ("annual", 365, "monthly")])
def test_what_is_not_paid_for_is_not_credited(shop: Any, plan: str, days: int, other: str) -> None:
    """For an hour after a boundary the period's invoice is a draft; charged, it makes way, and the figures are true."""
    shop.subscribe(plan=plan)
    shop.pass_days(days)
    shop.pass_seconds(1800)
    before = sum(shop.charged())
    with pytest.raises(Conflict) as refused:
        shop.services.plan_changes.preview("r-1", other)
    assert (refused.value.code, "within about an hour" in refused.value.detail) == ("payment_outstanding", True)
    shop.pass_seconds(1900)
    renewed = sum(shop.charged())
    assert renewed > before
    told = shop.services.plan_changes.change("r-1", other)
    shop.pass_seconds(7200)
    assert sum(shop.charged()) - renewed == told.due_now.amount_minor
