"""Stripe is brought in step with plans.yaml by the official SDK over HTTP, and a second run changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import stripe

from service.billing.stripe_client import make_stripe_client
from service.catalog.stripe_offer import PORTAL_METADATA, apply, diff


def _lines(changes) -> list[str]:
    return [str(change) for change in changes]


def _sold(client: stripe.StripeClient, plan: str) -> stripe.Price:
    (price,) = client.v1.prices.list({"lookup_keys": [f"newsstand_{plan}"]}).data
    return price


class TestFromNothing:
    def test_an_empty_account_gets_the_whole_offer(self, client, catalog):
        """Each step is told in words, in the order in which it is done."""
        assert _lines(apply(client, catalog)) == [
            "create product newsstand_monthly “The International Daily – Monthly”",
            "create price $2.90 per month for plan monthly",
            "create product newsstand_annual “The International Daily – Annual”",
            "create price $19.90 per year for plan annual",
            "create the portal configuration",
        ]

    def test_the_prices_are_those_of_the_plans(self, client, catalog):
        """Amount, interval, lookup key and plan stand at Stripe as in the file."""
        apply(client, catalog)
        for plan in catalog.plans:
            price = _sold(client, plan.id)
            assert (price.unit_amount, price.currency) == (plan.price.amount_minor, "usd")
            assert (price.recurring.interval, price.recurring.interval_count) == (plan.interval, 1)
            assert (price.active, price.product) == (True, plan.lookup_key)
            assert price.metadata.to_dict() == {"newsstand_plan": plan.id}
            product = client.v1.products.retrieve(plan.lookup_key)
            assert product.metadata.to_dict() == {"newsstand_plan": plan.id}

    def test_looking_changes_nothing(self, client, catalog):
        """`diff` tells, `apply` does; a second `apply` has nothing left to do."""
        assert _lines(diff(client, catalog)) == _lines(diff(client, catalog))
        assert client.v1.products.list().data == []
        apply(client, catalog)
        assert apply(client, catalog) == []


class TestChangedPrice:
    def test_a_changed_price_is_a_new_price(self, client, catalog, monthly_at):
        """The new Price takes the lookup key; the old is no longer sold and still says whose plan it is."""
        apply(client, catalog)
        old = _sold(client, "monthly")
        assert _lines(apply(client, monthly_at(390))) == [
            "create price $3.90 per month for plan monthly",
            f"stop selling price {old.id} ($2.90) of plan monthly; its subscribers keep it",
        ]
        new, old = _sold(client, "monthly"), client.v1.prices.retrieve(old.id)
        assert (new.id != old.id, new.unit_amount, new.active) == (True, 390, True)
        assert (old.unit_amount, old.active, old.lookup_key) == (290, False, None)
        assert old.metadata.to_dict() == {"newsstand_plan": "monthly"}
        assert diff(client, monthly_at(390)) == []

    def test_changing_back_sells_a_new_price_again(self, client, catalog, monthly_at):
        """There and back within a minute ends at the first amount, with one price on sale."""
        for offer in (catalog, monthly_at(390), catalog):
            apply(client, offer)
        assert _sold(client, "monthly").unit_amount == 290
        active = client.v1.prices.list({"active": True, "product": "newsstand_monthly"}).data
        assert [price.id for price in active] == [_sold(client, "monthly").id]

    def test_a_subscriber_keeps_price_and_plan(self, client, catalog, monthly_at):
        """A subscription made before the change still costs what it did, and its price still names the plan."""
        apply(client, catalog)
        subscription = _subscribe(client, _sold(client, "monthly").id)
        apply(client, monthly_at(390))
        (item,) = client.v1.subscriptions.retrieve(subscription).to_dict()["items"]["data"]
        assert item["price"]["unit_amount"] == 290
        assert item["price"]["metadata"] == {"newsstand_plan": "monthly"}

    def test_an_interrupted_run_is_finished_by_the_next(self, client, catalog, monthly_at):
        """Killed after the new price was made, the next run takes the old one off sale, and makes no third."""
        apply(client, catalog)
        old = _sold(client, "monthly")
        diff(client, monthly_at(390))[0].run()
        assert _lines(apply(client, monthly_at(390))) == [
            f"stop selling price {old.id} ($2.90) of plan monthly; its subscribers keep it"
        ]
        assert len(client.v1.prices.list({"product": "newsstand_monthly"}).data) == 2

    @pytest.mark.parametrize("change", [{"interval": "year"}, {"interval": "month", "currency": "eur"}])
    def test_interval_and_currency_are_part_of_the_price(self, client, catalog, change):
        """Another interval or currency needs another Price too."""
        apply(client, catalog)
        monthly, annual = catalog.plans
        price = replace(monthly.price, currency=change.get("currency", "usd"))
        offer = replace(catalog, plans=(replace(monthly, interval=change["interval"], price=price), annual))
        assert len(apply(client, offer)) == 2
        assert diff(client, offer) == []


class TestDrift:
    def test_what_was_changed_by_hand_is_set_right(self, client, catalog):
        """An archived price, a renamed product and a lost mark, all done in Stripe's Dashboard, are put back."""
        apply(client, catalog)
        monthly, annual = _sold(client, "monthly"), _sold(client, "annual")
        client.v1.prices.update(monthly.id, {"active": False})
        client.v1.prices.update(annual.id, {"metadata": {"newsstand_plan": ""}})
        client.v1.products.update("newsstand_annual", {"name": "Something else", "active": False})
        assert _lines(apply(client, catalog)) == [
            f"sell price {monthly.id} again",
            "update product newsstand_annual: “The International Daily – Annual”, on sale",
            f"mark price {annual.id} as plan annual",
        ]
        assert diff(client, catalog) == []

    def test_an_unmarked_price_is_marked_before_it_is_replaced(self, client, catalog, monthly_at):
        """A price that lost its mark and its amount keeps its subscribers' plan: it is marked, then retired."""
        apply(client, catalog)
        old = _sold(client, "monthly")
        client.v1.prices.update(old.id, {"metadata": {"newsstand_plan": ""}})
        assert _lines(apply(client, monthly_at(390))) == [
            f"mark price {old.id} as plan monthly",
            "create price $3.90 per month for plan monthly",
            f"stop selling price {old.id} ($2.90) of plan monthly; its subscribers keep it",
        ]
        old = client.v1.prices.retrieve(old.id)
        assert (old.active, old.metadata.to_dict()) == (False, {"newsstand_plan": "monthly"})

    def test_a_plan_no_longer_sold_is_taken_off_sale(self, client, catalog):
        """Removing a plan from the file retires its price; its subscribers keep it."""
        apply(client, catalog)
        annual = _sold(client, "annual")
        offer = replace(catalog, plans=catalog.plans[:1])
        assert _lines(apply(client, offer)) == [
            f"stop selling price {annual.id} ($19.90) of plan annual; its subscribers keep it"
        ]
        assert diff(client, offer) == []

    def test_other_products_on_the_account_are_left_alone(self, client, catalog):
        """More than a page of foreign prices is read through, and not one is touched."""
        shop = client.v1.products.create({"name": "Mugs"})
        for amount in range(100, 201):
            client.v1.prices.create({"product": shop.id, "currency": "usd", "unit_amount": amount})
        apply(client, catalog)
        apply(client, replace(catalog, plans=catalog.plans[:1]))
        mugs = list(client.v1.prices.list({"product": shop.id, "active": True}).auto_paging_iter())
        assert len(mugs) == 101
        assert diff(client, replace(catalog, plans=catalog.plans[:1])) == []


class TestPortal:
    def test_the_portal_lets_readers_cancel_at_the_periods_end(self, client, catalog):
        """Invoices, the card and cancelling with what was paid for kept; changing plans stays off."""
        apply(client, catalog)
        portal = _portal(client)
        assert portal["business_profile"]["headline"] == "The International Daily"
        features = portal["features"]
        assert features["subscription_cancel"]["enabled"] is True
        assert features["subscription_cancel"]["mode"] == "at_period_end"
        assert features["payment_method_update"]["enabled"] is True
        assert features["invoice_history"]["enabled"] is True
        assert features["subscription_update"]["enabled"] is False

    def test_a_portal_changed_by_hand_is_set_right(self, client, catalog):
        """What differs is named, and only ours is touched."""
        foreign = client.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": False}}})
        apply(client, catalog)
        drift = {"subscription_cancel": {"enabled": True, "mode": "immediately"}, "invoice_history": {"enabled": False}}
        client.v1.billing_portal.configurations.update(_portal(client)["id"], {"features": drift})
        (line,) = _lines(apply(client, catalog))
        differing = "features.invoice_history.enabled, features.subscription_cancel.mode"
        assert line == f"update portal configuration {_portal(client)['id']}: {differing}"
        assert diff(client, catalog) == []
        untouched = client.v1.billing_portal.configurations.retrieve(foreign.id)
        assert untouched.features.invoice_history.enabled is False


def test_a_stripe_that_refuses_is_told(standin, catalog):
    """An error of Stripe's own is raised as it comes, not taken for a missing product."""
    stranger = make_stripe_client("sk_live_" + "stranger", api_base=standin.base_url, timeout_seconds=5)
    with pytest.raises(stripe.AuthenticationError):
        diff(stranger, catalog)


def _portal(client: stripe.StripeClient) -> dict:
    every = [each.to_dict() for each in client.v1.billing_portal.configurations.list().data]
    (ours,) = [each for each in every if PORTAL_METADATA.items() <= each["metadata"].items()]
    return ours


def _subscribe(client: stripe.StripeClient, price: str) -> str:
    customer = client.v1.customers.create({})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price}], "default_payment_method": card.id}
    )
    return subscription.id
