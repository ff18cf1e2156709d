"""The oracle itself, held to Stripe's table of statuses row by row, on raw objects written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.simulation.oracle import DAY, Courtesy, Opinion, Staff, Terms, Truth, opinion, terms_of

HOUR = 3_600
NOW = 1_800_000_000
TERMS = Terms(renewal_grace=7 * DAY, first_grace=0, refund_ends=True)
MONTH = 30 * DAY


def subscription(status: str, **changes: Any) -> dict[str, Any]:
    """A monthly subscription whose period runs from ten days ago to twenty days ahead."""
    price = {"metadata": {"newsstand_plan": "monthly"}}
    period = {"current_period_start": NOW - 10 * DAY, "current_period_end": changes.pop("ends", NOW + 20 * DAY)}
    usual = {
        "id": "sub_1", "status": status, "created": NOW - 10 * DAY, "trial_end": None, "cancel_at": None,
        "cancel_at_period_end": False, "pause_collection": None, "items": {"data": [{"price": price, **period}]},
    }  # fmt: skip
    return usual | changes


def invoice(begins: int, ends: int, *, status: str = "paid", paid: int = 290, name: str = "in_1") -> dict[str, Any]:
    return {
        "id": name, "status": status, "amount_paid": paid, "amount_due": 290, "attempt_count": 1, "created": begins,
        "status_transitions": {"paid_at": begins if status == "paid" else None},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [{"amount": 290, "period": {"start": begins, "end": ends}}]},
    }  # fmt: skip


PAID = invoice(NOW - 10 * DAY, NOW + 20 * DAY)
CHARGE = {"id": "ch_1", "amount": 290, "payment_intent": "pi_1"}
PAYMENT = {"payment": {"payment_intent": "pi_1"}, "invoice": "in_1"}


def seen(sub: dict[str, Any], *invoices: dict[str, Any], at: float = NOW, now: float = NOW, **against: Any) -> Opinion:
    """Return the opinion; `released` are ids, `given` are stretches of courtesy."""
    staff = Staff(given=against.pop("given", ()), released=frozenset(against.pop("released", ())))
    truth = Truth(
        customer=against.pop("customer", {"id": "cus_1"}), subscriptions=[sub], invoices=list(invoices),
        charges=[CHARGE], invoice_payments=[PAYMENT], refunds=against.get("refunds", []),
        disputes=against.get("disputes", []), warnings=against.get("warnings", []),
    )  # fmt: skip
    return opinion(truth, at, now, TERMS, staff)


TRIAL = subscription("trialing", trial_end=NOW + 20 * DAY)
OVERDUE = subscription("past_due", ends=NOW + 25 * DAY)


@pytest.mark.parametrize(
    ("said", "granted", "status", "ends"),
    [
        (seen(TRIAL), True, "trialing", None),
        (seen(TRIAL, now=NOW + 90 * DAY), True, "trialing", None),
        (seen(TRIAL, at=NOW + 20 * DAY, now=NOW + 20 * DAY + HOUR), True, "trialing", NOW + 20 * DAY + 2 * HOUR),
        (seen(TRIAL, at=NOW + 20 * DAY, now=NOW + 20 * DAY + 2 * HOUR), False, "ended", None),
        (seen(subscription("active"), PAID), True, "active", None),
        (seen(subscription("active", cancel_at=NOW + DAY), PAID), True, "cancelling", NOW + DAY),
        (seen(subscription("active", cancel_at=NOW), PAID), False, "ended", None),
        (seen(subscription("active", cancel_at_period_end=True), PAID), True, "cancelling", NOW + 20 * DAY),
        (seen(subscription("active", pause_collection={"behavior": "void"}), PAID), True, "active", NOW + 20 * DAY),
        (seen(subscription("active", pause_collection={"behavior": "void"})), False, "paused", None),
        (seen(subscription("active", pause_collection={"behavior": "keep_as_draft"}), PAID), True, "active", None),
        (seen(OVERDUE, invoice(NOW - 35 * DAY, NOW - 5 * DAY)), True, "grace", NOW + 2 * DAY),
        (seen(OVERDUE, invoice(NOW - 37 * DAY, NOW - 7 * DAY)), False, "ended", None),
        (seen(subscription("past_due", trial_end=NOW - HOUR)), False, "ended", None),
        (seen(subscription("unpaid"), PAID), False, "ended", None),
        (seen(subscription("incomplete")), False, "none", None),
        (seen(subscription("incomplete_expired")), False, "none", None),
        (seen(subscription("canceled"), PAID), False, "ended", None),
        (seen(subscription("paused"), PAID), False, "paused", None),
        (seen(subscription("active"), PAID, customer={"deleted": True}), False, "ended", None),
    ],
)  # fmt: skip
def test_each_status_is_worth_what_the_table_says(said: Opinion, granted: bool, status: str, ends: int | None) -> None:
    """One row each: whether it opens, its word, and when it ends by itself."""
    assert (said.granted, said.status, said.ends if granted else None) == (granted, status, ends)


def dispute(status: str) -> list[dict[str, str]]:
    return [{"id": "dp_1", "charge": "ch_1", "status": status}]


def warning(told: int, *, actionable: bool = True) -> list[dict[str, Any]]:
    return [{"id": "issfr_1", "charge": "ch_1", "actionable": actionable, "created": told}]


def refund(amount: int, status: str = "succeeded", name: str = "re_1") -> list[dict[str, Any]]:
    return [{"id": name, "charge": "ch_1", "status": status, "amount": amount}]


@pytest.mark.parametrize(
    ("against", "held"),
    [
        ({"disputes": dispute("needs_response")}, True),
        ({"disputes": dispute("lost")}, True),
        ({"disputes": dispute("won")}, False),
        ({"disputes": dispute("warning_needs_response")}, False),
        ({"disputes": dispute("prevented")}, False),
        ({"warnings": warning(NOW)}, True),
        ({"warnings": warning(NOW, actionable=False)}, False),
        ({"warnings": warning(NOW - 120 * DAY)}, False),
        ({"refunds": refund(290)}, True),
        ({"refunds": refund(290, "failed")}, False),
        ({"refunds": refund(100)}, False),
    ],
)
def test_what_is_held_against_a_payment(against: dict[str, Any], held: bool) -> None:
    """Undecided chargebacks and warnings hold, lost disputes and whole refunds take back; the rest changes nothing."""
    said = seen(subscription("active"), PAID, **against)
    assert (said.granted, said.status) == ((False, "held") if held else (True, "active"))


@pytest.mark.parametrize(
    ("against", "released", "held"),
    [
        ({"disputes": dispute("needs_response")}, "dp_1", False),
        ({"disputes": dispute("needs_response")}, "dp_other", True),
        ({"disputes": dispute("lost")}, "dp_1", True),
        ({"warnings": warning(NOW)}, "issfr_1", False),
        ({"warnings": warning(NOW), "disputes": dispute("needs_response")}, "issfr_1", True),
        ({"refunds": refund(290)}, "re_1", False),
        ({"refunds": refund(100) + refund(190, name="re_2")}, "re_2", False),
        ({"refunds": refund(100) + refund(190, name="re_2")}, "re_1", True),
        ({"refunds": refund(290), "disputes": dispute("lost")}, "re_1", True),
    ],
)
def test_what_staff_release_closes_nothing(against: dict[str, Any], released: str, held: bool) -> None:
    """While it is what it was; a lost dispute is beyond them, and each thing is released by itself."""
    said = seen(subscription("active"), PAID, released=[released], **against)
    assert said.status == ("held" if held else "active")


def test_money_given_back_proves_no_payment_though_it_was_released() -> None:
    """A bill that fails later gets no grace from it."""
    assert not seen(OVERDUE, PAID, refunds=refund(290), released=["re_1"]).granted


def test_courtesy_opens_what_nothing_sold_does() -> None:
    """From when it was given until it ends or is taken back; a sale that opens speaks for itself."""
    given = (Courtesy(NOW - DAY, NOW + DAY), Courtesy(NOW - DAY, NOW + 3 * DAY, revoked=NOW))
    said = seen(subscription("unpaid"), PAID, given=given)
    assert said == Opinion(granted=True, status="courtesy", cause="courtesy", ends=NOW + DAY)
    assert seen(subscription("active"), PAID, disputes=dispute("needs_response"), given=given).status == "courtesy"
    assert seen(subscription("active"), PAID, given=given).status == "active"
    assert seen(subscription("unpaid"), PAID, given=(Courtesy(NOW + 1, NOW + 2),)).status == "ended"
    assert seen(subscription("unpaid"), PAID, now=NOW + DAY, given=given).status == "ended"
    assert opinion(None, NOW, NOW, TERMS, Staff(given=given)).status == "courtesy"


def test_a_later_payment_carries_on() -> None:
    """A payment taken back holds its subscription until another is made."""
    later = invoice(NOW - DAY, NOW + MONTH, name="in_2")
    assert seen(subscription("active"), PAID, later, disputes=dispute("lost")).granted


def test_a_warning_holds_until_the_next_good_payment() -> None:
    """A payment made after it lifts it, unless that is doubted too; one made before it proves nothing."""
    later = invoice(NOW - DAY, NOW + MONTH, name="in_2")
    sold = subscription("active")
    assert seen(sold, PAID, later, warnings=warning(NOW - 2 * DAY)).granted
    assert not seen(sold, PAID, later, warnings=warning(NOW - DAY)).granted


@pytest.mark.parametrize("struck_off", ["void", "uncollectible"])
def test_a_bill_struck_off_pays_for_nothing(struck_off: str) -> None:
    """Presented in vain and given up: open until what was covered ends; not so what was never presented, or is paid."""
    bill = invoice(NOW - 10 * DAY, NOW + 20 * DAY, status=struck_off, paid=0)
    before = invoice(NOW - 40 * DAY, NOW - 10 * DAY, name="in_0")
    sold = subscription("active")
    assert seen(sold, bill).status == "none"
    assert seen(sold, before, bill).status == "ended"
    assert seen(sold, invoice(NOW - 40 * DAY, NOW + DAY, name="in_0"), bill).ends == NOW + DAY
    assert seen(sold, before, bill | {"attempt_count": 0}).granted
    assert seen(sold, before, bill | {"amount_due": 0}).granted
    assert seen(sold, before, bill, PAID | {"id": "in_2"}).granted
    assert seen(subscription("active", pause_collection={"behavior": "keep_as_draft"}), before, bill).granted


def test_the_terms_are_those_of_the_offer() -> None:
    """plans.yaml says seven days, none, and that a whole refund ends access."""
    assert terms_of(Path(__file__).parents[2] / "plans.yaml") == TERMS
