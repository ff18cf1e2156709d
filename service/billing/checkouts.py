"""Checkout: committed before Stripe is called, one open per reader across processes, safe to repeat.

    creating ──Stripe answered──▶ open ──paid──▶ complete
        └───────another plan──────▶ └──too late, or the payment failed──▶ expired

A session that is complete at Stripe while its payment is under way, as a bank debit is for days, stays open here: so
long nothing else is sold.
The row with its exact parameters and idempotency key is in PostgreSQL before Stripe hears of it. Whoever repeats
the request, after a time-out, a crash or in another process, sends the same call and gets the same session.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import stripe
import structlog
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from service.access.readers import Readers
from service.access.trials import Trials
from service.billing.begun import give_up_begun
from service.billing.customers import Customers
from service.billing.once import make_once
from service.billing.processing import is_under_way
from service.billing.running import owes
from service.billing.stripe_client import stripe_deadline
from service.catalog.prices import PriceBook
from service.clocks import Clock
from service.domain.catalog import Catalog, Plan
from service.domain.disclosure import Disclosure, disclosure
from service.domain.holds import closes_what_comes
from service.domain.standings import living
from service.domain.trials import TrialEligibility
from service.errors import Conflict, InvalidRequest, NotFound, StripeUnavailable
from service.store import checkouts
from service.store.checkouts import CheckoutRow
from service.store.facts import Facts, find_facts
from webhooks.facts import CHECKOUT_KEY, READER_KEY, metadata_of

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 5.0
LEASE_SECONDS = 10.0
LAST_MOMENTS = timedelta(minutes=5)
"""An open session this close to its end is not handed out again."""
UNPAID = "unpaid"
"""Of a completed session: the payment is under way, or has failed. Stripe's other words say that the sale is made."""


@dataclass(frozen=True, kw_only=True)
class CheckoutRequest:
    """What the site asks for; the URLs' origins are already checked by the caller."""

    reader_id: str
    email: str | None
    plan: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """An open checkout. `created` is False when an equal open one was found."""

    id: str
    url: str
    expires_at: datetime
    trial: TrialEligibility
    disclosure: Disclosure
    created: bool


@dataclass(frozen=True, kw_only=True)
class CheckoutOutcome:
    """Where a checkout stands: `open`, `complete` or `expired`."""

    id: str
    reader_id: str
    plan: str
    status: str


class Checkouts:
    """Opens checkouts and tells their outcome."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        *,
        catalog: Catalog,
        customers: Customers,
        prices: PriceBook,
        readers: Readers,
        trials: Trials,
        sync_now: Callable[[str], None],
        business_clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self._engine = engine
        self._client = client
        self._catalog = catalog
        self._customers = customers
        self._prices = prices
        self._readers = readers
        self._trials = trials
        self._sync_now = sync_now
        self._business_clock = business_clock
        self._wall_clock = wall_clock

    def open(self, request: CheckoutRequest) -> Checkout:
        """Return the reader's open checkout.

        Raises InvalidRequest for an unknown plan, Conflict (`already_subscribed`, `payment_outstanding`,
        `payment_processing`, `access_held`, `checkout_closed`), StripeUnavailable while Stripe does not answer; after
        that the same request may be repeated safely.
        """
        plan = self._catalog.plan(request.plan)
        if plan is None:
            raise InvalidRequest("There is no such plan.", code="unknown_plan", errors={"plan": ["Unknown plan."]})
        with stripe_deadline(DEADLINE_SECONDS):
            self._refuse_subscribed(request.reader_id)
            self._leave_behind(request)
            customer_id = self._customers.ensure(request.reader_id, request.email)
            row, created = self._reserve(request, plan, customer_id)
            # Only now: until here a page may have been open that promised a trial to the address of before.
            self._customers.readdress(request.reader_id, request.email)
            return _checkout(self._opened(row), created=created)

    def outcome(self, checkout_id: str) -> CheckoutOutcome:
        """Return where it stands, syncing the customer if it is complete; raises NotFound, StripeUnavailable.

        A reader whose payment is under way has done their part: it is `complete`, and opens nothing yet.
        """
        row = self._find(checkout_id)
        if row is None:
            raise NotFound("There is no such checkout.", code="no_checkout")
        status = "open" if row.status == "creating" else row.status
        if row.status == "open" and row.session_id is not None:
            with stripe_deadline(DEADLINE_SECONDS):
                session = self._client.v1.checkout.sessions.retrieve(row.session_id)
                settled = self._settle(row, session)
            status = str(session.status) if settled == "open" else settled
        return CheckoutOutcome(id=row.id, reader_id=row.reader_id, plan=row.plan, status=status)

    def close(self, reader_id: str) -> None:
        """Let nothing be bought any more through what the reader has open.

        Raises Conflict when it was paid meanwhile (`already_subscribed`), or its payment is under way
        (`payment_processing`); StripeUnavailable.
        """
        with self._engine.connect() as connection:
            row = checkouts.pending(connection, reader_id)
        if row is not None:
            with stripe_deadline(DEADLINE_SECONDS):
                self._close(row)

    def _refuse_subscribed(self, reader_id: str) -> None:
        """Raise Conflict for a reader to whom a subscription is sold, by what Stripe says now.

        What opens articles is not asked: a held or paused subscription is sold, also where staff gave courtesy beside
        it; and while Stripe still asks for the money of one whose access is over, they would pay twice. Whom a dispute
        or a warning keeps out would pay for nothing.
        """
        customer_id = self._customers.known(reader_id)
        if customer_id is None:
            return
        self._sync_now(customer_id)
        state = self._readers.state(reader_id)
        if state.sold.cause is None and owes(state.snapshot):
            raise Conflict(
                "A payment is outstanding; the reader can settle it in the portal.", code="payment_outstanding"
            )
        with self._engine.connect() as connection:
            _refuse_sold_or_held(find_facts(connection, reader_id))

    def _leave_behind(self, request: CheckoutRequest) -> None:
        if request.email:
            with self._engine.begin() as connection:
                self._trials.leave_behind(connection, request.reader_id, request.email)

    def _reserve(self, request: CheckoutRequest, plan: Plan, customer_id: str) -> tuple[CheckoutRow, bool]:
        """Return the reader's one pending row for this plan and these URLs, and whether it is new."""
        row = self._new_row(request, plan, customer_id)
        while True:
            inserted, found = self._insert(row)
            if found is None:
                continue
            # Also our own row is used as stored, so that the first call and every repeat are the same to the byte.
            if inserted or (self._is_reusable(found, row) and self._is_open(found)):
                return found, inserted
            self._close(found)

    def _insert(self, row: CheckoutRow) -> tuple[bool, CheckoutRow | None]:
        """Insert the row unless the reader has a pending one; return whether it was inserted, and the pending one.

        An erasure, which holds the account, is waited for; raises Conflict (`checkout_closed`) if it took the account.
        """
        try:
            with self._engine.begin() as connection:
                inserted = checkouts.insert_creating(connection, row, catalog_version=self._catalog.version)
                if inserted:
                    _refuse_changed_meanwhile(connection, row)
                return inserted, checkouts.pending(connection, row.reader_id)
        except IntegrityError as error:
            if not isinstance(error.orig, ForeignKeyViolation):
                raise
            raise _closed() from error

    def _new_row(self, request: CheckoutRequest, plan: Plan, customer_id: str) -> CheckoutRow:
        """Return a row that fixes everything said to Stripe and to the reader."""
        checkout_id = f"chk_{secrets.token_urlsafe(18)}"
        with self._engine.connect() as connection:
            trial = self._trials.eligibility(connection, request.reader_id, plan, request.email)
        told = disclosure(plan, trial, self._business_clock(), self._catalog)
        return CheckoutRow(
            id=checkout_id,
            reader_id=request.reader_id,
            plan=plan.id,
            status="creating",
            parameters=_parameters(checkout_id, request, customer_id, self._prices.price_id(plan), trial),
            idempotency_key=f"newsstand-checkout-{checkout_id}",
            success_url=request.success_url,
            cancel_url=request.cancel_url,
            session_id=None,
            url=None,
            expires_at=None,
            trial=trial.to_json(),
            disclosure=told.to_json(),
            created_at=self._wall_clock(),
        )

    def _is_reusable(self, found: CheckoutRow, wanted: CheckoutRow) -> bool:
        """Tell whether it sells to this customer what is asked for, with the trial that may be promised, and lasts.

        What an outage left without a page lasts no longer than a page would: its price and its dates are of then.
        """
        lasts_until = min(found.payable_until, found.created_at + checkouts.LASTS)
        return _sold(found) == _sold(wanted) and lasts_until > self._wall_clock() + LAST_MOMENTS

    def _is_open(self, row: CheckoutRow) -> bool:
        """Tell whether Stripe still takes a payment for it: a session can be expired there, or paid a moment ago."""
        if row.session_id is None:
            return True
        return self._client.v1.checkout.sessions.retrieve(row.session_id).status == "open"

    def _opened(self, row: CheckoutRow) -> CheckoutRow:
        """Return the row once it has a session: made by us under the row's lease, or by whoever holds it."""
        give_up_at = time.monotonic() + DEADLINE_SECONDS
        while row.status == "creating":
            with self._engine.begin() as connection:
                ours = checkouts.lease(connection, row.id, wall_now=self._wall_clock(), lease_seconds=LEASE_SECONDS)
            if ours:
                self._create_session(row)
            elif time.monotonic() > give_up_at:
                raise StripeUnavailable("another request is still opening this checkout")
            else:
                time.sleep(0.05)
            row = self._find(row.id) or row
        if row.url is None:
            raise _closed()
        return row

    def _create_session(self, row: CheckoutRow) -> None:
        try:
            session = make_once(lambda options: self._asked(row, options), lambda: self._made(row), row.idempotency_key)
        except stripe.InvalidRequestError:
            # Stripe refused for good (a price archived since, say): a row kept would refuse every later request too.
            with self._engine.begin() as connection:
                checkouts.expire(connection, row.id)
            raise
        except stripe.StripeError:
            with self._engine.begin() as connection:
                checkouts.release(connection, row.id)
            raise
        with self._engine.begin() as connection:
            checkouts.opened(
                connection,
                row.id,
                session_id=session.id,
                url=session.url or "",
                expires_at=_instant(session.expires_at),
            )

    def _asked(self, row: CheckoutRow, options: stripe.RequestOptions) -> stripe.checkout.Session:
        return self._client.v1.checkout.sessions.create(
            row.parameters,  # type: ignore[arg-type]  # as stored: exactly the same call whenever it is repeated
            options,
        )

    def _made(self, row: CheckoutRow) -> stripe.checkout.Session | None:
        """Return the session that Stripe made for this row although it said it failed."""
        customer = str(row.parameters["customer"])
        found = self._client.v1.checkout.sessions.list({"customer": customer, "limit": 100}).data
        return next((each for each in found if metadata_of(each.to_dict(), CHECKOUT_KEY) == row.id), None)

    def _close(self, row: CheckoutRow) -> None:
        """Expire a checkout that is not wanted any more; raises Conflict when it was paid, or is being paid.

        One without a page may have one at Stripe whose answer was lost: the same call finds it.
        """
        try:
            opened = self._opened(row)
        except stripe.InvalidRequestError:  # refused for good (an archived price, a deleted customer): given up already
            return
        assert opened.session_id is not None  # noqa: S101 - a row with a URL has a session
        try:
            session = self._client.v1.checkout.sessions.expire(opened.session_id)
        except stripe.InvalidRequestError:  # no longer open: complete, or expired by itself
            session = self._client.v1.checkout.sessions.retrieve(opened.session_id)
        settled = self._settle(opened, session)
        if settled == "complete":
            raise _subscribed()
        if settled == "open":
            raise Conflict("A payment is under way, as a bank debit is for days.", code="payment_processing")

    def _settle(self, row: CheckoutRow, session: stripe.checkout.Session) -> str:
        """Record what has become of the session, and return it; a completed one syncs its customer first."""
        if session.status == "complete":
            self._sync_now(str(row.parameters["customer"]))
            if session.payment_status != UNPAID:
                with self._engine.begin() as connection:
                    checkouts.complete(connection, [row.id])
                return "complete"
        if session.status == "open" or is_under_way(self._client, session):
            return "open"
        return self._expire(row)

    def _expire(self, row: CheckoutRow) -> str:
        """Let nothing be paid any more of what is not bought, then free the reader for another checkout."""
        give_up_begun(self._client, str(row.parameters["customer"]), row.id)
        with self._engine.begin() as connection:
            checkouts.expire(connection, row.id)
        return (self._find(row.id) or row).status

    def _find(self, checkout_id: str) -> CheckoutRow | None:
        with self._engine.connect() as connection:
            return checkouts.find(connection, checkout_id)


def _refuse_changed_meanwhile(connection: Connection, row: CheckoutRow) -> None:
    """Raise Conflict, which takes the reservation back, if a payment landed, or the customer went, meanwhile.

    Whoever completes a checkout stores what was sold first: where the reservation found none pending, it is seen here.
    Of a customer who was erased, and whose reader is back already, nothing would be taken in.
    """
    facts = find_facts(connection, row.reader_id)
    if facts is None or facts.customer_id != row.parameters["customer"]:
        raise _closed()
    _refuse_sold_or_held(facts)


def _refuse_sold_or_held(facts: Facts | None) -> None:
    """Raise Conflict for whom a subscription is sold already, or would open nothing; a deleted customer's is over."""
    if facts is None or facts.snapshot is None or facts.snapshot.deleted:
        return
    if living(facts.snapshot):
        raise _subscribed()
    if closes_what_comes(facts.holds):
        told = "A payment is disputed or warned of: until that is decided, what is bought would open nothing."
        raise Conflict(told, code="access_held")


def _sold(row: CheckoutRow) -> tuple[object, ...]:
    return row.parameters["customer"], row.plan, row.trial, row.success_url, row.cancel_url


def _closed() -> Conflict:
    return Conflict("This checkout was closed meanwhile; ask again.", code="checkout_closed")


def _subscribed() -> Conflict:
    return Conflict("This reader already has a subscription.", code="already_subscribed")


def _parameters(
    checkout_id: str, request: CheckoutRequest, customer_id: str, price_id: str, trial: TrialEligibility
) -> dict[str, object]:
    """Return the parameters of Stripe's `POST /v1/checkout/sessions`."""
    metadata = {
        READER_KEY: request.reader_id,
        CHECKOUT_KEY: checkout_id,
        "newsstand_plan": request.plan,
    }
    subscription: dict[str, object] = {"metadata": metadata}
    if trial.eligible:
        subscription["trial_period_days"] = trial.days
        subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
    return {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": request.reader_id,
        "line_items": [{"price": price_id, "quantity": 1}],
        "payment_method_collection": "always",
        "subscription_data": subscription,
        "success_url": _with_checkout_id(request.success_url, checkout_id),
        "cancel_url": request.cancel_url,
        "metadata": metadata,
    }


def _with_checkout_id(url: str, checkout_id: str) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("checkout_id", checkout_id)])
    return urlunsplit(parts._replace(query=query))


def _instant(epoch_seconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)


def _checkout(row: CheckoutRow, *, created: bool) -> Checkout:
    assert row.url is not None  # noqa: S101 - _opened returns no other
    assert row.expires_at is not None  # noqa: S101 - set together with the URL
    return Checkout(
        id=row.id,
        url=row.url,
        expires_at=row.expires_at,
        trial=TrialEligibility.from_json(row.trial),
        disclosure=Disclosure.from_json(row.disclosure),
        created=created,
    )
