"""Money goes back to a card, and sometimes returns: `refund.failed` restores what the charge had counted as refunded.

Events per refund as Stripe's event reference lists them; the legacy `charge.refund.updated` goes beside
`refund.updated`.
"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import warning
from sandbox.standin.billing.prorating import money
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.shapes import reversals
from sandbox.standin.store import Json, rendered

SETTLES_AFTER_SECONDS = 3_600
"""How long the test cards whose refunds fail or pend leave them so."""
COUNTED = ("pending", "requires_action", "succeeded")
"""Statuses in which a refund counts towards `charge.amount_refunded`."""


def refund(account: Account, charge: Json, facts: dict[str, Any]) -> Json:
    """Refund what is left of `charge`, or `facts["amount"]` of it; raise InvalidRequest for what cannot be refunded."""
    _refundable(account, charge, facts.get("amount"))
    now = account.now_for(charge)
    facts = {**_test_card_facts(account, charge, now), **facts}
    made = account.add(reversals.refund(account.new_id("refund"), now, charge, facts))
    before = rendered(charge)
    _count(account, charge, made["amount"])
    account.emit("refund.created", made)
    account.emit_update("charge.refunded", charge, before)
    return made


def _refundable(account: Account, charge: Json, amount: int | None) -> None:
    left = charge["amount"] - charge["amount_refunded"]
    if not charge["paid"]:
        raise InvalidRequest(f"Charge {charge['id']} cannot be refunded: it did not succeed.", param="charge")
    if any(
        each["charge"] == charge["id"] and not each["is_charge_refundable"] for each in account.store.all("dispute")
    ):
        raise InvalidRequest(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if left == 0:
        raise InvalidRequest(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount > left:
        asked, there = money(amount, charge["currency"]), money(left, charge["currency"])
        raise InvalidRequest(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({there})", param="amount"
        )


def _test_card_facts(account: Account, charge: Json, now: int) -> dict[str, Any]:
    """Return what Stripe's test cards for refunds add: a first status, and what comes later."""
    method = account.store.get("payment_method", charge["payment_method"]) or {}
    settles = {"_settles_at": now + SETTLES_AFTER_SECONDS, "_test_clock": account.clock_of(charge["customer"])}
    if method.get("_aftermath") == "refund_pends":
        return {"status": "pending", **settles, "_settles_as": "succeeded"}
    return {**settles, "_settles_as": "failed"} if method.get("_aftermath") == "refund_fails" else {}


def settle(account: Account, refund: Json) -> None:
    """Let the bank have its say about a refund that waited for it."""
    refund["_settles_at"] = None
    if refund["status"] != refund["_settles_as"]:
        move(account, refund, refund["_settles_as"])


def _count(account: Account, charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    warning.reconsider(account, charge)


def move(account: Account, refund: Json, status: str, failure_reason: str = "unknown") -> None:
    """Bring a refund to another status: a bank refuses it, a pending one arrives, a waiting one is canceled."""
    if status == refund["status"]:
        raise InvalidRequest(f"This refund is {status} already.", param="status")
    before, charge = rendered(refund), account.find("charge", refund["charge"])
    was_counted = refund["status"] in COUNTED
    refund["status"] = status
    if status == "failed":
        refund["failure_reason"] = failure_reason
    else:
        refund.pop("failure_reason", None)
    if was_counted != (status in COUNTED):
        _count(account, charge, -refund["amount"] if was_counted else refund["amount"])
    changed(account, refund, before)
    if status == "failed":
        account.emit("refund.failed", refund)


def changed(account: Account, refund: Json, before: Json) -> None:
    """Tell of a changed refund, under its new name and its old one."""
    for kind in ("refund.updated", "charge.refund.updated"):
        account.emit_update(kind, refund, before)
