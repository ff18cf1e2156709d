"""Hosted Checkout, filled in as a browser would."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests
import stripe

NOON, DAY = 1_767_268_800, 86_400


def test_the_page_shows_plan_trial_and_what_is_due(shop: Any) -> None:
    """A trial says days, first charge and nothing due today; an annual plan says its price; no script is needed."""
    customer = shop.customer(shop.clock())
    trial = requests.get(shop.session(shop.monthly, customer=customer, trial_days=30).url, timeout=5).text
    for wanted in ("30 days free", "$2.90", "31 January 2026", "$0.00", "ada@example.com", "https://site.example/wall"):
        assert wanted in trial
    assert "<script" not in trial
    annual = requests.get(shop.session(shop.annual, customer=customer).url, timeout=5).text
    assert "$19.90" in annual
    assert "1 January 2027" in annual


def test_a_trial_checkout_makes_a_trialing_subscription(shop: Any) -> None:
    """The form leads to success_url with the id filled in; session, subscription and invoice tell the same story."""
    customer = shop.customer(shop.clock())
    session = shop.session(shop.monthly, customer=customer, trial_days=30)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 0)
    assert session.expires_at - session.created == DAY
    answer = shop.pay(session)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"https://site.example/done?session={session.id}"
    done = shop.client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["subscription", "invoice"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "no_payment_required", None)
    assert done.client_reference_id == "r-81"
    assert done.subscription.status == "trialing"
    assert done.subscription.metadata.to_dict() == {"newsstand_reader_id": "r-81"}
    assert done.subscription.trial_end == NOON + 30 * DAY
    assert (done.invoice.total, done.invoice.status, done.invoice.billing_reason) == (0, "paid", "subscription_create")
    assert done.subscription.default_payment_method is not None


def test_without_a_customer_one_is_made_from_the_email(shop: Any) -> None:
    """The session ends with a fresh customer of that address, living in wall time."""
    session = shop.session(shop.annual)
    assert shop.pay(session, email="new@example.com").status_code == 303
    done = shop.client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["customer"]})
    assert (done.customer.email, done.customer.test_clock) == ("new@example.com", None)
    assert done.payment_status == "paid"


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"card_number": "4000000000000002"}, 402, "Your card was declined."),
        ({"card_number": "4000 0000 0000 9995"}, 402, "insufficient funds"),
        ({"card_number": "4000000000000341"}, 402, "Your card was declined."),
        ({"card_number": "1234"}, 400, "card number is incorrect"),
        ({"card_number": ""}, 400, "card number is incorrect"),
        ({"card_expiry": "13/30"}, 400, "expiration date"),
        ({"card_expiry": "01/20"}, 400, "in the past"),
        ({"card_cvc": "x"}, 400, "security code"),
        ({"email": "nobody"}, 400, "valid email"),
    ],
)
def test_a_refused_card_leaves_the_session_open(shop: Any, changes: dict[str, str], status: int, text: str) -> None:
    """The page says why, nothing is made, and another card can pay."""
    session = shop.session(shop.annual)
    answer = shop.pay(session, **changes)
    assert (answer.status_code, text in answer.text) == (status, True)
    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert "customer.subscription.created" not in shop.event_types()
    assert shop.pay(session).status_code == 303


def test_a_card_may_ask_for_authentication(shop: Any) -> None:
    """…3155 leads to the bank's page: Fail goes back to the form, Authenticate completes; later charges just pay."""
    clock = shop.clock()
    session = shop.session(shop.monthly, customer=shop.customer(clock), trial_days=30)
    ask = {"card_number": "4000002500003155"}
    assert "Authenticate" in shop.pay(session, **ask).text
    failed = requests.post(session.url, {"authentication": "fail"}, allow_redirects=False, timeout=5)
    assert (failed.status_code, "unable to authenticate" in failed.text) == (402, True)
    skipped = requests.post(session.url, {"authentication": "pass"}, allow_redirects=False, timeout=5)
    assert skipped.status_code == 402, "nothing was waiting to be authenticated"
    shop.pay(session, **ask)
    passed = requests.post(session.url, {"authentication": "pass"}, allow_redirects=False, timeout=5)
    assert passed.status_code == 303
    subscription = str(shop.client.v1.checkout.sessions.retrieve(session.id).subscription)
    shop.advance(clock, NOON + 31 * DAY)
    assert shop.client.v1.subscriptions.retrieve(subscription).status == "active"


def test_who_pays_from_a_balance_is_asked_by_the_bank_for_the_card_alone(shop: Any) -> None:
    """With credit for the whole first invoice there is no payment to wait for: authenticated, the purchase is made."""
    customer = shop.customer()
    shop.client.v1.customers.balance_transactions.create(customer, {"amount": -99_000, "currency": "usd"})
    session = shop.session(shop.monthly, customer=customer)
    assert shop.pay(session, card_number="4000002500003155").status_code == 200
    passed = requests.post(session.url, {"authentication": "pass"}, allow_redirects=False, timeout=5)
    assert passed.status_code == 303
    [subscription] = shop.client.v1.subscriptions.list({"customer": customer}).data
    assert subscription.status == "active"


def test_two_clicks_make_one_subscription(shop: Any) -> None:
    """Eight simultaneous posts: one purchase, the others see that it is done."""
    customer = shop.customer()
    session = shop.session(shop.annual, customer=customer)
    statuses: list[int] = []
    posts = [threading.Thread(target=lambda: statuses.append(shop.pay(session).status_code)) for _ in range(8)]
    for each in posts:
        each.start()
    for each in posts:
        each.join()
    assert sorted(statuses) == [303, *[409] * 7]
    assert len(shop.client.v1.subscriptions.list(params={"customer": customer, "status": "all"}).data) == 1
    assert "all done" in requests.get(session.url, timeout=5).text


def test_an_expired_session_cannot_be_paid(shop: Any) -> None:
    """Expiring closes the page and tells so; it cannot be expired, nor paid, again."""
    session = shop.session(shop.annual)
    assert shop.client.v1.checkout.sessions.expire(session.id).status == "expired"
    answer = shop.pay(session)
    assert (answer.status_code, "expired" in answer.text) == (410, True)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.checkout.sessions.expire(session.id)
    assert shop.event_types()[-1] == "checkout.session.expired"


def test_sessions_are_listed_by_customer_and_status(shop: Any) -> None:
    """A customer's open sessions are found, to be reused or expired."""
    customer = shop.customer(shop.clock())
    first, second = (shop.session(shop.annual, customer=customer) for _ in range(2))
    shop.client.v1.checkout.sessions.expire(first.id)
    wanted: Any = {"customer": customer, "status": "open"}
    assert [each.id for each in shop.client.v1.checkout.sessions.list(params=wanted).data] == [second.id]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "payment"},
        {"line_items": []},
        {"line_items": [{"price": "price_none"}]},
        {"expires_at": 1},
        {"subscription_data": {"trial_period_days": 0}},
        {"customer": "cus_none"},
        {"payment_intent_data": {"metadata": {"a": "1"}}},
    ],
)
def test_a_wrong_session_is_refused(shop: Any, change: dict[str, Any]) -> None:
    """What cannot be sold, or is not known, is a 400 that names the parameter."""
    params = {
        "mode": "subscription",
        "line_items": [{"price": shop.annual}],
        "success_url": "https://site.example",
        **change,
    }
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.client.v1.checkout.sessions.create(params=params)
    assert caught.value.param


@pytest.mark.parametrize("path", ["/c/pay/cs_test_none", "/p/session/bps_none_x", "/p/session/x", "/i/in_none"])
def test_a_mistyped_link_says_so(shop: Any, path: str) -> None:
    """An unknown page is a readable 404, also when it is posted to."""
    assert "There is no such" in requests.get(shop.url + path, timeout=5).text
    assert requests.get(shop.url + path, timeout=5).status_code == 404
