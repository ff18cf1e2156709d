"""A cardholder disputes a charge: inquiries, chargebacks, their evidence, and how they end.

Statuses and test evidence: docs.stripe.com/disputes and docs.stripe.com/testing. Which money moves when: a chargeback
withdraws at once, an inquiry nothing; winning brings it back.
"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import warning
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.shapes import reversals
from sandbox.standin.store import Json, rendered

CASE_TYPES = {"needs_response": "chargeback", "warning_needs_response": "inquiry", "prevented": "resolution"}
"""How each status that a dispute can begin in came about."""
CLOSED = ("won", "lost", "warning_closed", "prevented")
STATUSES = (
    "appeal_needs_response", "appeal_under_review", "lost", "needs_response", "prevented", "under_review",
    "warning_closed", "warning_needs_response", "warning_under_review", "won",
)  # fmt: skip
_DISPUTED = {
    "dispute": {"reason": "fraudulent"},
    "dispute_not_received": {"reason": "product_not_received"},
    "inquiry": {"reason": "general", "status": "warning_needs_response"},
}
_OUTCOMES = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "needs_response"}


def dispute(account: Account, charge: Json, facts: dict[str, Any]) -> Json:
    """Open a dispute in `facts["status"]`; raise InvalidRequest for a charge that brought no money."""
    if not charge["paid"]:
        raise InvalidRequest(f"Charge {charge['id']} cannot be disputed: it did not succeed.", param="charge")
    status = facts.get("status", "needs_response")
    now, case_type = account.now_for(charge), CASE_TYPES[status]
    made = account.add(reversals.dispute(account.new_id("dispute"), now, charge, facts, case_type=case_type))
    charge["disputed"] = True
    account.emit("charge.dispute.created", made)
    if status == "needs_response":
        _move_money(account, made, reinstated=False)
    if status in CLOSED:
        account.emit("charge.dispute.closed", made)
    warning.reconsider(account, charge)
    return made


def move(account: Account, its_dispute: Json, status: str) -> None:
    """Bring a dispute to another status, with the events and the money that go with it."""
    if status == its_dispute["status"]:
        raise InvalidRequest(f"This dispute is {status} already.", param="status")
    before = rendered(its_dispute)
    its_dispute["status"] = status
    if not status.startswith("warning_") and status != "prevented":
        its_dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
        its_dispute["is_charge_refundable"] = status == "won"
    account.emit_update(f"charge.dispute.{'closed' if status in CLOSED else 'updated'}", its_dispute, before)
    withdrawn = sum(each["amount"] for each in its_dispute["balance_transactions"]) < 0
    wanted = status in ("needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review")
    if withdrawn != wanted:
        _move_money(account, its_dispute, reinstated=withdrawn)


def _move_money(account: Account, its_dispute: Json, *, reinstated: bool) -> None:
    before, now = rendered(its_dispute), account.now_for(its_dispute)
    identifier = account.new_id("balance_transaction")
    record = reversals.dispute_transaction(identifier, now, its_dispute, reinstated=reinstated)
    its_dispute["balance_transactions"].append(record)
    account.emit_update(f"charge.dispute.funds_{'reinstated' if reinstated else 'withdrawn'}", its_dispute, before)


def follow(account: Account, charge: Json, method: Json) -> None:
    """Let happen what Stripe's test cards bring about once they have paid."""
    aftermath = method.get("_aftermath")
    if aftermath in _DISPUTED:
        dispute(account, charge, dict(_DISPUTED[aftermath]))
    elif aftermath == "fraud_warning":
        warning.warn(account, charge, {})


def give_evidence(its_dispute: Json, evidence: dict[str, Any], *, submit: bool) -> None:
    """Keep evidence, and unless it is only staged let the bank see it: Stripe's test phrases decide at once."""
    its_dispute["evidence"].update(evidence)
    details = its_dispute["evidence_details"]
    details["has_evidence"] = True
    if submit:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        review = "warning_under_review" if its_dispute["status"].startswith("warning_") else "under_review"
        its_dispute["status"] = review


def decide(account: Account, its_dispute: Json) -> None:
    """Do what the submitted evidence asks of the test bank."""
    outcome = _OUTCOMES.get(its_dispute["evidence"]["uncategorized_text"] or "")
    if outcome == "needs_response" and not its_dispute["status"].startswith("warning_"):
        return
    if outcome and its_dispute["status"].endswith("under_review"):
        is_inquiry = its_dispute["status"].startswith("warning_") and outcome == "won"
        move(account, its_dispute, "warning_closed" if is_inquiry else outcome)
