"""Of a payload people see what Stripe calls things, and nothing of whom it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.masking import MASK, MOST_NESTED, masked

SHAPES: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "sandbox" / "standin" / "shapes.json").read_text(encoding="utf-8")
)
"""Every member of every object at Stripe's API version, digested from the SDK."""

PERSONAL = (
    "ada@example.com", "Ada Lovelace", "ada lovelace", "+44 20 7946 0000", "02079460000", "12 St James's Square",
    "203.0.113.7", "2001:db8::7", "SW1Y 4JH", "4242424242424242", "4242 4242 4242 4242", "AOB934RVNwzk6xtn==",
    "https://checkout.stripe.com/c/pay/cs_1#fidkdWxOYHwnPyd1blpxYHZxWjA0", "pi_1Pgafy_secret_Dm43xiq1k0ywrRRjD",
    "sk_" + "live_51Habcdefghijk", "whsec_" + "0123456789abcdef", "rk_" + "test_51Habcdefghijk",
    "DE89370400440532013000",
)  # fmt: skip


def filled(shape: dict[str, Any], text: str) -> Any:
    """Return a value of the shape in which every text that is not one of Stripe's words is `text`."""
    simple = {"str": text, "int": 7, "float": 1.5, "bool": True, "map": {"note": text}}
    kind = shape["type"]
    if kind in {"list", "page"}:
        of = shape["of"]
        return [filled(of if isinstance(of, dict) else {"type": of}, text)]
    if kind == "object":
        return {name: filled(each, text) for name, each in shape["fields"].items()}
    return shape["enum"][0] if "enum" in shape else simple.get(kind)


def objects(text: str) -> Iterator[dict[str, Any]]:
    for name, shape in SHAPES.items():
        about = {member: filled(each, text) for member, each in shape["fields"].items()} | {"object": name}
        yield {"object": "event", "type": f"{name}.updated", "data": {"object": about, "previous_attributes": about}}


@pytest.mark.parametrize("text", PERSONAL)
def test_nothing_of_a_person_or_a_secret_stays_in_any_shape(text: str) -> None:
    """Whichever member of whichever object holds it; how many members there are stays to be seen."""
    for payload in objects(text):
        shown = masked(payload)
        assert text not in json.dumps(shown), payload["type"]
        assert shown["data"]["object"].keys() == payload["data"]["object"].keys()


@pytest.mark.parametrize(
    "path",
    [
        "customer.email", "customer.name", "customer.phone", "customer.description", "customer.address.city",
        "customer.address.state", "customer.shipping.carrier", "charge.billing_details.name", "charge.receipt_email",
        "charge.payment_method_details.card.fingerprint", "charge.payment_method_details.card.iin",
        "checkout.session.client_secret", "checkout.session.customer_email", "checkout.session.customer_details.email",
        "checkout.session.client_reference_id", "checkout.session.url_", "setup_intent.client_secret",
        "payment_intent.client_secret", "payment_intent.receipt_email", "payment_method.card.fingerprint",
        "payment_method.billing_details.tax_id", "invoice.customer_name", "invoice.customer_phone", "invoice.number",
        "dispute.evidence.customer_purchase_ip", "dispute.evidence.uncategorized_text",
        "subscription.cancellation_details.comment", "customer.metadata.note", "subscription.metadata.order",
    ],
)  # fmt: skip
def test_what_belongs_to_somebody_is_masked_even_when_it_looks_like_a_word(path: str) -> None:
    """A name in small letters is no harmless word of Stripe's."""
    kind, _, members = path.replace("checkout.session", "checkout_session").partition(".")
    value: Any = "lovelace"
    for member in reversed(members.removesuffix("_").split(".")):
        value = {member: value}
    value = {"url": "https://x.example/lovelace"} if path.endswith("url_") else value
    assert "lovelace" not in json.dumps(masked({"object": kind, **value}))


def test_what_tells_a_story_stays() -> None:
    """Ids, words, amounts, instants, versions, our own metadata, and of the card what support may say aloud."""
    payload = {
        "id": "evt_1Pgc76B7WZ01zgkW", "object": "event", "type": "invoice.payment_failed", "livemode": False,
        "api_version": "2026-10-28.endive", "created": 1_794_830_400, "account": None,
        "request": {"id": "req_Abc123", "idempotency_key": None},
        "data": {"object": {
            "id": "in_1Pgc6t", "object": "invoice", "customer": "cus_QXg1o8", "amount_due": 290, "currency": "usd",
            "status": "open", "billing_reason": "subscription_cycle", "unit_amount_decimal": "290",
            "attempted": True, "description": "", "lines": {"object": "list", "url": "/v1/invoices/in_1/lines"},
            "metadata": {"newsstand_reader_id": "r_81", "newsstand_plan": "monthly"},
            "card": {"brand": "visa", "last4": "4242", "funding": "credit", "country": "US"},
        }},
    }  # fmt: skip
    assert masked(payload) == payload
    thin = {
        "object": "v2.core.event", "created": "2026-11-16T12:00:00.000Z", "context": "acct_1",
        "related_object": {"id": "cus_1Pgc", "type": "customer", "url": "/v1/customers/cus_1Pgc"},
    }  # fmt: skip
    assert masked(thin) == thin


def test_of_a_card_no_more_than_its_last_digits_stays() -> None:
    """Nor when it ends, nor what tells it from others; four digits, and nothing else under that name."""
    card = {"last4": "4242", "exp_month": 8, "exp_year": 2030, "fingerprint": "AOB934", "iin": "424242"}
    hidden = dict.fromkeys(("exp_month", "exp_year", "fingerprint", "iin"), MASK)
    assert masked({"card": card}) == {"card": {"last4": "4242"} | hidden}
    assert masked({"last4": "4242424242424242"}) == {"last4": MASK}


def test_names_that_somebody_chose_are_masked_too() -> None:
    """Metadata has any names; Stripe's own are words."""
    assert masked({"metadata": {"ada@example.com": "x", "note": ["ada", {"b": None}]}}) == {
        "metadata": {MASK: MASK, "note": [MASK, {"b": None}]}
    }


def test_what_is_nested_beyond_reason_ends_in_a_mask() -> None:
    """A signed body may be as deep as it likes; people's patience and our stack are not."""
    for container in ("a", "shipping"):
        deep: Any = "in_1Pgc6t"
        for _ in range(MOST_NESTED * 3):
            deep = {container: [deep]}
        shown = json.dumps(masked(deep))
        assert "in_1Pgc6t" not in shown
        assert MASK in shown


@pytest.mark.parametrize("form", ["list", "object"])
@pytest.mark.parametrize("around", [[], ["shipping"], ["shipping", "a"]])
def test_the_last_level_is_still_shown(form: str, around: list[str]) -> None:
    """Forty levels are, the forty-first is masked: of lists, of objects, and inside what describes somebody."""
    for levels, shown in ((MOST_NESTED, True), (MOST_NESTED + 1, False)):
        deep: Any = None
        for _ in range(levels - len(around)):
            deep = [deep] if form == "list" else {"a": deep}
        for name in reversed(around):
            deep = {name: deep}
        told = masked(deep)
        for _ in range(levels):
            told = next(iter(told)) if isinstance(told, list) else next(iter(told.values()))
        assert told == (None if shown else MASK)


def test_a_payload_may_be_a_word() -> None:
    """JSON need not be an object."""
    assert masked("requires_action") == "requires_action"
    assert masked("ada@example.com") == MASK
