"""Coupons, promotion codes and customer balances, as Stripe documents them; any client's business, not ours alone.

Pages: docs.stripe.com/billing/subscriptions/coupons, /billing/customer/balance, /api/coupons, /api/promotion_codes.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY = 86_400


@pytest.fixture
def api(shop: Any) -> Any:
    return shop.client.v1


def subscribe(shop: Any, customer: str, price: str, **more: Any) -> Any:
    items: Any = [{"price": price}]
    return shop.client.v1.subscriptions.create({"customer": customer, "items": items, **more})


def paid(shop: Any, subscription: Any) -> list[int]:
    """Return what each invoice of a subscription came to, oldest first."""
    invoices = shop.client.v1.invoices.list({"subscription": subscription.id}).data
    return [each.amount_paid for each in invoices][::-1]


@pytest.mark.parametrize(
    ("duration", "charged"),
    [
        ({"duration": "once"}, [145, 290, 290, 290]),
        ({"duration": "repeating", "duration_in_months": 3}, [145, 145, 145, 290]),
        ({"duration": "forever"}, [145, 145, 145, 145]),
    ],
)
def test_a_coupon_lasts_as_long_as_it_says(shop: Any, api: Any, duration: Any, charged: list[int]) -> None:
    """Once: one invoice; repeating: so many months; forever: every invoice."""
    coupon = api.coupons.create({"percent_off": 50, **duration})
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"), shop.monthly, discounts=[{"coupon": coupon.id}])
    shop.advance(clock, NOON + 93 * DAY)
    assert paid(shop, sold) == charged
    left = api.subscriptions.retrieve(sold.id).discounts
    assert len(left) == (1 if coupon.duration == "forever" else 0)


def test_once_waits_for_the_first_invoice_that_costs_something(shop: Any, api: Any) -> None:
    """A trial's invoice of nothing does not use it up."""
    coupon = api.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"})
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    sold = subscribe(shop, customer, shop.monthly, trial_period_days=7, discounts=[{"coupon": coupon.id}])
    shop.advance(clock, NOON + 8 * DAY)
    assert paid(shop, sold) == [0, 190]


def test_an_invoice_says_what_was_taken_off(shop: Any, api: Any) -> None:
    """`subtotal` before, `total` after; the line, the invoice and the discount point at each other."""
    coupon = api.coupons.create({"percent_off": 25.5, "duration": "forever"})
    sold = subscribe(
        shop, shop.customer(None, "pm_card_visa"), shop.annual, discounts=[{"coupon": coupon.id}],
        expand=["discounts", "discounts.source.coupon", "latest_invoice"],
    )  # fmt: skip
    discount, invoice = sold.discounts[0], sold.latest_invoice
    assert (discount.object, discount.source.type, discount.source.coupon.id) == ("discount", "coupon", coupon.id)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1990, 1483, 1483)
    assert invoice.discounts == [discount.id]
    taken = {"amount": 507, "discount": discount.id}
    assert [each.to_dict() for each in invoice.total_discount_amounts] == [taken]
    assert [each.to_dict() for each in invoice.lines.data[0].discount_amounts] == [taken]


def test_a_sum_off_never_makes_an_invoice_negative(shop: Any, api: Any) -> None:
    """What a coupon is worth beyond the invoice is lost."""
    coupon = api.coupons.create({"amount_off": 5000, "currency": "usd", "duration": "once"})
    customer = shop.customer(None, "pm_card_visa")
    sold = subscribe(shop, customer, shop.annual, discounts=[{"coupon": coupon.id}])
    assert (sold.status, paid(shop, sold)) == ("active", [0])
    assert api.customers.retrieve(customer).balance == 0


def test_a_promotion_code_is_a_coupon_under_another_name(shop: Any, api: Any) -> None:
    """Its discount names the code; both count their redemptions, and one used up is refused."""
    coupon = api.coupons.create({"percent_off": 10, "duration": "once"})
    promotion: Any = {"type": "coupon", "coupon": coupon.id}
    code = api.promotion_codes.create({"promotion": promotion, "code": "SPRING", "max_redemptions": 1})
    wanted = [{"promotion_code": code.id}]
    sold = subscribe(
        shop, shop.customer(None, "pm_card_visa"), shop.monthly, discounts=wanted, expand=["latest_invoice.discounts"]
    )
    assert sold.latest_invoice.discounts[0].promotion_code == code.id
    assert api.promotion_codes.retrieve(code.id).times_redeemed == api.coupons.retrieve(coupon.id).times_redeemed == 1
    with pytest.raises(stripe.InvalidRequestError):
        subscribe(shop, shop.customer(None, "pm_card_visa"), shop.monthly, discounts=wanted)
    assert [each.id for each in api.promotion_codes.list({"code": "spring"}).data] == [code.id]


def test_discounts_are_replaced_kept_and_cleared(shop: Any, api: Any) -> None:
    """A populated array replaces, an empty string clears; a discount is kept by its id."""
    first, second = (api.coupons.create({"percent_off": each, "duration": "forever"}).id for each in (10, 20))
    sold = subscribe(shop, shop.customer(None, "pm_card_visa"), shop.monthly, discounts=[{"coupon": first}])
    kept = sold.discounts[0]
    both: Any = {"discounts": [{"discount": kept}, {"coupon": second}]}
    assert api.subscriptions.update(sold.id, both).discounts[0] == kept
    replaced = api.subscriptions.update(sold.id, {"discounts": [{"coupon": second}], "expand": ["discounts"]})
    assert [each.source.coupon for each in replaced.discounts] == [second]
    assert api.subscriptions.update(sold.id, {"discounts": ""}).discounts == []
    told = [each for each in shop.event_types() if each.startswith("customer.discount.")]
    assert (told.count("customer.discount.created"), told.count("customer.discount.deleted")) == (3, 3)


def test_checkout_takes_a_coupon_off_and_hands_it_on(shop: Any, api: Any) -> None:
    """The session's totals show it, the subscription it makes carries it."""
    coupon = api.coupons.create({"percent_off": 50, "duration": "once"})
    session: Any = api.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.monthly, "quantity": 1}],
            "success_url": "https://site.example/done",
            "discounts": [{"coupon": coupon.id}],
        }
    )
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_discount) == (290, 145, 145)
    assert shop.pay(session).status_code == 303
    done = api.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (done.invoice.amount_paid, done.discounts[0].coupon) == (145, coupon.id)


@pytest.mark.parametrize(("typed", "status"), [("welcome", 303), ("nonsense", 400)])
def test_a_reader_may_type_a_code_where_it_is_allowed(shop: Any, api: Any, typed: str, status: int) -> None:
    """`allow_promotion_codes`: on the hosted page, in capitals or not; a wrong one is said to be."""
    coupon = api.coupons.create({"percent_off": 100, "duration": "once"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "WELCOME"})
    session: Any = api.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.monthly, "quantity": 1}],
            "success_url": "https://site.example/done",
            "allow_promotion_codes": True,
        }
    )
    assert "promotion_code" in requests.get(session.url, timeout=5).text
    assert shop.pay(session, promotion_code=typed).status_code == status


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"coupon": "none"}, "resource_missing", "discounts[0][coupon]"),
        ({"promotion_code": "promo_none"}, "resource_missing", "discounts[0][promotion_code]"),
    ],
)
def test_what_cannot_be_redeemed_is_refused(shop: Any, wrong: Any, code: str, param: str) -> None:
    """By `resource_missing`, at the parameter at fault."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribe(shop, shop.customer(None, "pm_card_visa"), shop.monthly, discounts=[wrong])
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"percent_off": 10, "amount_off": 10},
        {"percent_off": 101},
        {"amount_off": 10},
        {"percent_off": 10, "duration": "repeating"},
        {"percent_off": 10, "duration": "once", "duration_in_months": 2},
    ],
)
def test_a_coupon_says_exactly_one_thing(api: Any, wrong: Any) -> None:
    """A share or a sum, a sum with its currency, months only where it repeats."""
    with pytest.raises(stripe.InvalidRequestError):
        api.coupons.create(wrong)


def test_a_coupon_is_renamed_deleted_and_outlives_that_where_it_is_redeemed(shop: Any, api: Any) -> None:
    """Only name and metadata change; a deleted one cannot be redeemed, and whoever has it keeps it."""
    coupon = api.coupons.create({"id": "SPRING", "percent_off": 50, "duration": "forever", "max_redemptions": 9})
    assert api.coupons.update("SPRING", {"name": "Spring"}).name == "Spring"
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"), shop.monthly, discounts=[{"coupon": coupon.id}])
    assert api.coupons.delete("SPRING").deleted
    with pytest.raises(stripe.InvalidRequestError):
        subscribe(shop, shop.customer(clock, "pm_card_visa"), shop.monthly, discounts=[{"coupon": coupon.id}])
    shop.advance(clock, NOON + 32 * DAY)
    assert paid(shop, sold) == [145, 145]


def test_what_a_smaller_plan_leaves_is_credit_for_the_next_invoices(shop: Any, api: Any) -> None:
    """Proration credit beyond the invoice stays on the balance, with a transaction, and pays what comes."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    sold = subscribe(shop, customer, shop.annual)
    shop.advance(clock, NOON + 1 * DAY)
    change: Any = {"items": [{"id": sold["items"].data[0].id, "price": shop.monthly}]}
    changed = api.subscriptions.update(sold.id, {**change, "expand": ["latest_invoice"]})
    balance = api.customers.retrieve(customer).balance
    assert (changed.latest_invoice.amount_due, changed.latest_invoice.total) == (0, balance)
    assert balance == 290 - 1985
    (kept,) = api.customers.balance_transactions.list(customer).data
    assert (kept.type, kept.amount, kept.ending_balance, kept.invoice) == (
        "applied_to_invoice", balance, balance, changed.latest_invoice.id,
    )  # fmt: skip
    shop.advance(clock, NOON + 33 * DAY)
    assert api.customers.retrieve(customer).balance == balance + 290
    assert paid(shop, sold) == [1990, 0, 0]


def test_a_balance_is_adjusted_by_hand(shop: Any, api: Any) -> None:
    """By a transaction, or by writing the customer, which leaves one too."""
    customer = shop.customer()
    made = api.customers.balance_transactions.create(customer, {"amount": -500, "currency": "usd"})
    assert (made.type, made.ending_balance) == ("adjustment", -500)
    api.customers.update(customer, {"balance": -200})
    listed = api.customers.balance_transactions.list(customer).data
    assert [each.amount for each in listed] == [300, -500]
    assert api.customers.balance_transactions.retrieve(customer, made.id).amount == -500
