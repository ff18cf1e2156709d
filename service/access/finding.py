"""Finding out what a decision needs: from the meter, from PostgreSQL where Redis has no answer, and from the guard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from metering.budget import Shared
from metering.guard import Ticket
from metering.meter import Guarding, MeterUnavailable, Outcome, Pass, Readings, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.links import Links
from service.access.newcomers import Newcomers
from service.access.passes import Publisher, Record, Standing, entitlement_in
from service.access.question import Question
from service.access.visitor_ids import VisitorIds
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.entitlement import Entitlement
from service.exemptions.ranges import Address

log = structlog.get_logger(__name__)


class Finding(NamedTuple):
    """What the parts said: an entitlement, or readings, or neither; and which part was missing.

    `blind`: neither Redis nor PostgreSQL can be asked, so a payer may be among those who come now. `signed_id` is the
    minted visitor's, once the guard has let them in.
    """

    readings: Readings | None = None
    entitlement: Entitlement | None = None
    degraded: str | None = None
    blind: bool = False
    signed_id: str | None = None


NOTHING = Finding()


class _Search(NamedTuple):
    """What the parts are asked: about whom, which articles the meter is to see, and when by either clock."""

    subject: Subject
    metered: Sequence[str]
    consume: bool
    now: datetime
    wall_now: datetime


class Finder:
    """Asks Redis, and PostgreSQL where Redis has no answer; tells what was missing instead of raising."""

    def __init__(
        self,
        *,
        meter: RedisMeter,
        record: Record,
        publisher: Publisher,
        links: Links,
        newcomers: Newcomers,
        visitor_ids: VisitorIds,
        catalog: Catalog,
        wall_clock: Clock,
    ) -> None:
        self._meter = meter
        self._record = record
        self._publisher = publisher
        self._links = links
        self._newcomers = newcomers
        self._visitor_ids = visitor_ids
        self._catalog = catalog
        self._wall_clock = wall_clock

    def one_decision(self) -> Shared:
        """Return a context in which all that this thread asks of the record waits no longer than one question may."""
        return self._record.one_decision()

    def find(self, subject: Subject, asked: Question, metered: Sequence[str], now: datetime) -> Finding:
        """Return what the parts say of `subject` and the `metered` among the articles; counts these if that was asked.

        `now` is business time.
        """
        search = _Search(subject, metered, asked.consume, now, self._wall_clock())
        try:
            client_ip = asked.evidence.client_ip
            if client_ip is not None and self._is_guarded(search):
                return self._past_the_guard(search, asked.visitor_id, client_ip)
            readings = self._ask(search)
        except MeterUnavailable:
            return self._without_redis(subject, now)
        if readings.standing.outcome is not Outcome.UNKNOWN:
            return _found(readings)
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return Finding(degraded="database")
        return self._ask_again(search, asked, standing)

    def _is_guarded(self, search: _Search) -> bool:
        """Tell whether somebody may be a newcomer where they come from; readers and those we signed are none."""
        subject = search.subject
        if subject.kind is SubjectKind.READER or not self._newcomers.are_guarded or not search.metered:
            return False
        return not self._visitor_ids.is_signed(subject.id)

    def _past_the_guard(self, search: _Search, visitor_id: str | None, client_ip: Address) -> Finding:
        """Ask about a visitor who may be a newcomer; raises MeterUnavailable."""
        if visitor_id is None:
            return self._minted_past_the_guard(search, client_ip)
        if self._meter.can_judge:
            return self._judged(search, client_ip)
        readings = self._ask(search, Guarding.ASK)
        newcomer = readings.standing.outcome is Outcome.NEWCOMER
        if newcomer and self._admit(search, client_ip, adds=search.consume):
            readings = self._ask(search, Guarding.VOUCHED)
        return _found(readings)

    def _judged(self, search: _Search, client_ip: Address) -> Finding:
        """Have the guard judge a newcomer where their reads are counted, in one round trip; raises MeterUnavailable."""
        ticket = self._newcomers.ticket(search.subject.id, client_ip, search.wall_now)
        readings = self._ask(search, Guarding.JUDGED, ticket=ticket)
        if readings.let_in or readings.standing.outcome is Outcome.NEWCOMER:
            self._newcomers.judged(admitted=readings.let_in)
        return _found(readings)

    def _minted_past_the_guard(self, search: _Search, client_ip: Address) -> Finding:
        """Ask about a visitor whose id we have just made, who is new without asking; raises MeterUnavailable.

        The id is signed once the guard has let them in, never before: else ids could be collected where nothing is
        counted, and be used where it is.
        """
        if not self._admit(search, client_ip, adds=True):
            return _found(self._ask(search, Guarding.ASK))
        signed = search.subject._replace(id=self._visitor_ids.sign(search.subject.id))
        return _found(self._ask(search._replace(subject=signed)))._replace(signed_id=signed.id)

    def _admit(self, search: _Search, client_ip: Address, *, adds: bool) -> bool:
        return self._newcomers.admit(search.subject.id, client_ip, adds=adds, wall_now=search.wall_now)

    def _ask_again(self, search: _Search, asked: Question, standing: Standing) -> Finding:
        """Publish what the record says, then ask again: the script counts only for a reader known to lack a pass."""
        entitled = standing.entitlement.grants_at(search.now)
        try:
            if asked.reader_id is not None and asked.visitor_id is not None:
                # Redis may have been emptied; then the browser's link is gone as well.
                self._links.ensure(asked.reader_id, asked.visitor_id, now=search.now, anew=True)
            if entitled:
                self._publisher.publish_standing(search.subject.id, standing)
                return Finding(entitlement=standing.entitlement)
            # As of now: what is published is noted by its minute, and looked for by this one's.
            search = search._replace(wall_now=self._wall_clock())
            return _found(self._ask(search, published=self._publisher.pass_of(standing)))
        except MeterUnavailable:
            return Finding(entitlement=standing.entitlement if entitled else None, degraded="redis")

    def _ask(
        self,
        search: _Search,
        guarding: Guarding = Guarding.OFF,
        published: Pass | None = None,
        ticket: Ticket | None = None,
    ) -> Readings:
        subject, metered, consume, now, wall_now = search
        meter = self._catalog.meter
        return self._meter.ask_many(
            subject,
            metered,
            limit=meter.limit_reader if subject.kind is SubjectKind.READER else meter.limit_visitor,
            window=self._catalog.window_at(now),
            consume=consume,
            now=now,
            wall_now=wall_now,
            guarding=guarding,
            published=published,
            ticket=ticket,
        )

    def _without_redis(self, subject: Subject, now: datetime) -> Finding:
        """Redis gave no answer: subscribers are still found in PostgreSQL, others fall to the outage policy.

        A visitor is not in the record, so whether it is away as well is known from those who were looked for in it.
        """
        if subject.kind is SubjectKind.VISITOR:
            return Finding(degraded="redis", blind=self._record.is_away)
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return Finding(degraded="redis", blind=True)
        return Finding(
            entitlement=standing.entitlement if standing.entitlement.grants_at(now) else None, degraded="redis"
        )


def _found(readings: Readings) -> Finding:
    standing = readings.standing
    entitlement = entitlement_in(standing.carried) if standing.carried and standing.outcome is Outcome.PASS else None
    return Finding(readings, entitlement)
