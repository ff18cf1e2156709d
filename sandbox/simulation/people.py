"""What readers, staff, banks and the publisher's Dashboard do: each act as it reaches the service or Stripe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import stripe
from sqlalchemy import select

from sandbox.simulation.at_stripe import Refused
from sandbox.simulation.newsroom import Newsroom
from sandbox.simulation.oracle import Courtesy, Staff
from sandbox.simulation.paywall import SITE
from sandbox.standin.store import Json
from service.access.question import Question
from service.billing.checkouts import CheckoutRequest
from service.domain.decision import Access, Article
from service.domain.refunds import RefundRequest
from service.domain.staff import Role
from service.errors import Problem, StripeUnavailable
from service.store.tables import holds
from service.support.acts.courtesy import GrantWish, RevocationWish
from service.support.acts.releasing import ReleaseWish
from service.support.audit import Entry, Trail

SHARED_CARD = "4242424242424242"
CARDS = {
    "shared": SHARED_CARD,
    "fails later": "4000000000000341",
    "declined": "4000000000000002",
    "asks once": "4000002500003155",
    "asks always": "4000002760003184",
    "disputed": "4000000000000259",
    "inquired": "4000000000001976",
    "warned of": "4000000000005423",
    "refund fails": "4000000000005126",
    "refund pends": "4000000000007726",
}
"""Stripe's public test cards, by what comes of them; `own` is a paying card that nobody else has."""
OVER = ("canceled", "incomplete_expired")


@dataclass
class Reader:
    """One reader, and the browser tabs that are still open."""

    id: str
    number: int
    email: str
    pages: list[str] = field(default_factory=list)
    checkouts: list[str] = field(default_factory=list)
    given: dict[int, Courtesy] = field(default_factory=dict)
    """What staff gave, by the grant's number."""
    released: set[str] = field(default_factory=set)
    """What staff let close nothing any more, by its id at Stripe."""

    def card(self, kind: str) -> str:
        """Return a card's number."""
        return CARDS.get(kind) or _valid(f"424242{self.number + 1:09d}")


def _session_of(page: str) -> str:
    return urlsplit(page).path.rsplit("/", 1)[-1]


def _asked(reader: Reader) -> dict[str, Any]:
    """Return who wishes something about a reader, and why."""
    return {"reader_id": reader.id, "reason": "simulated", "asked_by": "key:1", "role": Role.ADMIN}


def _valid(digits: str) -> str:
    """Return the digits with their check digit (ISO/IEC 7812-1)."""
    doubled = [sum(divmod(2 * int(each), 10)) for each in digits[::-2]]
    return digits + str(-(sum(doubled) + sum(int(each) for each in digits[-2::-2])) % 10)


class People:
    """Acts in a newsroom. What the service or Stripe refuses in good order is no failure; `refusals` count them."""

    def __init__(self, room: Newsroom) -> None:
        self._room = room
        self._services = room.paywall.services
        self._dashboard = room.stripe.client(is_troubled=False)
        self.readers: list[Reader] = []
        self.refusals: dict[str, int] = {}

    def arrive(self, *, email: str | None = None) -> Reader:
        """Let a reader come who was never here."""
        number = len(self.readers)
        reader = Reader(f"r-{number}", number, email or f"reader.{number}@example.com")
        self.readers.append(reader)
        return reader

    # Readers, at the site ----------------------------------------------------------------------------------

    def checkout(self, reader: Reader, plan: str) -> None:
        """Ask for a checkout and keep its page open in a tab."""
        request = CheckoutRequest(
            reader_id=reader.id, email=reader.email, plan=plan, success_url=f"{SITE}/welcome", cancel_url=f"{SITE}/"
        )
        with self._in_good_order():
            made = self._services.checkouts.open(request)
            reader.pages.append(made.url)
            reader.checkouts.append(made.id)

    def pay(self, reader: Reader, card: str, *, page: int = -1, proves: bool = True) -> None:
        """Fill a page in, perhaps one in an old tab; a bank that asks for the cardholder is answered."""
        if not reader.pages:
            return
        url = reader.pages[page % len(reader.pages)]
        status = self._browse(
            url, email=reader.email, card_number=reader.card(card), card_expiry="12/40", card_cvc="123"
        )
        if status == 200:
            self._browse(url, authentication="pass" if proves else "fail")

    def pay_by_debit(self, reader: Reader) -> None:
        """Pay on the newest page as by bank debit: the bank decides days later, unless there is nothing to pay."""
        if reader.pages:
            session = _session_of(reader.pages[-1])
            self._at_stripe(lambda: self._room.stripe.lever(f"checkout_sessions/{session}", async_payment="expected"))
            self.pay(reader, "own")

    def come_back(self, reader: Reader) -> None:
        """Return from the page: the site asks what became of the checkout."""
        if reader.checkouts:
            with self._in_good_order():
                self._services.checkouts.outcome(reader.checkouts[-1])

    def cancel(self, reader: Reader) -> None:
        """Cancel at the site."""
        with self._in_good_order():
            self._services.cancellations.cancel(reader.id, reason=None, comment=None)

    def undo(self, reader: Reader) -> None:
        """Take a cancellation back at the site."""
        with self._in_good_order():
            self._services.cancellations.undo(reader.id)

    def change_plan(self, reader: Reader, plan: str) -> None:
        """Look at the preview of another plan and take it; raises AssertionError when it is billed otherwise."""
        with self._in_good_order():
            told = self._services.plan_changes.preview(reader.id, plan)
            made = self._services.plan_changes.change(reader.id, plan, quoted_at=told.quoted_at)
            billed = (made.due_now, made.credit, made.renewal, made.renews_at)
            if billed != (told.due_now, told.credit, told.renewal, told.renews_at):
                raise AssertionError(f"previewed {told}, billed {made}")

    def read(self, reader: Reader, article: str, access: Access) -> bool:
        """Ask for an article; return whether it opens."""
        question = Question(
            articles=[Article(id=article, access=access)], reader_id=reader.id, visitor_id=None, consume=True
        )
        return self._services.gate.decide(question)[0].decision.granted

    # Readers, in Stripe's portal ---------------------------------------------------------------------------

    def in_portal(self, reader: Reader, action: str, card: str = "own") -> None:
        """Press a button in the portal: `cancel`, `resume`, `update_card` or `pay_invoice`."""
        with self._in_good_order():
            url = self._services.portals.open(reader.id, f"{SITE}/account")
            subscription = self.running(reader)
            invoice = next((each for each in self._of(reader, "invoice") if each["status"] == "open"), None)
            self._browse(
                url, action=action, subscription=subscription["id"] if subscription else "",
                invoice=invoice["id"] if invoice else "", card_number=reader.card(card), card_expiry="12/40",
                card_cvc="123",
            )  # fmt: skip

    # Staff, banks, the Dashboard ---------------------------------------------------------------------------

    def refund(self, reader: Reader, part: float, which: int) -> None:
        """Let staff give a payment back, whole (`part` 1) or in part."""
        paid = [each for each in self._of(reader, "invoice") if each["amount_paid"] > 0]
        if not paid:
            return
        invoice = paid[which % len(paid)]
        amount = None if part >= 1 else max(1, int(invoice["amount_paid"] * part))
        with self._in_good_order():
            self._services.refunds.refund(
                RefundRequest(
                    reader_id=reader.id,
                    invoice_id=invoice["id"],
                    amount_minor=amount,
                    reason="goodwill",
                    asked_by="key:1",
                )
            )

    def refund_fails(self, reader: Reader, which: int) -> None:
        """Let the bank refuse a refund that had been made."""
        self._move(self._of(reader, "refund"), which, "refunds", "failed")

    def dispute(self, reader: Reader, which: int, status: str) -> None:
        """Let the cardholder dispute one of the newest payments."""
        if charge := self._newest_charge(reader, which):
            self._at_stripe(lambda: self._room.stripe.lever("disputes", charge=charge["id"], status=status))

    def decide_dispute(self, reader: Reader, which: int, status: str) -> None:
        """Let the bank decide."""
        truth = self._room.stripe.truth(self.customer_of(reader) or "")
        self._move(truth.disputes if truth else [], which, "disputes", status)

    def warn(self, reader: Reader, which: int) -> None:
        """Let the issuer warn of fraud with one of the newest payments."""
        if charge := self._newest_charge(reader, which):
            self._at_stripe(lambda: self._room.stripe.lever("early_fraud_warnings", charge=charge["id"]))

    def decide_debit(self, reader: Reader, which: int, *, succeeds: bool) -> None:
        """Let the bank decide about a debit that may be under way."""
        outcome = "succeeded" if succeeds else "failed"
        sessions = [each for each in self._of(reader, "checkout.session") if each["status"] == "complete"]
        if sessions:
            where = f"checkout_sessions/{sessions[which % len(sessions)]['id']}"
            self._at_stripe(lambda: self._room.stripe.lever(where, async_payment=outcome))

    def give_courtesy(self, reader: Reader, seconds: int) -> None:
        """Let staff give access, to a reader who may have no account."""
        until = self._room.time.seconds() + 1 + seconds  # whatever people do takes a second
        with self._in_good_order():
            wish = GrantWish(until=datetime.fromtimestamp(until, UTC), **_asked(reader))
            done = self._services.acts.give.do(wish, self._trail("grant"))
            reader.given[int(done.id or 0)] = Courtesy(self._room.time.seconds(), until)

    def take_courtesy_back(self, reader: Reader, which: int) -> None:
        """Let staff end one of what they gave, perhaps one that is over."""
        if reader.given:
            grant_id = sorted(reader.given)[which % len(reader.given)]
            with self._in_good_order():
                wish = RevocationWish(grant_id=grant_id, **_asked(reader))
                self._services.acts.revoke.do(wish, self._trail("revoke_grant"))
                reader.given[grant_id] = replace(reader.given[grant_id], revoked=self._room.time.seconds())

    def release(self, reader: Reader, which: int) -> None:
        """Let staff release what closes access as far as they see, else anything at all, if the service lets them."""
        customer_id = self.customer_of(reader) or ""
        truth = self._room.stripe.truth(customer_id)
        against = [each["id"] for each in (*truth.disputes, *truth.warnings, *truth.refunds)] if truth else []
        if against := self._closing(customer_id) or against:
            hold_id = against[which % len(against)]
            with self._in_good_order():
                wish = ReleaseWish(hold_id=hold_id, **_asked(reader))
                self._services.acts.release_hold.do(wish, self._trail("release_hold"))
                reader.released.add(hold_id)

    def expire_session(self, reader: Reader) -> None:
        """Let somebody at the publisher expire the reader's open Checkout session at Stripe."""
        for each in self._of(reader, "checkout.session"):
            if each["status"] == "open":
                session = each["id"]
                self._at_stripe(lambda: self._dashboard.v1.checkout.sessions.expire(session))  # noqa: B023 - called at once

    def in_dashboard(self, reader: Reader, act: str) -> None:
        """Let somebody at the publisher change a subscription at Stripe itself: one of `DASHBOARD`."""
        subscription = self.running(reader)
        if subscription is not None:
            self._at_stripe(lambda: DASHBOARD[act](self._dashboard, subscription))

    def settle_debt(self, reader: Reader, which: int, how: str) -> None:
        """Let one of the reader's debts, perhaps not the newest, be `paid` with another card, or given up."""
        owed = [each for each in self._of(reader, "invoice") if each["status"] in ("open", "uncollectible")]
        if owed:
            invoice = owed[which % len(owed)]
            self._at_stripe(lambda: DEBTS[how](self._dashboard, invoice))

    def delete_customer(self, reader: Reader) -> None:
        """Delete the customer at Stripe, for good."""
        if customer_id := self.customer_of(reader):
            self._at_stripe(lambda: self._dashboard.v1.customers.delete(customer_id))

    # What is known -----------------------------------------------------------------------------------------

    def word_of_staff(self, reader: Reader) -> Staff:
        """Return what staff have decided about a reader."""
        return Staff(given=tuple(reader.given.values()), released=frozenset(reader.released))

    def customer_of(self, reader: Reader) -> str | None:
        """Return the reader's customer."""
        return self._room.customers().get(reader.id)

    def running(self, reader: Reader) -> Json | None:
        """Return the reader's newest subscription at Stripe that is not over."""
        return next((each for each in reversed(self._of(reader, "subscription")) if each["status"] not in OVER), None)

    def _of(self, reader: Reader, kind: str) -> list[Json]:
        customer_id = self.customer_of(reader)
        return self._room.stripe.objects(kind, customer_id) if customer_id else []

    def _closing(self, customer_id: str) -> list[str]:
        query = select(holds.c.id).where(
            holds.c.customer_id == customer_id, holds.c.blocks, holds.c.released_at.is_(None)
        )
        with self._room.paywall.core.engine.connect() as connection:
            return list(connection.scalars(query.order_by(holds.c.id)))

    def _trail(self, act: str) -> Trail:
        return Trail(self._services.audit, Entry(actor="key:1", act=act, reason="simulated"))

    def _newest_charge(self, reader: Reader, which: int) -> Json | None:
        paid = [each for each in self._of(reader, "charge") if each["paid"]][-3:]
        return paid[which % len(paid)] if paid else None

    def _move(self, things: Sequence[Json], which: int, where: str, status: str) -> None:
        if things:
            thing = things[which % len(things)]["id"]
            self._at_stripe(lambda: self._room.stripe.lever(f"{where}/{thing}", status=status))

    def _browse(self, url: str, **fields: str) -> int:
        self._room.silence(1)
        return self._room.stripe.browse(url, **fields)

    def _at_stripe(self, act: Callable[[], object]) -> None:
        self._room.silence(1)
        try:
            act()
        except (Refused, stripe.InvalidRequestError, stripe.CardError) as refused:
            self._count(f"at Stripe: {type(refused).__name__}")

    def _in_good_order(self) -> _InGoodOrder:
        return _InGoodOrder(self)

    def _count(self, refusal: str) -> None:
        self.refusals[refusal] = self.refusals.get(refusal, 0) + 1


class _InGoodOrder:
    """Lets pass what the contract foresees, and counts it; anything else is a failure of the service."""

    def __init__(self, people: People) -> None:
        self._people = people

    def __enter__(self) -> None:
        """Whatever people do takes a second: Stripe's instants are whole ones, and would tie."""
        self._people._room.silence(1)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Problem):
            self._people._count(error.code)
            return True
        if isinstance(error, StripeUnavailable) and self._people._room.is_troubled:
            self._people._count("stripe_unavailable")
            return True
        return False


def _pay(api: stripe.StripeClient, invoice: Json) -> None:
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": invoice["customer"]}).id
    api.v1.invoices.pay(invoice["id"], {"payment_method": method})


DEBTS: dict[str, Callable[[stripe.StripeClient, Json], object]] = {
    "paid": _pay,
    "void": lambda api, each: api.v1.invoices.void_invoice(each["id"]),
    "uncollectible": lambda api, each: api.v1.invoices.mark_uncollectible(each["id"]),
}
DASHBOARD: dict[str, Callable[[stripe.StripeClient, Json], object]] = {
    "stop billing": lambda api, each: api.v1.subscriptions.update(
        each["id"], {"pause_collection": {"behavior": "void"}}
    ),
    "bill later": lambda api, each: api.v1.subscriptions.update(
        each["id"], {"pause_collection": {"behavior": "keep_as_draft"}}
    ),
    "offer free": lambda api, each: api.v1.subscriptions.update(
        each["id"], {"pause_collection": {"behavior": "mark_uncollectible"}}
    ),
    "bill again": lambda api, each: api.v1.subscriptions.update(each["id"], {"pause_collection": ""}),
    "cancel at once": lambda api, each: api.v1.subscriptions.cancel(each["id"]),
    "cancel later": lambda api, each: api.v1.subscriptions.update(each["id"], {"cancel_at_period_end": True}),
    "resume": lambda api, each: api.v1.subscriptions.resume(
        each["id"], {"payment_behavior": "resume_on_payment_success"}
    ),
    "void invoice": lambda api, each: api.v1.invoices.void_invoice(each["latest_invoice"]),
    "give up invoice": lambda api, each: api.v1.invoices.mark_uncollectible(each["latest_invoice"]),
    "end trial": lambda api, each: api.v1.subscriptions.update(each["id"], {"trial_end": "now"}),
}
