"""Money that goes back: refunds, disputes and early fraud warnings, their lists, their events, their test cards."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

NOON, DAY, HOUR = 1_767_268_800, 86_400, 3_600


@pytest.fixture
def sold(shop: Any) -> Any:
    """A charge of $2.90 to a customer on a clock."""
    return sell(shop, "pm_card_visa", shop.clock())


def sell(shop: Any, card: str, clock: str | None) -> Any:
    customer = shop.customer(clock, card)
    shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    return shop.client.v1.charges.list(params={"customer": customer}).data[0]


def told(shop: Any, prefixes: tuple[str, ...] = ("refund.", "charge.refund", "charge.dispute", "radar.")) -> list[str]:
    return [each for each in shop.event_types() if each.startswith(prefixes)]


def code_of(attempt: Any) -> str | None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        attempt()
    return caught.value.code


def test_a_charge_is_refunded_in_parts_until_nothing_is_left(shop: Any, sold: Any) -> None:
    """By charge and by payment intent, both lists, the charge's sums, and what can no longer be refunded."""
    refunds = shop.client.v1.refunds
    part = refunds.create(params={"charge": sold.id, "amount": 90, "metadata": {"by": "support"}})
    charge = shop.client.v1.charges.retrieve(sold.id)
    assert (part.status, part.customer, charge.amount_refunded, charge.refunded) == (
        "succeeded",
        sold.customer,
        90,
        False,
    )
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded amount on charge \(\$2.00\)"):
        refunds.create(params={"charge": sold.id, "amount": 201})
    rest = refunds.create(params={"payment_intent": sold.payment_intent})
    charge = shop.client.v1.charges.retrieve(sold.id, params={"expand": ["refunds"]})
    assert (rest.amount, charge.amount_refunded, charge.refunded) == (200, 290, True)
    assert [each.id for each in charge.refunds.data] == [rest.id, part.id]
    assert code_of(lambda: refunds.create(params={"charge": sold.id})) == "charge_already_refunded"
    for query in ({"charge": sold.id}, {"payment_intent": sold.payment_intent}):
        assert [each.id for each in refunds.list(params=query).data] == [rest.id, part.id]
    assert refunds.list().data == [], "an account-wide list leaves clock customers out"
    assert told(shop) == ["refund.created", "charge.refunded"] * 2
    last = shop.events()[-1]["data"]["previous_attributes"]
    assert last == {"amount_refunded": 90, "refunded": False}
    refunds.update(part.id, params={"metadata": {"by": "", "note": "x"}})
    assert refunds.retrieve(part.id).metadata.to_dict() == {"note": "x"}
    assert told(shop)[-2:] == ["refund.updated", "charge.refund.updated"]


def test_a_refund_can_fail_later_and_the_charge_counts_it_no_more(shop: Any, sold: Any) -> None:
    """The bank returns the money: `refund.failed`, with its reason; the rest can be refunded again."""
    refund = shop.client.v1.refunds.create(params={"charge": sold.id})
    moved = shop.control(f"refunds/{refund.id}", status="failed", failure_reason="expired_or_canceled_card")
    assert (moved["status"], moved["failure_reason"]) == ("failed", "expired_or_canceled_card")
    charge = shop.client.v1.charges.retrieve(sold.id)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert told(shop)[2:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    waiting = shop.client.v1.refunds.create(params={"charge": sold.id})
    assert code_of(lambda: shop.client.v1.refunds.cancel(waiting.id)) is None
    shop.control(f"refunds/{waiting.id}", status="requires_action")
    assert shop.client.v1.refunds.cancel(waiting.id).status == "canceled"
    assert "error" in shop.control(f"refunds/{waiting.id}", status="lost")
    assert "error" in shop.control("refunds/re_none", status="failed")


def test_a_chargeback_takes_the_money_and_winning_brings_it_back(shop: Any, sold: Any) -> None:
    """Created, withdrawn, under review, won, reinstated; the charge is disputed for good, and not refundable."""
    made = shop.control("disputes", charge=sold.id, reason="subscription_canceled")
    assert (made["status"], made["amount"], made["balance_transactions"][0]["net"]) == ("needs_response", 290, -1790)
    assert "customer" not in made
    assert shop.client.v1.charges.retrieve(sold.id).disputed is True
    assert code_of(lambda: shop.client.v1.refunds.create(params={"charge": sold.id})) == "charge_disputed"
    staged = shop.client.v1.disputes.update(made["id"], params={"evidence": {"receipt": "file_1"}, "submit": False})
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    given = shop.client.v1.disputes.update(made["id"], params={"submit": True})
    assert (given.status, given.evidence_details.submission_count) == ("under_review", 1)
    shop.control(f"disputes/{made['id']}", status="won")
    won = shop.client.v1.disputes.retrieve(made["id"])
    assert (won.status, [each.amount for each in won.balance_transactions]) == ("won", [-290, 290])
    assert [each.removeprefix("charge.dispute.") for each in told(shop)] == [
        "created", "funds_withdrawn", "updated", "updated", "closed", "funds_reinstated"
    ]  # fmt: skip
    listed = shop.client.v1.disputes.list(params={"payment_intent": sold.payment_intent}).data
    assert ([each.id for each in listed], shop.client.v1.disputes.list().data) == ([made["id"]], [])


@pytest.mark.parametrize(
    ("status", "events"),
    [
        ("warning_closed", ["created", "closed"]),
        ("prevented", ["created", "closed"]),
        ("needs_response", ["created", "updated", "funds_withdrawn"]),
        ("lost", ["created", "closed", "funds_withdrawn"]),
    ],
)
def test_an_inquiry_takes_no_money_unless_it_escalates(shop: Any, sold: Any, status: str, events: list[str]) -> None:
    """A `warning_needs_response` ends quietly, or becomes a chargeback."""
    made = shop.control("disputes", charge=sold.id, status="warning_needs_response")
    assert (made["is_charge_refundable"], made["payment_method_details"]["card"]["case_type"]) == (True, "inquiry")
    shop.control(f"disputes/{made['id']}", status=status)
    assert [each.removeprefix("charge.dispute.") for each in told(shop)] == events


def test_a_warning_is_actionable_until_the_money_went_back(shop: Any, sold: Any) -> None:
    """A partial refund leaves it so, a full one or a dispute does not; the lists work as for disputes."""
    made = shop.control("early_fraud_warnings", charge=sold.id, fraud_type="made_with_stolen_card")
    warnings, refunds = shop.client.v1.radar.early_fraud_warnings, shop.client.v1.refunds
    refunds.create(params={"charge": sold.id, "amount": 1})
    assert warnings.retrieve(made["id"]).actionable is True
    refunds.create(params={"charge": sold.id})
    listed = warnings.list(params={"charge": sold.id}).data
    assert [(each.id, each.actionable, each.fraud_type) for each in listed] == [
        (made["id"], False, "made_with_stolen_card")
    ]
    assert warnings.list().data == []
    assert [each for each in told(shop) if each.startswith("radar")] == [
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
    ]


def test_stripe_s_test_cards_bring_their_aftermath(shop: Any) -> None:
    """Cards that dispute, inquire, warn, or whose refunds fail or pend, as Stripe's testing page names them."""
    clock = shop.clock()
    for card, events in {
        "pm_card_createDispute": ["charge.dispute.created", "charge.dispute.funds_withdrawn"],
        "pm_card_createDisputeInquiry": ["charge.dispute.created"],
        "pm_card_createIssuerFraudRecord": ["radar.early_fraud_warning.created"],
    }.items():
        before = len(told(shop))
        sell(shop, card, clock)
        assert told(shop)[before:] == events
    failing, pending = (sell(shop, f"pm_card_{name}", clock).id for name in ("refundFail", "pendingRefund"))
    first = [shop.client.v1.refunds.create(params={"charge": each}) for each in (failing, pending)]
    shop.advance(clock, NOON + HOUR)
    then = [shop.client.v1.refunds.retrieve(each.id) for each in first]
    assert [each.status for each in first] == ["succeeded", "pending"]
    assert [(each.status, each.created) for each in then] == [("failed", NOON), ("succeeded", NOON)]


def test_a_deleted_customer_s_charge_stays_on_its_clock(shop: Any, sold: Any) -> None:
    """After `customer.deleted` its money can still go back, at the clock's time, and out of account-wide lists."""
    shop.client.v1.customers.delete(sold.customer)
    refund = shop.client.v1.refunds.create(params={"charge": sold.id})
    assert (refund.created, shop.client.v1.refunds.list().data) == (NOON, [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("disputes", {}),
        ("disputes", {"charge": "ch_none"}),
        ("disputes", {"charge": "CHARGE", "status": "won"}),
        ("disputes", {"charge": "CHARGE", "amount": "much"}),
        ("disputes/du_none", {"status": "won"}),
        ("early_fraud_warnings", {"charge": ["x"]}),
        ("early_fraud_warnings", {"charge": "CHARGE", "actionable": "perhaps"}),
        ("early_fraud_warnings", []),
    ],
)
def test_a_wrong_lever_is_refused(refusing: tuple[str, str], path: str, body: Any) -> None:
    """The control API answers nonsense with 4xx and Stripe's error body, and changes nothing."""
    url, charge = refusing
    sent = {name: charge if value == "CHARGE" else value for name, value in body.items()} if body else body
    answer = requests.post(f"{url}/_standin/{path}", json=sent, timeout=10)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]


@pytest.fixture(scope="module")
def refusing(lasting_shop: Any) -> tuple[str, str]:
    """An address, and a charge that may be spoken of but never changes."""
    return lasting_shop.url, sell(lasting_shop, "pm_card_visa", None).id
