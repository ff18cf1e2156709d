"""The hosted pages: Checkout, the Billing Portal, an invoice. Plain HTML forms that work without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request

from sandbox.standin import clocks
from sandbox.standin.account import Account
from sandbox.standin.billing.cardholders import ASKING
from sandbox.standin.billing.prorating import money
from sandbox.standin.calendar import DAY_SECONDS, next_boundary
from sandbox.standin.cards import by_number
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.portal_acts import PortalRefused, act, onward, overview
from sandbox.standin.purchase import CardForm, authentication_failed, begin, complete, refusal
from sandbox.standin.resources.checkout_sessions import apply_discount
from sandbox.standin.resources.promotion_codes import by_code
from sandbox.standin.store import Json

STYLE = (Path(__file__).parent / "page.css").read_text()
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_EXPIRY = re.compile(r"^\s*(\d{1,2})\s*/\s*(\d{2}|\d{4})\s*$")
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


class FormRefused(ValueError):
    """The card form cannot be taken as it is; the message is for the reader."""


def read_email(fields: Mapping[str, str], known: str | None) -> str:
    """Return the address filled in, or the one `known`; raise FormRefused."""
    address = fields.get("email", "").strip() or known or ""
    if not _EMAIL.match(address):
        raise FormRefused("Enter a valid email address.")
    return address


def read_card(fields: Mapping[str, str], wall: int) -> CardForm:
    """Return the card filled in; raise FormRefused with a sentence for the reader."""
    card = by_number(fields.get("card_number", ""))
    if card is None:
        raise FormRefused("Your card number is incorrect. This sandbox takes Stripe's public test cards only.")
    if not re.fullmatch(r"\s*\d{3,4}\s*", fields.get("card_cvc", "")):
        raise FormRefused("Your card's security code is incomplete.")
    return CardForm(card, _expiry(fields.get("card_expiry", ""), wall))


def _expiry(value: str, wall: int) -> tuple[int, int]:
    match = _EXPIRY.match(value)
    if match is None or not 1 <= int(match.group(1)) <= 12:
        raise FormRefused("Your card's expiration date is incomplete: MM / YY.")
    month, year = int(match.group(1)), int(match.group(2)) % 100 + 2000
    today = datetime.fromtimestamp(wall, UTC)
    if (year, month) < (today.year, today.month):
        raise FormRefused("Your card's expiration date is in the past.")
    return month, year


def date_text(instant: int) -> str:
    """Return a Unix second as a date for people: `22 November 2026`."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment.day} {moment:%B %Y}"


class Pages:
    """The hosted pages of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint for all pages."""
        blueprint = Blueprint("pages", __name__, template_folder="templates")
        blueprint.app_context_processor(lambda: {"style": STYLE, "money": money, "date": date_text})
        blueprint.add_url_rule("/c/pay/<session_id>", view_func=self.checkout, methods=["GET"])
        blueprint.add_url_rule("/c/pay/<session_id>", "pay", view_func=self.pay, methods=["POST"])
        blueprint.add_url_rule("/p/session/<token>", view_func=self.portal, methods=["GET"])
        blueprint.add_url_rule("/p/session/<token>", "portal_act", view_func=self.portal_act, methods=["POST"])
        blueprint.add_url_rule("/i/<invoice_id>", view_func=self.invoice, methods=["GET"])
        return blueprint

    def checkout(self, session_id: str) -> Response:
        """Show what is bought; a session that is over says so."""
        clocks.settle(self._account)
        with self._account.store.transaction():
            session = self._account.store.get("checkout.session", session_id)
            if session is None or session["status"] != "open":
                return _session_over(session, paying=False)
            return self._checkout_page(session, None, 200)

    def pay(self, session_id: str) -> Response:
        """Take the card form, or the answer to an authentication; every purchase happens once."""
        clocks.settle(self._account)
        with self._account.store.transaction():
            session = self._account.store.get("checkout.session", session_id)
            if session is None or session["status"] != "open":
                return _session_over(session, paying=True)
            if "authentication" in request.form:
                return self._authenticated(session, request.form["authentication"])
            return self._pay_with_form(session)

    def _pay_with_form(self, session: Json) -> Response:
        known = (session["customer_details"] or {}).get("email")
        try:
            email, form = read_email(request.form, known), self._read_card(request.form)
            self._take_code(session, request.form.get("promotion_code", ""))
        except FormRefused as refused:
            return self._checkout_page(session, str(refused), 400)
        if message := refusal(session, form):
            return self._checkout_page(session, message, 402)
        if form.card.behaviour in ASKING:
            begin(self._account, session, email, form)
            return _html("authenticate.html", 200, session=session, amount=session["amount_total"])
        return self._purchased(session, email, form)

    def _take_code(self, session: Json, code: str) -> None:
        """Take a promotion code's coupon off, if the session offers that."""
        if not code or not session["allow_promotion_codes"]:
            return
        found = by_code(self._account, code)
        try:
            apply_discount(self._account, session, {"promotion_code": found["id"] if found else code})
        except InvalidRequest:
            raise FormRefused("This code is invalid.") from None

    def _authenticated(self, session: Json, answer: str) -> Response:
        pending = session["_pending_card"]
        card = by_number(pending["number"]) if pending else None
        if card is None or answer != "pass":
            authentication_failed(self._account, session)
            return self._checkout_page(session, AUTHENTICATION_FAILED, 402)
        month, year = pending["expiry"]
        return self._purchased(session, pending["email"], CardForm(card, (month, year)))

    def _purchased(self, session: Json, email: str, form: CardForm) -> Response:
        complete(self._account, session, email, form)
        return _redirect(success_url(session))

    def _checkout_page(self, session: Json, message: str | None, status: int) -> Response:
        return _html(
            "checkout.html", status, session=session, message=message, sent=request.form, **self._terms(session)
        )

    def _terms(self, session: Json) -> dict[str, Any]:
        """Return what the page says about price, trial and the first charge."""
        line, data = session["_line_items"][0], session["_subscription_data"]
        customer = self._account.store.get("customer", session["customer"] or "")
        now = self._account.now_for(customer) if customer else self._account.wall_now()
        trial_end = data.get("trial_end") or now + DAY_SECONDS * (data.get("trial_period_days") or 0)
        recurring = line["price"]["recurring"]
        renewal = next_boundary(now, now, recurring["interval"], recurring["interval_count"])
        return {
            "line": line,
            "total": line["price"]["unit_amount"] * line["quantity"],
            "trial_days": (trial_end - now) // DAY_SECONDS,
            "first_charge_at": trial_end if trial_end > now else renewal,
            "email": (session["customer_details"] or {}).get("email"),
        }

    def portal(self, token: str) -> Response:
        """Show plan, card, next charge and invoices."""
        clocks.settle(self._account)
        with self._account.store.transaction():
            session = self._portal_session(token)
            return self._portal_page(session, None, 200) if session else _html("gone.html", 404, what="portal")

    def portal_act(self, token: str) -> Response:
        """Do what a button of the portal asks, then show the page anew."""
        with self._account.store.transaction():
            session = self._portal_session(token)
            if session is None:
                return _html("gone.html", 404, what="portal")
            try:
                act(self._account, session, request.form, read_card=self._read_card)
            except (PortalRefused, FormRefused) as refused:
                return self._portal_page(session, str(refused), 400)
            leads_to = onward(session)
        clocks.settle(self._account)
        return _redirect(leads_to or request.path)

    def _read_card(self, fields: Mapping[str, str]) -> CardForm:
        return read_card(fields, self._account.wall_now())

    def _portal_session(self, token: str) -> Json | None:
        identifier, _, secret = token.rpartition("_")
        session = self._account.store.get("billing_portal.session", identifier)
        customer = self._account.store.get("customer", session["customer"]) if session else None
        return session if session and session["_secret"] == secret and customer and "email" in customer else None

    def _portal_page(self, session: Json, message: str | None, status: int) -> Response:
        return _html("portal.html", status, session=session, message=message, **overview(self._account, session))

    def invoice(self, invoice_id: str) -> Response:
        """Show an invoice; the portal is where it is paid."""
        with self._account.store.transaction():
            found = self._account.store.get("invoice", invoice_id)
            return _html("invoice.html", 200, invoice=found) if found else _html("gone.html", 404, what="invoice")


def success_url(session: Json) -> str:
    """Return where a completed session leads, its id filled in."""
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _session_over(session: Json | None, *, paying: bool) -> Response:
    if session is None:
        return _html("gone.html", 404, what="checkout")
    complete_already = session["status"] == "complete"
    status = 409 if complete_already and paying else 200 if complete_already else 410
    return _html("session_over.html", status, session=session, onward=success_url(session))


def _html(template: str, status: int, **context: Any) -> Response:
    return Response(render_template(template, **context), status, content_type="text/html; charset=utf-8")


def _redirect(url: str) -> Response:
    answer = redirect(url, 303)
    return Response(answer.get_data(), 303, headers={"Location": url})
