"""Requests, errors, lists and idempotency, as Stripe documents them; any client's business, not ours alone.

Pages: docs.stripe.com/api/errors, /api/pagination, /api/expanding_objects, /api/idempotent_requests, /api/metadata.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

MEMBERS = {"type", "code", "param", "message", "decline_code", "charge", "payment_intent", "payment_method", "doc_url"}
"""What an error body may hold; a link into a dashboard there is none of."""


def ask(shop: Any, method: str, path: str, **options: Any) -> Any:
    return requests.request(method, f"{shop.url}{path}", auth=("sk_test_sandbox", ""), timeout=10, **options)


@pytest.mark.parametrize(
    ("method", "path", "form", "status", "kind", "code", "param"),
    [
        ("GET", "/v1/customers/cus_none", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("GET", "/v1/invoices/in_none", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("GET", "/v1/coupons/none", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("GET", "/v1/setup_intents/seti_none", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("GET", "/v1/payment_intents/pi_none", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("POST", "/v1/disputes/du_none/close", {}, 404, "invalid_request_error", "resource_missing", "id"),
        ("POST", "/v1/subscriptions", {"customer": "cus_none"}, 400, "invalid_request_error", "parameter_missing",
         "items"),
        ("POST", "/v1/customers", {"colour": "red"}, 400, "invalid_request_error", "parameter_unknown", "colour"),
        ("POST", "/v1/customers", {"address[street]": "x"}, 400, "invalid_request_error", "parameter_unknown",
         "address[street]"),
        ("POST", "/v1/prices", {"currency": "usd", "unit_amount": "ten"}, 400, "invalid_request_error",
         "parameter_invalid_integer", "unit_amount"),
        ("GET", "/v1/nowhere", {}, 404, "invalid_request_error", None, None),
        ("GET", "/v1/customers?limit=101", {}, 400, "invalid_request_error", None, "limit"),
        ("GET", "/v1/customers?starting_after=cus_none", {}, 400, "invalid_request_error", "resource_missing",
         "starting_after"),
        ("GET", "/v1/customers?expand[]=data.colour", {}, 400, "invalid_request_error", None, "expand"),
    ],
)  # fmt: skip
def test_an_error_says_what_and_where(
    lasting_shop: Any, method: str, path: str, form: Any, status: int, kind: str, code: str | None, param: str | None
) -> None:
    """Type, code, parameter and a message; nothing else (/api/errors)."""
    lasting_shop.customer()
    answer = ask(lasting_shop, method, path, data=form)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("code"), error.get("param")) == (status, kind, code, param)
    assert set(answer.json()) == {"error"}
    assert error["message"]
    assert set(error) <= MEMBERS


def test_a_declined_card_is_402_with_the_bank_s_reason(shop: Any) -> None:
    """`card_error`, `code` and `decline_code` (/api/errors#errors-card_error)."""
    customer = shop.customer(None, "pm_card_chargeCustomerFail")
    items: Any = [{"price": shop.monthly}]
    owed = shop.client.v1.subscriptions.create({"customer": customer, "items": items}).latest_invoice
    answer = ask(shop, "POST", f"/v1/invoices/{owed}/pay")
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (402, "card_error", "card_declined")
    assert error["decline_code"] == "generic_decline"
    assert set(error) <= MEMBERS


def test_a_key_answers_once_whatever_the_answer_was(shop: Any) -> None:
    """The same key and parameters: the first answer to the byte, marked as replayed (/api/idempotent_requests)."""
    key = {"Idempotency-Key": "k-1"}
    first = ask(shop, "POST", "/v1/customers", data={"email": "a@example.com"}, headers=key)
    again = ask(shop, "POST", "/v1/customers", data={"email": "a@example.com"}, headers=key)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    other = ask(shop, "POST", "/v1/customers", data={"email": "b@example.com"}, headers=key)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    elsewhere = ask(shop, "POST", "/v1/products", data={"name": "x"}, headers=key)
    assert (elsewhere.status_code, elsewhere.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_key_keeps_failures_but_not_refused_parameters(shop: Any) -> None:
    """A saved 500 is replayed; what failed validation may be sent corrected."""
    key = {"Idempotency-Key": "k-2"}
    assert ask(shop, "POST", "/v1/customers", data={"colour": "red"}, headers=key).status_code == 400
    shop.control("faults", status=500, saved=True)
    broken = ask(shop, "POST", "/v1/customers", data={"name": "Ada"}, headers=key)
    shop.control("faults")
    assert broken.status_code == 500
    replayed = ask(shop, "POST", "/v1/customers", data={"name": "Ada"}, headers=key)
    assert (replayed.status_code, replayed.content) == (500, broken.content)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_busy_or_broken_says_so(shop: Any, status: int) -> None:
    """Errors of Stripe's own shape, which the SDK knows to repeat (/api/errors#handling, /rate-limits)."""
    shop.control("faults", status=status)
    answer = ask(shop, "GET", "/v1/customers")
    assert (answer.status_code, answer.headers["Stripe-Should-Retry"]) == (status, "true")
    error = answer.json()["error"]
    assert error["type"] == ("invalid_request_error" if status == 429 else "api_error")
    assert error.get("code") == ("rate_limit" if status == 429 else None)


def test_lists_are_newest_first_and_walked_by_cursors(shop: Any) -> None:
    """`has_more`, both cursors, and the SDK's own paging (/api/pagination)."""
    made = [shop.customer() for _ in range(5)][::-1]
    api = shop.client.v1.customers
    first = api.list({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (made[:2], True)
    last = api.list({"limit": 4, "starting_after": made[0]})
    assert ([each.id for each in last.data], last.has_more) == (made[1:], False)
    before = api.list({"limit": 1, "ending_before": made[2]})
    assert ([each.id for each in before.data], before.has_more) == ([made[1]], True)
    assert [each.id for each in api.list({"limit": 2}).auto_paging_iter()] == made


def test_lists_are_narrowed(shop: Any) -> None:
    """By owner, status, price, and created ranges; subscriptions leave the cancelled out unless asked."""
    api, items = shop.client.v1, {shop.monthly: [], shop.annual: []}
    customers = [shop.customer(None, "pm_card_visa") for _ in range(2)]
    for customer, price in zip(customers, items, strict=True):
        wanted: Any = [{"price": price}]
        items[price].append(api.subscriptions.create({"customer": customer, "items": wanted}))
    (monthly,), (annual,) = items.values()
    api.subscriptions.cancel(monthly.id)
    ids = lambda params: [each.id for each in api.subscriptions.list(params).data]  # noqa: E731
    assert ids({}) == [annual.id]
    assert ids({"status": "all"}) == [annual.id, monthly.id]
    assert ids({"status": "ended"}) == ids({"status": "canceled"}) == [monthly.id]
    assert ids({"price": shop.annual, "status": "all"}) == [annual.id]
    assert ids({"customer": customers[0]}) == []
    assert ids({"created": {"gt": annual.created}}) == []
    assert ids({"created": {"gte": annual.created, "lte": annual.created}}) == [annual.id]
    invoices = api.invoices.list({"subscription": monthly.id, "status": "paid"}).data
    assert [each.customer for each in invoices] == [customers[0]]
    assert api.invoices.list({"subscription": monthly.id, "status": "open"}).data == []
    intents = api.payment_intents.list({"customer": customers[1]}).data
    assert [each.status for each in intents] == ["succeeded"]
    assert api.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intents[0].id}}
    ).data[0].invoice == annual.latest_invoice  # fmt: skip


def test_metadata_is_merged_unset_and_cleared(shop: Any) -> None:
    """A key is unset by an empty value, all of them by an empty string (/api/metadata)."""
    api, customer = shop.client.v1.customers, shop.customer()
    api.update(customer, {"metadata": {"a": "1", "b": "2"}})
    assert api.update(customer, {"metadata": {"a": ""}}).metadata.to_dict() == {"b": "2"}
    assert api.update(customer, {"metadata": ""}).metadata.to_dict() == {}


def test_what_is_expanded_is_the_object(shop: Any) -> None:
    """Ids become objects, in lists too, four levels deep at most (/api/expanding_objects)."""
    api, customer = shop.client.v1, shop.customer(None, "pm_card_visa")
    items: Any = [{"price": shop.monthly}]
    api.subscriptions.create({"customer": customer, "items": items})
    listed = api.subscriptions.list({"customer": customer, "expand": ["data.latest_invoice.payments", "data.customer"]})
    assert listed.data[0].customer.id == customer
    assert listed.data[0].latest_invoice.payments.data[0].status == "paid"
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.list({"expand": ["data.a.b.c.d.e"]})
