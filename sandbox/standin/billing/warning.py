"""Early fraud warnings: an issuer suspects a charge before anybody disputes it."""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.shapes import reversals
from sandbox.standin.store import Json, rendered

KIND = "radar.early_fraud_warning"


def warn(account: Account, charge: Json, facts: dict[str, Any]) -> Json:
    """Record a warning about `charge`; it is actionable as long as money can still be given back."""
    facts = {"actionable": _actionable(charge), **facts}
    made = reversals.early_fraud_warning(account.new_id(KIND), account.now_for(charge), charge, facts)
    account.emit(f"{KIND}.created", account.add(made))
    return made


def _actionable(charge: Json) -> bool:
    """Stripe's rule: neither disputed nor fully refunded."""
    return not (charge["disputed"] or charge["refunded"])


def reconsider(account: Account, charge: Json) -> None:
    """Bring the warnings about a charge up to date after a refund or a dispute."""
    for each in account.store.all(KIND):
        if each["charge"] == charge["id"]:
            change(account, account.find(KIND, each["id"]), actionable=_actionable(charge))


def change(account: Account, its_warning: Json, *, actionable: bool) -> None:
    """Set whether a warning can be acted upon, and tell of it when that is new."""
    before = rendered(its_warning)
    its_warning["actionable"] = actionable
    account.emit_update(f"{KIND}.updated", its_warning, before)
