"""Which card pays, who is there when it does, and what its bank says: nothing is charged or kept in here."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.standin.account import Account
from sandbox.standin.cards import DECLINE_MESSAGES, decline_error_code
from sandbox.standin.store import Json

Failure = tuple[str, str, str]
"""(error code, decline code, message)"""

ASKING = ("authenticates", "always_authenticates", "authenticates_on_session")
"""Behaviours of cards whose bank wants to see the holder, at least while somebody is there."""
NO_CARD: Failure = ("missing", "missing", "This customer has no default payment method.")


def method_for(account: Account, subscription: Json) -> Json | None:
    """Return the card that pays a subscription: its own default, else the customer's."""
    return _first_usable(account, subscription["customer"], subscription["default_payment_method"])


def payer_of(account: Account, invoice: Json) -> Json | None:
    """Return the card that pays an invoice: its own default, else its subscription's, else the customer's."""
    subscription = account.store.get("subscription", invoice["_subscription"] or "") or {}
    own = (invoice["default_payment_method"], subscription.get("default_payment_method"))
    return _first_usable(account, invoice["customer"], *own)


def _first_usable(account: Account, customer_id: str, *preferred: str | None) -> Json | None:
    customer = account.find("customer", customer_id)
    for identifier in (*preferred, customer["invoice_settings"]["default_payment_method"]):
        method = account.store.get("payment_method", identifier) if identifier else None
        if method is not None and method["customer"] == customer_id:
            return method
    return None


def setup_failure(method: Json) -> Failure | None:
    """Return why a card cannot be saved; None when it can."""
    return _failure(method["_decline_code"]) if method["_behaviour"] == "declines" else None


def charge_failure(method: Json, *, off_session: bool = True) -> Failure | None:
    """Return why the bank refuses a charge for which nobody has proved to be the cardholder; None when it pays."""
    behaviour = method["_behaviour"]
    if behaviour in ("declines", "declines_charges"):
        return _failure(method["_decline_code"])
    asks = {
        "always_authenticates": True,
        "authenticates": not method["_authenticated"],
        "authenticates_on_session": not off_session,
    }
    return _failure("authentication_required") if asks.get(behaviour) else None


def asks_for_cardholder(method: Json) -> bool:
    """Tell whether a card's bank ever wants to see its holder."""
    return method["_behaviour"] in ASKING


def _failure(decline_code: str) -> Failure:
    return decline_error_code(decline_code), decline_code, DECLINE_MESSAGES[decline_code]


@dataclass(frozen=True)
class Presence:
    """Who is there when a card is charged: the cardholder, who has proved it, or at least somebody who could."""

    authenticated: bool = False
    off_session: bool = True


ABSENT, PRESENT = Presence(), Presence(authenticated=True, off_session=False)
