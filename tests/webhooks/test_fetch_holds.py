"""What stands against a customer's payments, fetched in few calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhooks.fetch_charges import SOUGHT_AT_MOST
from webhooks.fetch_holds import TROUBLED_AT_MOST, WARNED_AT_MOST, fetch_holds

Shape = Callable[..., dict[str, Any]]


@pytest.fixture
def put_charges(recorded_stripe: Any, shape: Shape) -> Callable[..., None]:
    """Let the customer have these charges, each of $2.90 and changed as told."""

    def put(*changes: dict[str, Any]) -> None:
        plain = {"amount": 290, "currency": "usd", "status": "succeeded", "disputed": False, "amount_refunded": 0}
        made = [
            shape(
                "charge",
                **{
                    **plain,
                    "id": f"ch_{number}",
                    "payment_intent": f"pi_{number}",
                    "created": 1_794_830_400 - number,
                    **each,
                },
            )
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
    assert fetch_holds(recorded_stripe.client, "cus_1", {}).facts == ()
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
    found = fetch_holds(recorded_stripe.client, "cus_1", {}).facts
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
    assert [each.invoice_id for each in fetch_holds(recorded_stripe.client, "cus_1", {}).facts] == [None]


def test_the_number_of_calls_is_bounded(recorded_stripe: Any, put_charges: Callable[..., None]) -> None:
    """Whatever a customer has disputed in their life, one fetch asks for the newest charges alone."""
    put_charges(*({"disputed": True, "amount_refunded": 1} for _ in range(60)))
    assert fetch_holds(recorded_stripe.client, "cus_1", {}).facts == ()
    assert len(paths(recorded_stripe)) == 1 + 2 * TROUBLED_AT_MOST + WARNED_AT_MOST


class SharedAccount:
    """A customer of another product too: `others` newer charges of theirs, then ours, one a paid invoice."""

    def __init__(self, recorded_stripe: Any, shape: Shape, *, others: int, ours: int) -> None:
        self.stripe = recorded_stripe
        plain = {"amount": 290, "currency": "usd", "status": "succeeded", "disputed": False, "amount_refunded": 0}
        self.charges = [
            shape(
                "charge",
                **plain,
                id=f"ch_{kind}_{number}",
                payment_intent=f"pi_{kind}_{number}",
                created=begun - number,
            )
            for kind, count, begun in (("other", others, 2_000_000), ("our", ours, 1_000_000))
            for number in range(count)
        ]
        self.paid_by = {f"pi_our_{number}": f"in_{number}" for number in range(ours)}
        recorded_stripe.put_list("/v1/charges", self.charges)
        by_customer = recorded_stripe.answers["/v1/charges"]
        recorded_stripe.answers["/v1/charges"] = lambda query: (
            self._paid_with(query["payment_intent"]) if "payment_intent" in query else by_customer(query)
        )
        for path in ("disputes", "refunds", "radar/early_fraud_warnings", "invoice_payments"):
            recorded_stripe.put_list(f"/v1/{path}", [])

    def trouble(self, charge_id: str) -> None:
        """Let one charge be disputed."""
        next(each for each in self.charges if each["id"] == charge_id)["disputed"] = True
        dispute = {"id": "dp_1", "object": "dispute", "amount": 290, "status": "needs_response", "created": 3_000_000}
        self.stripe.answers["/v1/disputes"] = lambda query: (
            200, {"object": "list", "data": [dispute] if query["charge"] == charge_id else [], "has_more": False},
        )  # fmt: skip

    def _paid_with(self, intent: str) -> tuple[int, Any]:
        found = [each for each in self.charges if each["payment_intent"] == intent]
        return 200, {"object": "list", "data": found, "has_more": False}


@pytest.mark.parametrize("others", [0, 99, 100, 250])
def test_our_payment_is_found_behind_whatever_else_is_bought(others: int, recorded_stripe: Any, shape: Shape) -> None:
    """A dispute of ours is seen, with its invoice, though the newest page holds nothing but another product's."""
    account = SharedAccount(recorded_stripe, shape, others=others, ours=3)
    account.trouble("ch_our_2")
    found = fetch_holds(recorded_stripe.client, "cus_1", account.paid_by)
    assert [(each.id, each.charge_id, each.invoice_id) for each in found.facts] == [("dp_1", "ch_our_2", "in_2")]
    assert found.complete
    assert "/v1/invoice_payments" not in paths(recorded_stripe), "the invoice is known already"


def test_other_products_troubles_push_none_of_ours_out(recorded_stripe: Any, shape: Shape) -> None:
    """More refunds of another product's than are ever looked at leave ours in sight."""
    account = SharedAccount(recorded_stripe, shape, others=2 * TROUBLED_AT_MOST, ours=1)
    for each in account.charges[:-1]:
        each["amount_refunded"] = 290
    account.trouble("ch_our_0")
    found = fetch_holds(recorded_stripe.client, "cus_1", account.paid_by)
    assert [each.id for each in found.facts] == ["dp_1"]
    assert found.complete, "of others nothing is promised"


def test_what_is_left_out_of_ours_is_said(recorded_stripe: Any, shape: Shape) -> None:
    """One payment too many to be sought, or one trouble too many to be looked at: incomplete, never silently."""
    for ours, complete in ((SOUGHT_AT_MOST, True), (SOUGHT_AT_MOST + 1, False)):
        account = SharedAccount(recorded_stripe, shape, others=100, ours=ours)
        assert fetch_holds(recorded_stripe.client, "cus_1", account.paid_by).complete is complete
    for ours, complete in ((TROUBLED_AT_MOST, True), (TROUBLED_AT_MOST + 1, False)):
        account = SharedAccount(recorded_stripe, shape, others=0, ours=ours)
        for each in account.charges:
            each["amount_refunded"] = 1
        assert fetch_holds(recorded_stripe.client, "cus_1", account.paid_by).complete is complete


def test_a_charge_without_an_intent_is_found_by_its_own_id(recorded_stripe: Any, shape: Shape) -> None:
    """An invoice may have been paid by a charge alone."""
    SharedAccount(recorded_stripe, shape, others=101, ours=0)
    lone = shape(
        "charge", id="ch_lone", amount=290, currency="usd", status="succeeded", disputed=True, amount_refunded=0,
        payment_intent=None, created=5,
    )  # fmt: skip
    recorded_stripe.put("/v1/charges/ch_lone", lone)
    recorded_stripe.put_list("/v1/disputes", [{"id": "dp_1", "status": "lost", "created": 1_794_830_400}])
    found = fetch_holds(recorded_stripe.client, "cus_1", {"ch_lone": "in_9"}).facts
    assert [(each.id, each.invoice_id) for each in found] == [("dp_1", "in_9")]


def test_a_warning_told_of_is_read_whichever_charge_it_is_about(recorded_stripe: Any, shape: Shape) -> None:
    """Its charge comes with it, so that it need not be among the listed; a warning that is gone is passed over."""
    account = SharedAccount(recorded_stripe, shape, others=100, ours=1)
    old = account.charges[-1] | {"id": "ch_old", "payment_intent": "pi_old", "created": 5}
    warning = {"id": "issfr_1", "object": "radar.early_fraud_warning", "actionable": True, "created": 6}
    recorded_stripe.put("/v1/radar/early_fraud_warnings/issfr_1", warning | {"charge": old})
    recorded_stripe.answers["/v1/radar/early_fraud_warnings"] = lambda query: (
        200, {"object": "list", "data": [warning] if query["charge"] == "ch_old" else [], "has_more": False},
    )  # fmt: skip
    found = fetch_holds(recorded_stripe.client, "cus_1", account.paid_by, ["issfr_gone", "issfr_1"])
    assert [(each.id, each.charge_id) for each in found.facts] == [("issfr_1", "ch_old")]
