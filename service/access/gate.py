"""The door: may this subject read this article? One Redis round trip; PostgreSQL only for an unknown reader."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from metering.meter import MeterUnavailable, Outcome, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from metering.window import window_at
from service.access.links import Links
from service.access.passes import Publisher, Record, Standing, entitlement_in
from service.access.trials import Trials
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Decision, Reason, decide, exempted, outage
from service.domain.entitlement import Entitlement
from service.exemptions.rules import NO_EVIDENCE, Evidence, Exemptions
from service.journal.entry import OutageTerms
from service.journal.journal import Notes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the site asks. With both ids the reader is the subject and the visitor is linked."""

    article: Article
    reader_id: str | None
    visitor_id: str | None
    consume: bool
    evidence: Evidence = NO_EVIDENCE


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The decision, the visitor it was about (freshly minted when neither id came), and what was missing.

    `degraded` is None, `redis` or `database`.
    """

    decision: Decision
    visitor_id: str | None
    degraded: str | None


@dataclass(frozen=True)
class _Finding:
    """What the parts said: an entitlement, or a reading, or neither; and which part was missing.

    `blind`: neither Redis nor PostgreSQL could be asked, so a payer may be among those who come now.
    """

    reading: Reading | None = None
    entitlement: Entitlement | None = None
    degraded: str | None = None
    blind: bool = False


class Gate:
    """Answers decisions by the failure policy: a payer is never refused because a part is down."""

    def __init__(
        self,
        *,
        meter: RedisMeter,
        record: Record,
        publisher: Publisher,
        links: Links,
        trials: Trials,
        exemptions: Exemptions,
        catalog: Catalog,
        journal: Notes,
        allow_on_outage: bool,
        business_clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self._meter = meter
        self._record = record
        self._publisher = publisher
        self._links = links
        self._trials = trials
        self._exemptions = exemptions
        self._catalog = catalog
        self._journal = journal
        self._allow_on_outage = allow_on_outage
        self._business_clock = business_clock
        self._wall_clock = wall_clock

    def decide(self, question: Question) -> Answer:
        """Return the answer; never raises for a well-formed question, whatever part is down."""
        now = self._business_clock()
        visitor_id = question.visitor_id
        if question.reader_id is None and visitor_id is None:
            visitor_id = mint_visitor_id()
        if question.reader_id is not None and visitor_id is not None:
            self._links.ensure(question.reader_id, visitor_id, now=now)
        subject = _subject(question.reader_id, visitor_id)
        reason = self._exemption(question, now)
        if reason is not None:
            decision = self._by_own_right(subject, question, now) or exempted(reason, now)
            return Answer(decision=decision, visitor_id=visitor_id, degraded=None)
        finding = _Finding() if question.article.access is Access.FREE else self._find(subject, question, now)
        terms = self._outage_terms(finding)
        decision = self._decide(question, finding, terms, now)
        self._journal.note(
            question.article,
            decision,
            reader_id=question.reader_id,
            visitor_id=visitor_id,
            consume=question.consume,
            degraded=finding.degraded,
            outage=terms,
        )
        return Answer(decision=decision, visitor_id=visitor_id, degraded=finding.degraded)

    def _exemption(self, question: Question, now: datetime) -> Reason | None:
        """Return why the question needs no meter; a free article needs no reason."""
        if question.article.access is Access.FREE:
            return None
        return self._exemptions.reason(question.evidence, question.article, now)

    def _by_own_right(self, subject: Subject, question: Question, now: datetime) -> Decision | None:
        """Return what a reader's own entitlement opens, uncounted; None without one that does.

        It goes before any exemption, for it has features: a subscriber who follows a newsletter's link stays ad-free.
        """
        if subject.kind is SubjectKind.VISITOR:
            return None
        unmetered = replace(question, article=replace(question.article, access=Access.SUBSCRIBERS))
        finding = self._find(subject, unmetered, now)
        decision = self._decide(unmetered, finding, None, now) if finding.entitlement else None
        return decision if decision and decision.granted else None

    def _outage_terms(self, finding: _Finding) -> OutageTerms | None:
        """Return what the failure policy goes by, where it has to answer."""
        if finding.degraded is None or finding.entitlement is not None:
            return None
        return OutageTerms(
            allow=self._allow_on_outage or not finding.blind,
            maybe_entitled=finding.blind or finding.degraded == "database",
        )

    def _decide(self, question: Question, finding: _Finding, terms: OutageTerms | None, now: datetime) -> Decision:
        if terms is not None:
            return outage(
                question.article,
                self._catalog,
                allow=terms.allow,
                signed_in=question.reader_id is not None,
                maybe_entitled=terms.maybe_entitled,
                now=now,
            )
        decision = decide(
            question.article,
            finding.reading,
            finding.entitlement,
            self._catalog,
            consume=question.consume,
            signed_in=question.reader_id is not None,
            trial_eligible=True,
            now=now,
        )
        if decision.wall is None or question.reader_id is None:
            return decision
        eligible = self._trials.likely(question.reader_id)
        return replace(decision, wall=replace(decision.wall, trial_eligible=eligible))

    def _find(self, subject: Subject, question: Question, now: datetime) -> _Finding:
        try:
            reading = self._ask(subject, question, now)
        except MeterUnavailable:
            return self._without_redis(subject, now)
        if reading.outcome is not Outcome.UNKNOWN:
            return _found(reading)
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return _Finding(degraded="database")
        return self._ask_again(subject, question, standing, now)

    def _ask_again(self, subject: Subject, question: Question, standing: Standing, now: datetime) -> _Finding:
        """Publish what the record says, then ask again: the script counts only for a reader known to lack a pass."""
        entitled = standing.entitlement.grants_at(now)
        try:
            self._publisher.publish_standing(subject.id, standing)
            if entitled:
                return _Finding(entitlement=standing.entitlement)
            return _found(self._ask(subject, question, now))
        except MeterUnavailable:
            return _Finding(entitlement=standing.entitlement if entitled else None, degraded="redis")

    def _ask(self, subject: Subject, question: Question, now: datetime) -> Reading:
        meter = self._catalog.meter
        return self._meter.ask(
            subject,
            question.article.id,
            limit=meter.limit_reader if subject.kind is SubjectKind.READER else meter.limit_visitor,
            window=window_at(meter.window, now, self._catalog.zone),
            consume=question.consume,
            metered=question.article.access is Access.METERED and question.article.feature is None,
            now=now,
            wall_now=self._wall_clock(),
        )

    def _without_redis(self, subject: Subject, now: datetime) -> _Finding:
        """Redis gave no answer: subscribers are still found in PostgreSQL, others fall to the outage policy."""
        if subject.kind is SubjectKind.VISITOR:
            return _Finding(degraded="redis")
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return _Finding(degraded="redis", blind=True)
        return _Finding(
            entitlement=standing.entitlement if standing.entitlement.grants_at(now) else None, degraded="redis"
        )


def mint_visitor_id() -> str:
    """Return a fresh first-party id for an anonymous browser."""
    return f"v_{secrets.token_urlsafe(16)}"


def _subject(reader_id: str | None, visitor_id: str | None) -> Subject:
    if reader_id is not None:
        return Subject(SubjectKind.READER, reader_id)
    assert visitor_id is not None  # noqa: S101 - minted above when the site sent none
    return Subject(SubjectKind.VISITOR, visitor_id)


def _found(reading: Reading) -> _Finding:
    entitlement = entitlement_in(reading.carried) if reading.carried and reading.outcome is Outcome.PASS else None
    return _Finding(reading=reading, entitlement=entitlement)
