"""The API's manners: parameters, errors, idempotency, cursors, expansion, and what lists leave out."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest
import requests
import stripe

KEY = {"Authorization": "Bearer sk_test_sandbox"}


def test_prices_are_found_and_moved_by_lookup_key(shop: Any) -> None:
    """`lookup_keys[]` finds a price; `transfer_lookup_key` moves the key to another; without it that is refused."""
    prices = shop.client.v1.prices
    assert [each.id for each in prices.list(params={"lookup_keys": ["monthly"]}).data] == [shop.monthly]
    product = prices.retrieve(shop.monthly).product
    dearer: Any = {
        "product": product,
        "currency": "usd",
        "unit_amount": 390,
        "recurring": {"interval": "month"},
        "lookup_key": "monthly",
    }
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        prices.create(params=dearer)
    moved = prices.create(params={**dearer, "transfer_lookup_key": True})
    assert [each.id for each in prices.list(params={"lookup_keys": ["monthly"]}).data] == [moved.id]
    assert prices.retrieve(shop.monthly).lookup_key is None
    prices.update(shop.monthly, params={"active": False})
    assert len(prices.list(params={"active": True, "product": product}).data) == 2


def test_metadata_is_merged_and_cleared(client: stripe.StripeClient) -> None:
    """Keys are merged, an empty value removes its key, an empty whole removes all."""
    customers = client.v1.customers
    made = customers.create(params={"metadata": {"a": "1", "b": "2"}})
    merged = customers.update(made.id, params={"metadata": {"b": "", "c": "3"}})
    assert merged.metadata.to_dict() == {"a": "1", "c": "3"}
    assert customers.update(made.id, params={"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize("key", ["sk_test_other", "sk_live_sandbox", "nonsense"])
def test_an_unknown_key_is_refused(shop: Any, connected: Any, key: str) -> None:
    """Only the configured key works: anything else is a 401 with Stripe's body."""
    with pytest.raises(stripe.AuthenticationError) as caught:
        connected(shop.url, key).v1.products.list()
    assert caught.value.http_status == 401
    assert requests.get(f"{shop.url}/v1/products", timeout=5).json()["error"]["type"] == "invalid_request_error"


def test_errors_name_type_code_and_parameter(shop: Any) -> None:
    """Unknown, missing, wrong and unresolvable parameters each get Stripe's status, code and param."""
    cases = [
        ("customers", {"shoe_size": "43"}, 400, "parameter_unknown", "shoe_size"),
        ("customers", {"invoice_settings[colour]": "red"}, 400, "parameter_unknown", "invoice_settings[colour]"),
        ("products", {}, 400, "parameter_missing", "name"),
        ("customers", {"balance": "much"}, 400, "parameter_invalid_integer", "balance"),
        ("subscriptions", {"customer": "cus_none", "items[0][price]": "x"}, 400, "resource_missing", "customer"),
        ("prices", {"currency": "usd", "product": "prod_no", "unit_amount": "1"}, 404, "resource_missing", "product"),
        ("customers", {"a[b": "x"}, 400, None, "a[b"),
        ("customers", {"email": "x", "email[y]": "z"}, 400, None, "email"),
        ("nothing", {}, 404, None, None),
    ]
    for path, form, status, code, param in cases:
        answer = requests.post(f"{shop.url}/v1/{path}", form, headers=KEY, timeout=5)
        error = answer.json()["error"]
        assert error["type"] == "invalid_request_error", error
        if code != "resource_missing":
            assert answer.status_code == status, error
        assert (error.get("code"), error.get("param")) == (code, param), error


def test_a_missing_object_is_404(client: stripe.StripeClient) -> None:
    """Retrieving what does not exist is `resource_missing`."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.subscriptions.retrieve("sub_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_responses_carry_stripe_s_headers(shop: Any) -> None:
    """`Request-Id` is there, and `Stripe-Version` comes back as it was sent."""
    answer = requests.get(f"{shop.url}/v1/products", headers={**KEY, "Stripe-Version": "2026-10-28.endive"}, timeout=5)
    assert answer.headers["Stripe-Version"] == "2026-10-28.endive"
    assert answer.headers["Request-Id"].startswith("req_")


def test_an_idempotency_key_answers_the_same_once(client: stripe.StripeClient) -> None:
    """Same key and parameters: the first answer again, one object. Other parameters: an error."""
    options: Any = {"idempotency_key": "k-1"}
    first = client.v1.customers.create({"email": "a@example.com"}, options)
    again = client.v1.customers.create({"email": "a@example.com"}, options)
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.customers.create({"email": "b@example.com"}, options)
    assert caught.value.http_status == 400
    assert len(client.v1.customers.list().data) == 1


def test_a_key_in_flight_is_a_conflict(standin: Any, client: stripe.StripeClient) -> None:
    """Of two requests at once with one key, one works and the other gets 409 `idempotency_key_in_use`."""
    outcomes: queue.Queue[Any] = queue.Queue()

    def attempt() -> None:
        try:
            outcomes.put(client.v1.customers.create({}, {"idempotency_key": "k-2"}).object)
        except stripe.StripeError as error:
            outcomes.put((error.http_status, error.json_body["error"]["code"]))

    both = [threading.Thread(target=attempt) for _ in range(2)]
    with standin.account.store.transaction():  # nobody can finish work before we let go
        for each in both:
            each.start()
        refused = outcomes.get(timeout=10)
    for each in both:
        each.join()
    assert (refused, outcomes.get()) == ((409, "idempotency_key_in_use"), "customer")


def test_a_refused_request_may_be_corrected_under_its_key(client: stripe.StripeClient) -> None:
    """Parameters that were refused are not kept: nothing had begun."""
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.create({"name": ""}, {"idempotency_key": "k-3"})
    assert client.v1.products.create({"name": "Newsstand"}, {"idempotency_key": "k-3"}).name == "Newsstand"


def test_cursors_walk_a_list_both_ways(client: stripe.StripeClient) -> None:
    """Newest first; `limit`, `starting_after` and `ending_before` cut pages; `has_more` is true to what is left."""
    made = [client.v1.customers.create(params={"email": f"{n}@example.com"}).id for n in range(5)][::-1]
    first = client.v1.customers.list(params={"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (made[:2], True)
    rest = client.v1.customers.list(params={"limit": 3, "starting_after": made[1]})
    assert ([each.id for each in rest.data], rest.has_more) == (made[2:], False)
    back = client.v1.customers.list(params={"limit": 2, "ending_before": made[3]})
    assert ([each.id for each in back.data], back.has_more) == (made[1:3], True)
    assert [each.id for each in client.v1.customers.list(params={"limit": 1}).auto_paging_iter()] == made
    for wrong in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_none"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.list(params=wrong)


def test_expansion_goes_through_objects_and_lists(shop: Any) -> None:
    """Nested and `data.` paths resolve; a path that leads nowhere, or too deep, is refused."""
    customer = shop.customer(shop.clock(), "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    paths = ["data.latest_invoice.payments.data.payment.payment_intent", "data.items.data.price.product"]
    with pytest.raises(stripe.InvalidRequestError, match="4 levels"):
        shop.client.v1.subscriptions.list(params={"customer": customer, "expand": ["data.a.b.c.d.e"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.client.v1.subscriptions.retrieve(made.id, params={"expand": ["shoe"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.client.v1.subscriptions.retrieve(made.id, params={"expand": ["status"]})
    listed = shop.client.v1.subscriptions.list(
        params={"customer": customer, "expand": ["data.latest_invoice", paths[1]]}
    )
    assert listed.data[0].latest_invoice.status == "paid"
    assert listed.data[0]["items"].data[0].price.product.name == "Newsstand"
    invoice = shop.client.v1.invoices.retrieve(
        made.latest_invoice, params={"expand": ["payments.data.payment.payment_intent"]}
    )
    assert invoice.payments.data[0].payment.payment_intent.amount_received == 290


def test_the_way_from_a_charge_to_its_subscription(shop: Any) -> None:
    """Charge → payment intent → invoice payment → invoice → subscription, as refunds and disputes must go."""
    customer = shop.customer(shop.clock(), "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    charge = shop.client.v1.charges.list(params={"customer": customer}).data[0]
    wanted: Any = {"payment": {"type": "payment_intent", "payment_intent": charge.payment_intent}}
    payment = shop.client.v1.invoice_payments.list(params=wanted).data[0]
    invoice = shop.client.v1.invoices.retrieve(payment.invoice)
    assert invoice.parent.subscription_details.subscription == made.id
    assert "invoice" not in charge.to_dict()


def test_account_wide_lists_leave_clock_customers_out(shop: Any) -> None:
    """Customers, subscriptions and invoices on a test clock appear when `test_clock` or the customer is named."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    v1 = shop.client.v1
    assert v1.customers.list().data == []
    assert v1.subscriptions.list().data == []
    assert v1.invoices.list().data == []
    assert [each.id for each in v1.customers.list(params={"test_clock": clock}).data] == [customer]
    assert len(v1.subscriptions.list(params={"test_clock": clock}).data) == 1
    assert len(v1.invoices.list(params={"customer": customer}).data) == 1


def test_events_are_listed_by_time_and_type(shop: Any) -> None:
    """`types[]`, `type` patterns and `created` narrow; a single event is retrieved."""
    customer = shop.client.v1.customers.create(params={"email": "ada@example.com"})
    events = shop.client.v1.events
    found = events.list(params={"types": ["customer.created", "customer.deleted"]}).data
    assert [each.data.object["id"] for each in found] == [customer.id]
    assert events.retrieve(found[0].id).type == "customer.created"
    assert {each.type for each in events.list(params={"type": "price.*"}).data} == {"price.created"}
    assert events.list(params={"created": {"gte": customer.created + 3600}}).data == []


def test_a_deleted_customer_loses_its_subscriptions_and_leaves_a_stub(shop: Any) -> None:
    """Deletion ends subscriptions, tells so, and the id then answers `deleted: true`."""
    customer = shop.customer(shop.clock(), "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    shop.client.v1.customers.delete(customer)
    assert shop.client.v1.customers.retrieve(customer).deleted is True
    assert shop.client.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert [each["type"] for each in shop.events()][-2:] == ["customer.subscription.deleted", "customer.deleted"]
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})


def test_cards_are_attached_listed_and_detached(shop: Any) -> None:
    """A declined card is not saved; the same number has the same fingerprint; detaching forgets the default."""
    customer = shop.customer(None, "pm_card_visa")
    v1 = shop.client.v1
    with pytest.raises(stripe.CardError) as caught:
        v1.payment_methods.attach("pm_card_visa_chargeDeclined", params={"customer": customer})
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    default = v1.customers.retrieve(customer).invoice_settings.default_payment_method
    second = v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    cards = v1.customers.payment_methods.list(customer).data
    assert len({each.card.fingerprint for each in cards}) == 1
    assert [each.id for each in cards] == [second.id, default]
    v1.payment_methods.detach(default)
    assert v1.customers.retrieve(customer).invoice_settings.default_payment_method is None


def test_a_declined_invoice_payment_is_a_card_error_and_is_recorded(shop: Any) -> None:
    """`pay` answers 402, and the attempt counts."""
    customer = shop.customer(shop.clock(), "pm_card_chargeCustomerFail")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    assert made.status == "incomplete"
    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(made.latest_invoice)
    assert shop.client.v1.invoices.retrieve(made.latest_invoice).attempt_count == 2
    method = shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    paid = shop.client.v1.invoices.pay(made.latest_invoice, params={"payment_method": method.id})
    assert paid.status == "paid"
    assert shop.client.v1.subscriptions.retrieve(made.id).status == "active"


def test_an_incomplete_subscription_without_a_card_is_refused_and_leaves_nothing(shop: Any) -> None:
    """No card and no trial: an error, and no half-made subscription."""
    customer = shop.customer()
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    assert shop.client.v1.subscriptions.list(params={"customer": customer, "status": "all"}).data == []


def test_the_api_fails_on_demand(shop: Any) -> None:
    """The fault switch makes every answer a 429 or a 500, with an SDK's retry hint, until it is cleared."""
    for status, error in ((429, stripe.RateLimitError), (500, stripe.APIError)):
        shop.control("faults", status=status)
        with pytest.raises(error):
            shop.client.v1.products.list()
    assert "error" in shop.control("faults", typo=1)
    shop.control("faults")
    assert len(shop.client.v1.products.list().data) == 1
