"""Finding out what a decision needs: from the meter, from PostgreSQL where Redis has no answer, and from the guard."""

from __future__ import annotations

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
from service.access.question import BatchQuestion
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

    def find(self, subject: Subject, asked: BatchQuestion, now: datetime) -> Finding:
        """Return what the parts say of `subject` and these articles at business `now`; counts if that was asked."""
        try:
            client_ip = self._guarded(subject, asked)
            if client_ip is not None:
                return self._past_the_guard(subject, asked, client_ip, now)
            readings = self._ask(subject, asked, now)
        except MeterUnavailable:
            return self._without_redis(subject, now)
        if readings.standing.outcome is not Outcome.UNKNOWN:
            return _found(readings)
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return Finding(degraded="database")
        return self._ask_again(subject, asked, standing, now)

    def _guarded(self, subject: Subject, asked: BatchQuestion) -> Address | None:
        """Return whence somebody comes who may be a newcomer there; readers and those we signed are none."""
        client_ip = asked.evidence.client_ip
        if client_ip is None or subject.kind is SubjectKind.READER or not self._newcomers.are_guarded:
            return None
        metered = any(article.is_metered for article in asked.articles)
        return client_ip if metered and not self._visitor_ids.is_signed(subject.id) else None

    def _past_the_guard(self, visitor: Subject, asked: BatchQuestion, client_ip: Address, now: datetime) -> Finding:
        """Ask about a visitor who may be a newcomer; raises MeterUnavailable."""
        if asked.visitor_id is None:
            return self._minted_past_the_guard(visitor, asked, client_ip, now)
        if self._meter.can_judge:
            return self._judged(visitor, asked, client_ip, now)
        readings = self._ask(visitor, asked, now, Guarding.ASK)
        newcomer = readings.standing.outcome is Outcome.NEWCOMER
        if newcomer and self._admit(visitor, client_ip, adds=asked.consume):
            readings = self._ask(visitor, asked, now, Guarding.VOUCHED)
        return _found(readings)

    def _judged(self, visitor: Subject, asked: BatchQuestion, client_ip: Address, now: datetime) -> Finding:
        """Have the guard judge a newcomer where their reads are counted, in one round trip; raises MeterUnavailable."""
        ticket = self._newcomers.ticket(visitor.id, client_ip, self._wall_clock())
        readings = self._ask(visitor, asked, now, Guarding.JUDGED, ticket=ticket)
        if readings.let_in or readings.standing.outcome is Outcome.NEWCOMER:
            self._newcomers.judged(admitted=readings.let_in)
        return _found(readings)

    def _minted_past_the_guard(
        self, visitor: Subject, asked: BatchQuestion, client_ip: Address, now: datetime
    ) -> Finding:
        """Ask about a visitor whose id we have just made, who is new without asking; raises MeterUnavailable.

        The id is signed once the guard has let them in, never before: else ids could be collected where nothing is
        counted, and be used where it is.
        """
        if not self._admit(visitor, client_ip, adds=True):
            return _found(self._ask(visitor, asked, now, Guarding.ASK))
        signed = visitor._replace(id=self._visitor_ids.sign(visitor.id))
        return _found(self._ask(signed, asked, now))._replace(signed_id=signed.id)

    def _admit(self, visitor: Subject, client_ip: Address, *, adds: bool) -> bool:
        return self._newcomers.admit(visitor.id, client_ip, adds=adds, wall_now=self._wall_clock())

    def _ask_again(self, subject: Subject, asked: BatchQuestion, standing: Standing, now: datetime) -> Finding:
        """Publish what the record says, then ask again: the script counts only for a reader known to lack a pass."""
        entitled = standing.entitlement.grants_at(now)
        try:
            if asked.reader_id is not None and asked.visitor_id is not None:
                # Redis may have been emptied; then the browser's link is gone as well.
                self._links.ensure(asked.reader_id, asked.visitor_id, now=now, anew=True)
            if entitled:
                self._publisher.publish_standing(subject.id, standing)
                return Finding(entitlement=standing.entitlement)
            return _found(self._ask(subject, asked, now, published=self._publisher.pass_of(standing)))
        except MeterUnavailable:
            return Finding(entitlement=standing.entitlement if entitled else None, degraded="redis")

    def _ask(
        self,
        subject: Subject,
        asked: BatchQuestion,
        now: datetime,
        guarding: Guarding = Guarding.OFF,
        published: Pass | None = None,
        ticket: Ticket | None = None,
    ) -> Readings:
        meter = self._catalog.meter
        return self._meter.ask_many(
            subject,
            [article.id for article in asked.articles if article.is_metered],
            limit=meter.limit_reader if subject.kind is SubjectKind.READER else meter.limit_visitor,
            window=self._catalog.window_at(now),
            consume=asked.consume,
            now=now,
            wall_now=self._wall_clock(),
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
    return Finding(readings=readings, entitlement=entitlement)
