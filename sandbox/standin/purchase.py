"""A reader completes hosted Checkout: card, subscription, invoice, and the events in Stripe's order."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.standin.account import Account
from sandbox.standin.billing import collecting, starting
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.cards import TestCard
from sandbox.standin.forms import merged_metadata
from sandbox.standin.resources.customers import make_customer
from sandbox.standin.resources.payment_methods import give, make_method
from sandbox.standin.shapes import hosted, people
from sandbox.standin.store import Json


@dataclass(frozen=True)
class CardForm:
    """The card a reader filled in; `expiry` is (month, year)."""

    card: TestCard
    expiry: tuple[int, int]


def refusal(session: Json, form: CardForm) -> str | None:
    """Return why the bank refuses this card for this purchase, in words for the reader; None when it does not."""
    method = {"_behaviour": form.card.behaviour, "_decline_code": form.card.decline_code}
    failure = collecting.setup_failure(method)
    if failure is None and session["amount_total"] > 0 and form.card.behaviour == "declines_charges":
        failure = collecting.charge_failure({**method, "_authenticated": True})
    return failure[2] if failure else None


def complete(account: Account, session: Json, email: str, form: CardForm) -> None:
    """Turn an open session into a subscription. The card has been accepted, and authenticated if it asked for it."""
    customer = _customer(account, session, email)
    method = _card(account, customer, email, form)
    is_trial = session["amount_total"] == 0
    if is_trial:
        _setup(account, customer, method)
    give(account, customer, method)
    subscription = starting.start(account, _order(account, session, customer, method))
    session.update(
        status="complete",
        payment_status="no_payment_required" if is_trial else "paid",
        customer=customer["id"],
        customer_details=hosted.customer_details(email),
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        url=None,
        _pending_card=None,
    )
    account.emit("checkout.session.completed", session)


def _customer(account: Account, session: Json, email: str) -> Json:
    if session["customer"]:
        customer = account.find("customer", session["customer"])
        if not customer["email"]:
            customer["email"] = email
        return customer
    customer = make_customer(account, {"email": email})
    account.emit("customer.created", customer)
    return customer


def _card(account: Account, customer: Json, email: str, form: CardForm) -> Json:
    method = make_method(account, account.now_for(customer), form.card, form.expiry, email)
    # Who fills in the page is there to authenticate, so later charges need not ask again.
    method["_authenticated"] = True
    return method


def _setup(account: Account, customer: Json, method: Json) -> None:
    now = account.now_for(customer)
    intent = people.setup_intent(account.new_id("setup_intent"), now, customer["id"], method["id"])
    account.add(intent)
    account.emit("setup_intent.created", intent)
    account.emit("setup_intent.succeeded", intent)


def _order(account: Account, session: Json, customer: Json, method: Json) -> starting.Order:
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    facts = {
        "default_payment_method": method["id"],
        "metadata": merged_metadata({}, data.get("metadata")),
        "trial_settings": data.get("trial_settings") or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "description": data.get("description"),
    }
    if (data.get("billing_mode") or {}).get("type") == "classic":
        facts["billing_mode"] = {"flexible": None, "type": "classic"}
    return starting.Order(
        customer=customer,
        items=[(account.find("price", line["price"]["id"]), line["quantity"]) for line in session["_line_items"]],
        trial_end=data.get("trial_end") or (account.now_for(customer) + days * DAY_SECONDS if days else None),
        facts=facts,
        on_session=True,
    )
