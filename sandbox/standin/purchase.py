"""A reader completes hosted Checkout: card, subscription, invoice, and the events in Stripe's order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting, starting
from sandbox.standin.billing.cardholders import PRESENT
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
    failure = cardholders.setup_failure(method)
    if failure is None and session["amount_total"] > 0 and form.card.behaviour == "declines_charges":
        failure = cardholders.charge_failure({**method, "_authenticated": True})
    return failure[2] if failure else None


def begin(account: Account, session: Json, email: str, form: CardForm) -> None:
    """Start a purchase whose bank wants to see the cardholder.

    As at Stripe the subscription exists from here on, `incomplete`: whoever leaves the bank's page leaves it so, and it
    expires after 23 hours. A free trial has nothing to pay yet, nor has who pays from a balance: these begin only when
    the card is saved.
    """
    pending = {"email": email, "number": form.card.number, "expiry": list(form.expiry), "method": None}
    if _asks_the_bank(account, session):
        customer = _customer(account, session, email)
        method = give(account, customer, _card(account, customer, email, form))
        subscription = _begun(account, session) or starting.start(account, _order(account, session, customer, method))
        method["_authenticated"] = False
        session["_begun"], pending["method"] = subscription["id"], method["id"]
        collecting.await_cardholder(account, account.find("invoice", subscription["latest_invoice"]), method)
    session["_pending_card"] = pending


def _asks_the_bank(account: Account, session: Json) -> bool:
    """Tell whether the first invoice leaves anything to charge: a balance in the customer's favour pays first."""
    customer = account.store.get("customer", session["customer"] or "")
    owed = session["amount_total"] + (customer["balance"] if customer else 0)
    return _begun(account, session) is not None or (session["amount_total"] > 0 and owed > 0)


def authentication_failed(account: Account, session: Json) -> None:
    """Forget the card whose holder did not prove who they are."""
    pending, subscription = session["_pending_card"], _begun(account, session)
    session["_pending_card"] = None
    if subscription is not None and pending and pending["method"]:
        method = account.find("payment_method", pending["method"])
        collecting.cardholder_failed(account, account.find("invoice", subscription["latest_invoice"]), method)


def _begun(account: Account, session: Json) -> Json | None:
    """Return the subscription that an earlier card of this session left incomplete; None when it expired since."""
    found = account.store.get("subscription", session.get("_begun") or "")
    return found if found is not None and found["status"] == "incomplete" else None


def complete(account: Account, session: Json, email: str, form: CardForm) -> None:
    """Turn an open session into a subscription. The card has been accepted, and authenticated if it asked for it."""
    customer = _customer(account, session, email)
    method = _paying_card(account, session, customer, email, form)
    is_trial = session["amount_total"] == 0
    if is_trial:
        _setup(account, customer, method)
    if method["customer"] is None:
        give(account, customer, method)
    subscription = _subscription(account, session, customer, method)
    unpaid = session.get("_async_payment") == "processing"
    session.update(
        status="complete",
        payment_status="no_payment_required" if is_trial else "unpaid" if unpaid else "paid",
        customer=customer["id"],
        customer_details=hosted.customer_details(email),
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        url=None,
        _pending_card=None,
    )
    account.emit("checkout.session.completed", session)


def _paying_card(account: Account, session: Json, customer: Json, email: str, form: CardForm) -> Json:
    pending = session["_pending_card"] or {}
    known = account.store.get("payment_method", pending.get("method") or "")
    if known is None:
        return _card(account, customer, email, form)
    known["_authenticated"] = True
    return known


def _subscription(account: Account, session: Json, customer: Json, method: Json) -> Json:
    """Start what is bought, or let `method` pay for what an earlier card began."""
    begun = _begun(account, session)
    if begun is not None:
        begun["default_payment_method"] = method["id"]
        collecting.collect(account, account.find("invoice", begun["latest_invoice"]), method=method, presence=PRESENT)
        return begun
    order = _order(account, session, customer, method)
    if session.get("_async_payment") != "expected" or session["amount_total"] == 0:
        return starting.start(account, replace(order, payment_behavior="allow_incomplete"))
    subscription = starting.start(account, order)
    session["_async_payment"] = "processing"
    collecting.process(account, account.find("invoice", subscription["latest_invoice"]))
    return subscription


def settle_async(account: Account, session: Json, *, succeeded: bool) -> None:
    """Let the bank decide about a payment that was under way when the session completed."""
    subscription = account.find("subscription", session["subscription"])
    method = account.find("payment_method", subscription["default_payment_method"])
    session["_async_payment"] = subscription["_processing"] = None
    if not succeeded:
        method.update(_behaviour="declines_charges", _decline_code="insufficient_funds")
    collecting.collect(account, account.find("invoice", session["invoice"]), method=method, presence=PRESENT)
    if succeeded:
        session["payment_status"] = "paid"
    account.emit(f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session)


def _customer(account: Account, session: Json, email: str) -> Json:
    known = session["customer"] or session.get("_customer_begun")
    if known:
        customer = account.find("customer", known)
        if not customer["email"]:
            customer["email"] = email
        return customer
    customer = make_customer(account, {"email": email})
    account.emit("customer.created", customer)
    session["_customer_begun"] = customer["id"]
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
        items=[(account.find("price", line["price"]["id"]), line["quantity"], {}) for line in session["_line_items"]],
        trial_end=data.get("trial_end") or (account.now_for(customer) + days * DAY_SECONDS if days else None),
        facts=facts,
        discounts=session["discounts"],
        payment_behavior="default_incomplete",
        presence=PRESENT,
    )
