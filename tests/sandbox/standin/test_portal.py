"""The Billing Portal: the plan, the card, cancelling and undoing it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

NOON, DAY, HOUR = 1_767_268_800, 86_400, 3_600


@pytest.fixture
def clock(shop: Any) -> str:
    """A clock at noon, 1 January 2026."""
    made: str = shop.clock()
    return made


@pytest.fixture
def customer(shop: Any, clock: str) -> str:
    """A customer on the clock."""
    made: str = shop.customer(clock)
    return made


def portal(shop: Any, customer: str, **params: Any) -> str:
    made = {"customer": customer, "return_url": "https://site.example/account", **params}
    return str(shop.client.v1.billing_portal.sessions.create(params=made).url)


def press(url: str, **form: str) -> requests.Response:
    return requests.post(url, form, timeout=5)


def test_the_page_shows_plan_card_and_next_charge(shop: Any, customer: str) -> None:
    """What is bought, what it costs, when it is charged next, on which card, and the way back."""
    shop.buy(shop.monthly, customer=customer, trial_days=30)
    page = requests.get(portal(shop, customer), timeout=5).text
    for wanted in ("Newsstand", "$2.90", "free trial", "31 January 2026", "4242", "https://site.example/account"):
        assert wanted in page


def test_cancelling_sets_cancel_at_and_leaves_the_boolean_false(shop: Any, customer: str, clock: str) -> None:
    """The flexible-mode shape of a portal cancellation, its undoing, and the end when the instant comes."""
    bought = shop.buy(shop.monthly, customer=customer, trial_days=30)
    url = portal(shop, customer)
    page = press(url, action="cancel", subscription=bought.id, comment="Too dear")
    assert "You keep access until 31 January 2026" in page.text
    ending = shop.client.v1.subscriptions.retrieve(bought.id)
    assert (ending.cancel_at, ending.cancel_at_period_end) == (NOON + 30 * DAY, False)
    assert ending.cancellation_details.to_dict() == {
        "comment": "Too dear",
        "feedback": None,
        "reason": "cancellation_requested",
    }
    press(url, action="resume", subscription=bought.id)
    assert shop.client.v1.subscriptions.retrieve(bought.id).cancel_at is None
    press(url, action="cancel", subscription=bought.id)
    shop.advance(clock, NOON + 30 * DAY + HOUR)
    assert shop.client.v1.subscriptions.retrieve(bought.id).status == "canceled"
    assert "no running subscription" in requests.get(url, timeout=5).text


def test_a_new_card_pays_an_open_invoice(shop: Any, customer: str, clock: str) -> None:
    """After a failed charge: save another card, press Pay now, and the subscription is active again."""
    bought = shop.buy(shop.monthly, customer=customer, trial_days=7, card_number="4000000000000341")
    shop.advance(clock, NOON + 7 * DAY + HOUR)
    url = portal(shop, customer)
    card = {"card_number": "5555555555554444", "card_expiry": "1/35", "card_cvc": "123"}
    assert "4444" in press(url, action="update_card", **card).text
    latest = str(shop.client.v1.subscriptions.retrieve(bought.id).latest_invoice)
    press(url, action="pay_invoice", invoice=latest)
    assert shop.client.v1.subscriptions.retrieve(bought.id).status == "active"
    assert "payment_method.attached" in shop.event_types(customer)


def test_only_what_the_configuration_allows(shop: Any, customer: str) -> None:
    """Features are off unless a configuration turns them on; acts on them are refused."""
    bought = shop.buy(shop.monthly, customer=customer, trial_days=30)
    configurations = shop.client.v1.billing_portal.configurations
    made = configurations.create(params={"features": {"invoice_history": {"enabled": True}}})
    url = portal(shop, customer, configuration=made.id)
    assert "Cancel subscription" not in requests.get(url, timeout=5).text
    refused = press(url, action="cancel", subscription=bought.id)
    assert (refused.status_code, "not offered" in refused.text) == (400, True)
    features = {"subscription_cancel": {"enabled": True, "mode": "at_period_end"}}
    updated = configurations.update(made.id, params={"features": features})
    assert updated.features.invoice_history.enabled is True, "members not sent stay"
    assert "Cancel subscription" in requests.get(url, timeout=5).text


def plan_change(shop: Any, **rules: Any) -> str:
    """Return a configuration that lets readers change between the two plans."""
    product = shop.client.v1.prices.retrieve(shop.monthly).product
    feature = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "products": [{"product": product, "prices": [shop.monthly, shop.annual]}],
        **rules,
    }
    features = {"subscription_update": feature, "subscription_cancel": {"enabled": True}}
    made: str = shop.client.v1.billing_portal.configurations.create(params={"features": features}).id
    return made


@pytest.mark.parametrize(("rule", "status"), [("continue_trial", "trialing"), ("end_trial", "active")])
def test_a_plan_is_changed_as_the_configuration_says(shop: Any, customer: str, rule: str, status: str) -> None:
    """The page offers the other price; within a trial the configuration decides whether the trial goes on."""
    bought = shop.buy(shop.monthly, customer=customer, trial_days=30)
    url = portal(shop, customer, configuration=plan_change(shop, trial_update_behavior=rule))
    page = requests.get(url, timeout=5).text
    assert ("$19.90 per year" in page, "ends your free trial" in page) == (True, rule == "end_trial")
    assert press(url, action="change_plan", subscription=bought.id, price=shop.annual).status_code == 200
    changed = shop.client.v1.subscriptions.retrieve(bought.id, params={"expand": ["latest_invoice"]})
    assert (changed.status, changed["items"].data[0].price.id) == (status, shop.annual)
    assert changed.latest_invoice.amount_paid == (1990 if rule == "end_trial" else 0)
    assert press(url, action="change_plan", subscription=bought.id, price=shop.annual).status_code == 400


@pytest.mark.parametrize(
    ("prorations", "credited", "waiting"),
    [("none", 0, 0), ("create_prorations", 0, -round(290 * 21 / 31)), ("always_invoice", -round(290 * 21 / 31), 0)],
)
def test_an_immediate_cancellation_prorates_as_the_configuration_says(
    shop: Any, customer: str, clock: str, prorations: str, credited: int, waiting: int
) -> None:
    """Not at all, on a later invoice, or at once, as credit on the balance."""
    bought = shop.buy(shop.monthly, customer=customer)
    shop.advance(clock, NOON + 10 * DAY)
    cancel: Any = {"enabled": True, "mode": "immediately", "proration_behavior": prorations}
    made = shop.client.v1.billing_portal.configurations.create({"features": {"subscription_cancel": cancel}})
    assert press(portal(shop, customer, configuration=made.id), action="cancel", subscription=bought.id).ok
    assert shop.client.v1.subscriptions.retrieve(bought.id).status == "canceled"
    assert shop.client.v1.customers.retrieve(customer).balance == credited
    items = shop.client.v1.invoice_items.list({"customer": customer, "pending": True}).data
    assert sum(each.amount for each in items) == waiting


def test_a_plan_change_may_begin_the_period_anew(shop: Any, customer: str, clock: str) -> None:
    """`subscription_update.billing_cycle_anchor`: `now` moves the anchor although the interval stays."""
    product = shop.client.v1.prices.retrieve(shop.monthly).product
    dearer = shop.client.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 590, "recurring": {"interval": "month"}}
    ).id
    bought = shop.buy(shop.monthly, customer=customer)
    shop.advance(clock, NOON + 10 * DAY)
    anew = plan_change(shop, billing_cycle_anchor="now", products=[{"product": product, "prices": [dearer]}])
    press(portal(shop, customer, configuration=anew), action="change_plan", subscription=bought.id, price=dearer)
    assert shop.client.v1.subscriptions.retrieve(bought.id).billing_cycle_anchor == NOON + 10 * DAY


def test_the_page_carries_the_business_and_asks_why(shop: Any, customer: str) -> None:
    """Headline, links, the way back and the reasons to leave, all from the configuration."""
    bought = shop.buy(shop.monthly, customer=customer)
    reason: Any = {"enabled": True, "options": ["too_expensive"]}
    made = shop.client.v1.billing_portal.configurations.create(
        {
            "business_profile": {"headline": "The Gazette", "privacy_policy_url": "https://site.example/privacy"},
            "default_return_url": "https://site.example/home",
            "features": {"subscription_cancel": {"enabled": True, "cancellation_reason": reason}},
        }
    )
    wanted: Any = {"customer": customer, "configuration": made.id}
    session = shop.client.v1.billing_portal.sessions.create(wanted)
    page = requests.get(session.url, timeout=5).text
    for each in ("The Gazette", "https://site.example/privacy", "https://site.example/home", "too expensive"):
        assert each in page
    press(session.url, action="cancel", subscription=bought.id, feedback="too_expensive")
    left = shop.client.v1.subscriptions.retrieve(bought.id).cancellation_details
    assert left.feedback == "too_expensive"


def test_a_flow_offers_its_one_act_and_leads_on(shop: Any, customer: str) -> None:
    """`flow_data` for a cancellation: only its button, then the redirect; flows that cannot be are refused."""
    bought = shop.buy(shop.monthly, customer=customer, trial_days=30)
    after = {"type": "redirect", "redirect": {"return_url": "https://site.example/gone"}}
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": bought.id},
        "after_completion": after,
    }
    configuration = plan_change(shop)
    url = portal(shop, customer, configuration=configuration, flow_data=flow)
    page = requests.get(url, timeout=5).text
    assert ("Cancel subscription" in page, "Change plan" in page) == (True, False)
    assert press(url, action="change_plan", subscription=bought.id, price=shop.annual).status_code == 400
    form = {"action": "cancel", "subscription": bought.id}
    answer = requests.post(url, form, allow_redirects=False, timeout=5)
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://site.example/gone")
    other = {"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_none"}}
    for wrong in (flow, other, {"type": "subscription_cancel"}, {"type": "payment_method_update"}):
        with pytest.raises(stripe.InvalidRequestError):
            portal(shop, customer, configuration=configuration, flow_data=wrong)


@pytest.mark.parametrize(
    "form",
    [
        {"action": "cancel", "subscription": "sub_none"},
        {"action": "resume", "subscription": "BOUGHT"},
        {"action": "pay_invoice", "invoice": "in_none"},
        {"action": "update_card", "card_number": "4000000000000002", "card_expiry": "1/35", "card_cvc": "123"},
        {"action": "update_card"},
        {"action": "dance"},
        {},
    ],
)
def test_an_impossible_act_is_refused_and_changes_nothing(
    lasting_shop: Any, visited: tuple[str, str], form: dict[str, str]
) -> None:
    """Every wrong form is a 400 with the page and a sentence."""
    url, bought = visited
    before = len(lasting_shop.events())
    answer = press(url, **{name: value.replace("BOUGHT", bought) for name, value in form.items()})
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert len(lasting_shop.events()) == before


@pytest.fixture(scope="module")
def visited(lasting_shop: Any) -> tuple[str, str]:
    """A portal page and the subscription on it."""
    customer = lasting_shop.customer(lasting_shop.clock())
    bought = lasting_shop.buy(lasting_shop.monthly, customer=customer, trial_days=30)
    return portal(lasting_shop, customer), bought.id
