"""Erasing a reader: everything here that names them, in one transaction; and once more for what was under way.

What is kept, and why: docs/privacy.md. An erasure is refused while anything is still to be charged.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, Engine, Table, exists, or_, select

from metering.meter import MeterUnavailable, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from metering.window import Window
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.erasure import erased_digest
from service.errors import Conflict, InvalidRequest, NotFound, Unavailable
from service.privacy.everything import HELD, counted
from service.privacy.person import Person, find_person
from service.privacy.stripe_steps import steps_at_stripe
from service.privacy.whose import of_customer
from service.store import accounts, checkouts, erased, merges
from service.store.money_tables import warned_charges
from service.store.tables import repeated_cards, subscriptions
from service.support.audit import Trail
from webhooks.rows import locked

SETTLE_SECONDS = 1.5
"""What was decided about the reader just before is written down a second later, by whichever process decided it."""
TRIES, PAUSE_SECONDS = 5, 0.2
OVER = ("canceled", "incomplete_expired")


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What an erasure would do: rows by table, and why it can't be done yet, if it can't."""

    reader_id: str
    customer_ids: Sequence[str]
    rows: Mapping[str, int]
    obstacle: Conflict | None


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was done: rows by table, and what is left to be done at Stripe.

    `before` is when the reader had been erased before this. What was to be done at Stripe was told then; it is told
    again only of customers whom the caller still can name, for their numbers are not kept.
    """

    rows: Mapping[str, int]
    at_stripe: Sequence[str]
    before: datetime | None = None


class Erasures:
    """Erases readers. `sync_now` looks at Stripe, `close_checkout` ends what could still be paid."""

    def __init__(
        self,
        engine: Engine,
        meter: RedisMeter,
        catalog: Catalog,
        *,
        key: str,
        sync_now: Callable[[str], None],
        close_checkout: Callable[[str], None],
        business_clock: Clock,
        wall_clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._meter = meter
        self._catalog = catalog
        self._digest = partial(erased_digest, key=key)
        self._sync_now = sync_now
        self._close_checkout = close_checkout
        self._business_clock = business_clock
        self._wall_clock = wall_clock
        self._sleep = sleep

    def prospect(self, reader_id: str) -> Prospect:
        """Return what would be erased, as known now; raises NotFound (`no_account`) when nothing is held."""
        with self._engine.connect() as connection:
            person = find_person(connection, reader_id)
            rows = counted(connection, person)
            obstacle = _obstacle(connection, person)
        if not any(rows[held.name] for held in HELD if held.proves):
            raise NotFound("Nothing is held on this reader.", code="no_account")
        return Prospect(reader_id=reader_id, customer_ids=person.customer_ids, rows=rows, obstacle=obstacle)

    def erase(
        self, reader_id: str, *, reason: str, trail: Trail, ask_stripe: bool = True, customers: Collection[str] = ()
    ) -> Erased:
        """Erase the reader; safe to repeat, also for one of whom nothing is left since.

        `customers` are the numbers that the caller was shown before: should the answer get lost on its way, the next
        one tells again what is to be done at Stripe.
        Without `ask_stripe` what is known of Stripe is believed: for when Stripe does not know the customer at all.
        Raises NotFound (`no_account`) where nothing was ever held, Conflict (`subscription_running`, `work_under_way`,
        `already_subscribed`, `payment_processing`, `account_merged`), InvalidRequest when the reason says whom it is
        about,
        StripeUnavailable; Unavailable (`erasure_incomplete`) without Redis: repeat it.
        """
        known, before = self._known(reader_id)
        _refuse_names(reason, known)
        if ask_stripe:
            self._look_at_stripe(known)
        with self._engine.begin() as connection:
            person = self._held_still(connection, reader_id)
            rows = self._sweep(connection, person)
            self._forget_in_redis(person)
            rows["audit_details"] = trail.erased(
                connection, subjects=person.reader_ids, mentions=person.words, reason=reason,
                who=self._digest("reader", reader_id),
            )  # fmt: skip
        self._once_more(person)
        named = self._erased_among({*known.customer_ids, *person.customer_ids, *customers})
        return Erased(rows=rows, at_stripe=steps_at_stripe(named), before=before)

    def _known(self, reader_id: str) -> tuple[Person, datetime | None]:
        """Return somebody on whom something is held, or was: any other word would erase whatever has it in the log."""
        with self._engine.connect() as connection:
            person = find_person(connection, reader_id)
            before = erased.erased_at(connection, self._digest("reader", reader_id))
        if before is None:
            self.prospect(reader_id)
        return person, before

    def _erased_among(self, customer_ids: Collection[str]) -> list[str]:
        """Return those of the customers that were erased here, now or before."""
        with self._engine.connect() as connection:
            digests = {each: self._digest("customer", each) for each in sorted(customer_ids)}
            return [each for each, digest in digests.items() if erased.is_erased(connection, digest)]

    def _look_at_stripe(self, person: Person) -> None:
        for each in person.reader_ids:
            self._close_checkout(each)
        for customer_id in person.customer_ids:
            self._sync_now(customer_id)

    def _held_still(self, connection: Connection, reader_id: str) -> Person:
        """Return the person once no sync can write about them, their hashes noted; raises what stands in the way.

        Nor can a checkout be opened any more for whom nothing would be taken in: its row points at the account, and
        PostgreSQL holds an insert back whose foreign key needs a row that is locked for update, then refuses it, the
        account being gone. So whatever was opened while Stripe was looked at is seen here; and a reader without an
        account has no customer of whom nothing would be taken in.
        """
        for customer_id in find_person(connection, reader_id).customer_ids:
            locked(connection, customer_id)
        for each in sorted(find_person(connection, reader_id).reader_ids):  # in the order in which a merge takes two
            accounts.lock(connection, each)
        person = find_person(connection, reader_id)
        obstacle = _obstacle(connection, person)
        if obstacle is not None:
            raise obstacle
        self._refuse_payable(connection, person)
        hashed = {self._digest("customer", each): "customer" for each in person.customer_ids}
        hashed |= {self._digest("reader", each): "reader" for each in person.reader_ids}
        erased.note(connection, hashed, self._wall_clock())
        return person

    def _refuse_payable(self, connection: Connection, person: Person) -> None:
        """Raise Conflict while a page is open on which the person could pay for what nobody would hear of."""
        for pending in (checkouts.pending(connection, each) for each in person.reader_ids):
            if pending and pending.payable_until > self._wall_clock():
                raise Conflict("A checkout is open, or was opened just now; try again.", code="work_under_way")

    def _sweep(self, connection: Connection, person: Person) -> dict[str, int]:
        return {held.name: held.fate(connection, held, person, self._digest) for held in HELD}

    def _once_more(self, person: Person) -> None:
        """Erase what others had begun to write before they could know: an event, a decision, a pass."""
        self._sleep(SETTLE_SECONDS)
        with self._engine.begin() as connection:
            self._sweep(connection, person)
        self._forget_in_redis(person)

    def _forget_in_redis(self, person: Person) -> None:
        window = self._catalog.window_at(self._business_clock())
        before = window.reaches_back_to.astimezone(UTC) - timedelta(seconds=1)  # a month may be longer than the last
        windows = [window, self._catalog.window_at(before)]
        subjects = [Subject(SubjectKind.READER, each) for each in person.reader_ids]
        subjects += [Subject(SubjectKind.VISITOR, each) for each in person.visitor_ids]
        for subject in subjects:
            self._forget(subject, windows)

    def _forget(self, subject: Subject, windows: Sequence[Window]) -> None:
        """Try more than once: the meter waits no longer than a decision may."""
        for left in reversed(range(TRIES)):
            try:
                self._meter.forget(subject, windows=windows)
            except MeterUnavailable as error:
                if not left:
                    told = "Redis does not answer; erase the reader again."
                    raise Unavailable(told, code="erasure_incomplete") from error
                self._sleep(PAUSE_SECONDS)
            else:
                return


def _obstacle(connection: Connection, person: Person) -> Conflict | None:
    """Return why nothing may be erased yet: something is to be charged still, or given back, or is another's."""
    staying = merges.stays(connection, person.reader_id)
    if staying not in person.reader_ids:
        told = f"This account was made one with that of {staying}: erase that reader, and both are gone."
        return Conflict(told, code="account_merged")
    standing = connection.execute(_STANDING, person.parameters).one()
    if standing.running:
        return Conflict(
            "A subscription is running: cancel it at once, not at its period's end, and erase the reader then.",
            code="subscription_running",
        )
    if standing.unsettled:
        return Conflict("A payment is just being given back; try again in a minute.", code="work_under_way")
    return None


def _any_of(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(of_customer(table), *conditions)


_STANDING = select(
    _any_of(subscriptions, subscriptions.c.plan.is_not(None), subscriptions.c.status.not_in(OVER)).label("running"),
    or_(*(_any_of(each, each.c.settled_at.is_(None)) for each in (warned_charges, repeated_cards))).label("unsettled"),
)
"""What is to be charged or given back of a person's."""


def _refuse_names(reason: str, person: Person) -> None:
    """Raise InvalidRequest for a reason that would keep in the log what the erasure takes out of it."""
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", reason, re.IGNORECASE) for name in person.names):
        raise InvalidRequest(
            "The reason stays in the audit log for good.",
            errors={"reason": ["Don't say whom it is about: neither their ids nor their e-mail address."]},
        )
