"""What must hold at every moment, and what must hold once every hint is applied. Raises Violation, which says who."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sandbox.simulation import oracle
from sandbox.simulation.newsroom import Newsroom
from sandbox.simulation.oracle import Opinion, Staff, Truth
from sandbox.simulation.people import People, Reader
from service.domain.decision import Access
from service.domain.vocabulary import Entitlement
from service.store.tables import accounts, customer_snapshots

NOTICED_WITHIN = 3_600
"""How much later than a boundary a worker that runs has noticed it, in seconds."""


class Violation(AssertionError):
    """Access is not what it must be."""


@dataclass(frozen=True)
class Standing:
    """One reader at one moment: what the service says, what it has last seen, and what is true."""

    reader: Reader
    at: float
    says: Entitlement
    saw: Opinion
    """The oracle's opinion of what the service saw last, as it was then."""
    believes: Opinion
    """The oracle's opinion, now, of what the service saw last."""
    true: Opinion
    """The oracle's opinion of what stands at Stripe now."""
    truth: Truth | None

    @property
    def opens(self) -> bool:
        return self.says.grants_at(_instant(self.at))

    @property
    def is_subscribed(self) -> bool:
        return self.truth is not None and any(
            each["status"] not in ("canceled", "incomplete_expired") for each in self.truth.subscriptions
        )

    @property
    def is_accused(self) -> bool:
        """Tell whether anything ever stood against a payment of theirs."""
        return self.truth is not None and bool(self.truth.disputes or self.truth.warnings or self.truth.refunds)

    @property
    def awaits_a_bank(self) -> bool:
        """Tell whether a debit of theirs is under way."""
        return self.truth is not None and any(each.get("_processing") for each in self.truth.subscriptions)

    def __str__(self) -> str:
        told = {"says": self.says, "saw": self.saw, "believes": self.believes, "true": self.true}
        return f"{self.reader.id} at {self.at}: {told}"


class Judge:
    """Compares the service with the oracle, reader by reader."""

    def __init__(self, room: Newsroom, people: People, plans_file: Path) -> None:
        self._room = room
        self._people = people
        self._terms = oracle.terms_of(plans_file)
        self.compared = 0

    def at_any_moment(self) -> list[Standing]:
        """Hold the service to what it has seen: no more, no less; and to one open checkout, one trial, one payer."""
        return [self._at_any_moment(each) for each in self._standings()]

    def with_a_worker(self, *, webhooks: bool) -> None:
        """Hold a service whose worker has run all the while: to the truth, or without webhooks to a boundary."""
        for each in self._standings():
            if webhooks:
                _demand(each.opens == each.true.granted, "a worker with webhooks is behind", each)
                continue
            _demand(each.opens or not (each.true.granted and each.saw.granted), "a payer is refused", each)
            late = each.opens and not each.true.granted and each.at > _next_look(each) + NOTICED_WITHIN
            _demand(not late, "access goes on beyond a boundary", each)

    def converged(self) -> None:
        """Hold the service, once every hint is applied, to the truth in every word; and to what holds always."""
        for each in self._standings():
            self._at_any_moment(each)
            _demand(_words(each.says, each.at) == _words_of(each.true), "it has converged to something else", each)

    def opens(self, reader: Reader, article: str) -> None:
        """Hold a decision about an article for subscribers to what was seen."""
        standing = next(each for each in self._standings([reader]))
        granted = self._people.read(reader, article, Access.SUBSCRIBERS)
        _demand(granted == standing.believes.granted, f"a decision says {granted}", standing)

    def no_drift(self) -> None:
        """Hold reconcile to finding nothing."""
        found = self._room.paywall.core.convergence.reconcile(repair=False, anew=True)
        if found is None or found.differing:
            raise Violation(f"reconcile finds drift: {found}")

    def _standings(self, readers: list[Reader] | None = None) -> Iterator[Standing]:
        rows, core = self._rows(), self._room.paywall.core
        for reader in self._people.readers if readers is None else readers:
            row = rows.get(reader.id)
            says = core.record.standing(reader.id, self._room.time.clock()).entitlement
            at = self._room.time.seconds()
            self.compared += 1
            truth = self._room.stripe.truth(row.customer_id) if row and row.customer_id else None
            staff = self._people.word_of_staff(reader)
            saw, believes = self._seen(row, at, staff)
            true = oracle.opinion(truth, at, at, self._terms, staff)
            yield Standing(reader, at, says, saw, believes, true, truth)

    def _seen(self, row: Any, now: float, staff: Staff) -> tuple[Opinion, Opinion]:
        """Return the oracle's opinions of what was seen, as it was and as it is now; staff's word is known at once."""
        if row is None or row.fetched_at is None:
            return oracle.NOBODY, oracle.opinion(None, now, now, self._terms, staff)
        seen, at = self._room.stripe.seen[row.customer_id, row.fetched_at], row.fetched_at.timestamp()
        return oracle.opinion(seen, at, at, self._terms, staff), oracle.opinion(seen, at, now, self._terms, staff)

    def _rows(self) -> dict[str, Any]:
        joined = accounts.outerjoin(customer_snapshots, customer_snapshots.c.customer_id == accounts.c.customer_id)
        query = select(accounts.c.reader_id, accounts.c.customer_id, customer_snapshots.c.fetched_at).select_from(
            joined
        )
        with self._room.paywall.core.engine.connect() as connection:
            return {row.reader_id: row for row in connection.execute(query)}

    def _at_any_moment(self, each: Standing) -> Standing:
        self._is_what_was_seen(each)
        self._silence_refuses_nobody(each)
        self._is_sold_once(each)
        return each

    def _is_what_was_seen(self, each: Standing) -> None:
        _demand(_words(each.says, each.at) == _words_of(each.believes), "it says other than it saw", each)

    def _silence_refuses_nobody(self, each: Standing) -> None:
        renewing = each.saw.granted and each.saw.ends is None
        _demand(each.opens or not (renewing and each.true.granted), "silence refuses a payer", each)

    def _is_sold_once(self, each: Standing) -> None:
        if each.truth is None:
            return
        sessions = self._room.stripe.objects("checkout.session", each.truth.customer["id"])
        _demand(sum(its["status"] == "open" for its in sessions) <= 1, "two checkouts are open", each)
        _demand(sum(its["trial_start"] is not None for its in each.truth.subscriptions) <= 1, "a second trial", each)
        _demand(len(oracle.live_subscriptions(each.truth.subscriptions)) <= 1, "two live subscriptions", each)


def _demand(holds: bool, otherwise: str, standing: Standing) -> None:
    if not holds:
        raise Violation(f"{otherwise}: {standing}")


def _words(says: Entitlement, at: float) -> tuple[bool, str, str | None, str | None, float | None]:
    """Return what the service says in the oracle's words."""
    granted = says.grants_at(_instant(at))
    ends = says.horizon.timestamp() if says.horizon and granted else None
    return granted, str(says.status), str(says.cause) if says.cause else None, says.plan if granted else None, ends


def _words_of(said: Opinion) -> tuple[bool, str, str | None, str | None, float | None]:
    plan, ends = (said.plan, said.ends) if said.granted else (None, None)
    return said.granted, said.status, said.cause, plan, ends


def _next_look(each: Standing) -> float:
    """Return the latest boundary of what is there: by then the service has looked again."""
    subscriptions = each.truth.subscriptions if each.truth else ()
    ends = [item["current_period_end"] for its in subscriptions for item in its["items"]["data"]]
    return max(ends, default=0)


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
