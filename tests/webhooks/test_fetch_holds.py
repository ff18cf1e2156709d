"""What stands against a customer's payments, fetched in few calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhooks.fetch_holds import TROUBLED_AT_MOST, WARNED_AT_MOST, fetch_holds

Shape = Callable[..., dict[str, Any]]


@pytest.fixture
def put_charges(recorded_stripe: Any, shape: Shape) -> Callable[..., None]:
    """Let the customer have these charges, each of $2.90 and changed as told."""

    def put(*changes: dict[str, Any]) -> None:
        plain = {"amount": 290, "currency": "usd", "status": "succeeded", "disputed": False, "amount_refunded": 0}
        made = [
            shape("charge", **{**plain, "id": f"ch_{number}", "payment_intent": f"pi_{number}", **each})
            for number, each in enumerate(changes)
        ]
        recorded_stripe.put_list("/v1/charges", made)
        for path in ("disputes", "refunds", "radar/early_fraud_warnings"):
            recorded_stripe.put_list(f"/v1/{path}", [])
        recorded_stripe.put_list("/v1/invoice_payments", [{"id": "inpay_1", "invoice": "in_1"}])

    return put


def paths(recorded_stripe: Any) -> list[str]:
    return [path for path, _ in recorded_stripe.asked]


def test_a_payer_in_good_standing_costs_few_calls(recorded_stripe: Any, put_charges: Callable[..., None]) -> None:
    """The charges, and the warnings of the newest few that brought money; nothing for those that failed."""
    put_charges({"status": "failed"}, *({} for _ in range(10)))
    assert fetch_holds(recorded_stripe.client, "cus_1") == ()
    asked = [query.get("charge") for _, query in recorded_stripe.asked]
    assert asked == [None, *(f"ch_{number + 1}" for number in range(WARNED_AT_MOST))]


def test_each_kind_is_read_with_its_invoice(recorded_stripe: Any, put_charges: Callable[..., None]) -> None:
    """A dispute, a refund and a warning of one charge come with the invoice that the charge paid."""
    put_charges({"disputed": True, "amount_refunded": 100})
    dispute = {"id": "dp_1", "object": "dispute", "amount": 290, "status": "lost", "created": 1_794_830_400}
    recorded_stripe.put_list("/v1/disputes", [dispute])
    recorded_stripe.put_list(
        "/v1/refunds", [{"id": "re_1", "object": "refund", "amount": 100, "status": "failed", "created": 1_794_830_401}]
    )
    warning = {"id": "issfr_1", "object": "radar.early_fraud_warning", "actionable": True, "created": 1_794_830_402}
    recorded_stripe.put_list("/v1/radar/early_fraud_warnings", [warning])
    found = fetch_holds(recorded_stripe.client, "cus_1")
    assert [(each.id, each.kind, each.status, each.amount_minor) for each in found] == [
        ("dp_1", "dispute", "lost", 290), ("re_1", "refund", "failed", 100), ("issfr_1", "fraud_warning", "actionable",
        290),
    ]  # fmt: skip
    assert {(each.charge_id, each.charge_amount_minor, each.invoice_id) for each in found} == {("ch_0", 290, "in_1")}
    assert recorded_stripe.asked[-1] == (
        "/v1/invoice_payments", {"payment[type]": "payment_intent", "payment[payment_intent]": "pi_0"},
    )  # fmt: skip


def test_a_payment_without_an_invoice_is_nobodys_subscription(
    recorded_stripe: Any, put_charges: Callable[..., None]
) -> None:
    """Another product's charge on the same Stripe account: seen, without an invoice."""
    put_charges({"disputed": True, "payment_intent": None})
    recorded_stripe.put_list("/v1/disputes", [{"id": "dp_1", "status": "lost", "created": 1_794_830_400}])
    assert [each.invoice_id for each in fetch_holds(recorded_stripe.client, "cus_1")] == [None]


def test_the_number_of_calls_is_bounded(recorded_stripe: Any, put_charges: Callable[..., None]) -> None:
    """Whatever a customer has disputed in their life, one fetch asks for the newest charges alone."""
    put_charges(*({"disputed": True, "amount_refunded": 1} for _ in range(60)))
    assert fetch_holds(recorded_stripe.client, "cus_1") == ()
    assert len(paths(recorded_stripe)) == 1 + 2 * TROUBLED_AT_MOST + WARNED_AT_MOST
