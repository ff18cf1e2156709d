"""The door: may this subject read this article? One Redis round trip; PostgreSQL only for an unknown reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import structlog
from sqlalchemy.exc import SQLAlchemyError

from metering.meter import Guarding, MeterUnavailable, Outcome, Pass, Reading, Readings, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.links import Links
from service.access.newcomers import Newcomers
from service.access.passes import Publisher, Record, Standing, entitlement_in
from service.access.trials import Trials
from service.access.visitor_ids import VisitorIds, mint_visitor_id
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
class BatchQuestion:
    """What the site asks for a page of teasers: many articles, one subject."""

    articles: Sequence[Article]
    reader_id: str | None
    visitor_id: str | None
    consume: bool
    client_ip: str | None = None


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
    """What the parts said: an entitlement, or readings, or neither; and which part was missing.

    `blind`: neither Redis nor PostgreSQL could be asked, so a payer may be among those who come now. `signed_id` is
    the minted visitor's, once the guard has let them in.
    """

    readings: Readings | None = None
    entitlement: Entitlement | None = None
    degraded: str | None = None
    blind: bool = False
    signed_id: str | None = None


_NOTHING = _Finding()


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
        newcomers: Newcomers,
        visitor_ids: VisitorIds,
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
        self._newcomers = newcomers
        self._visitor_ids = visitor_ids
        self._catalog = catalog
        self._journal = journal
        self._allow_on_outage = allow_on_outage
        self._business_clock = business_clock
        self._wall_clock = wall_clock

    def decide(self, question: Question) -> Answer:
        """Return the answer; never raises for a well-formed question, whatever part is down."""
        asked = BatchQuestion(
            articles=(question.article,),
            reader_id=question.reader_id,
            visitor_id=question.visitor_id,
            consume=question.consume,
            client_ip=question.evidence.client_ip,
        )
        now = self._business_clock()
        reason = self._exemption(question, now)
        with self._meter.one_decision():
            subject, visitor_id = self._subject(asked, now)
            if reason is None:
                return self._by_meter(subject, visitor_id, asked, now)[0]
            decision = self._by_own_right(subject, asked, now) or exempted(reason, now)
        return Answer(decision=decision, visitor_id=visitor_id, degraded=None)

    def decide_many(self, asked: BatchQuestion) -> list[Answer]:
        """Return the answers that one question after the other would get, at the price of one; never raises either."""
        now = self._business_clock()
        with self._meter.one_decision():
            subject, visitor_id = self._subject(asked, now)
            return self._by_meter(subject, visitor_id, asked, now)

    def _subject(self, asked: BatchQuestion, now: datetime) -> tuple[Subject, str | None]:
        """Return whom the question is about, and the visitor's id; with both ids they are linked first."""
        visitor_id = asked.visitor_id
        if asked.reader_id is None:
            visitor_id = visitor_id or mint_visitor_id()
            return Subject(SubjectKind.VISITOR, visitor_id), visitor_id
        if visitor_id is not None:
            self._links.ensure(asked.reader_id, visitor_id, now=now)
        return Subject(SubjectKind.READER, asked.reader_id), visitor_id

    def _by_meter(self, subject: Subject, visitor_id: str | None, asked: BatchQuestion, now: datetime) -> list[Answer]:
        finding = _NOTHING
        if any(article.access is not Access.FREE for article in asked.articles):
            finding = self._find(subject, asked, now)
        answers = self._answers(asked, finding, finding.signed_id or visitor_id, now)
        self._note(asked, answers, finding)
        return answers

    def _note(self, asked: BatchQuestion, answers: list[Answer], finding: _Finding) -> None:
        if len(answers) > 1 and not asked.consume:
            return  # the locks on a page of teasers are no walls that a reader met, and there are very many
        terms = self._outage_terms(finding)
        for article, answer in zip(asked.articles, answers, strict=True):
            self._journal.note(
                article,
                answer.decision,
                reader_id=asked.reader_id,
                visitor_id=answer.visitor_id,
                consume=asked.consume,
                degraded=answer.degraded,
                outage=None if article.access is Access.FREE else terms,
            )

    def _exemption(self, question: Question, now: datetime) -> Reason | None:
        """Return why the question needs no meter; a free article needs no reason."""
        if question.article.access is Access.FREE:
            return None
        return self._exemptions.reason(question.evidence, question.article, now)

    def _by_own_right(self, subject: Subject, asked: BatchQuestion, now: datetime) -> Decision | None:
        """Return what a reader's own entitlement opens, uncounted; None without one that does.

        It goes before any exemption, for it has features: a subscriber who follows a newsletter's link stays ad-free.
        """
        if subject.kind is SubjectKind.VISITOR:
            return None
        unmetered = tuple(replace(article, access=Access.SUBSCRIBERS) for article in asked.articles)
        asked = replace(asked, articles=unmetered)
        finding = self._find(subject, asked, now)
        decision = self._answers(asked, finding, None, now)[0].decision if finding.entitlement else None
        return decision if decision and decision.granted else None

    def _outage_terms(self, finding: _Finding) -> OutageTerms | None:
        """Return what the failure policy goes by, where it has to answer."""
        if finding.degraded is None or finding.entitlement is not None:
            return None
        return OutageTerms(
            allow=self._allow_on_outage or not finding.blind,
            maybe_entitled=finding.blind or finding.degraded == "database",
        )

    def _answers(self, asked: BatchQuestion, finding: _Finding, visitor_id: str | None, now: datetime) -> list[Answer]:
        """Return an answer for each article; those of one kind with one reading share it, as most in a batch do."""
        answers, made = [], dict[tuple[object, ...], Answer]()
        likely = cache(self._trials.likely)
        readings = iter(finding.readings.each if finding.readings else ())
        standing = finding.readings.standing if finding.readings else None
        for article in asked.articles:
            reading = next(readings, None) if article.is_metered else standing
            # Equal readings are one object, which `finding` keeps alive; hashing values costs more than deciding.
            like = article.access, article.feature, id(reading)
            answer = made.get(like)
            if answer is None:
                about = _NOTHING if article.access is Access.FREE else finding
                decision = self._decide(article, reading, about, asked, likely, now)
                answer = made[like] = Answer(decision=decision, visitor_id=visitor_id, degraded=about.degraded)
            answers.append(answer)
        return answers

    def _decide(
        self,
        article: Article,
        reading: Reading | None,
        finding: _Finding,
        asked: BatchQuestion,
        likely: Callable[[str], bool],
        now: datetime,
    ) -> Decision:
        signed_in = asked.reader_id is not None
        terms = self._outage_terms(finding)
        if terms is not None:
            return outage(
                article,
                self._catalog,
                allow=terms.allow,
                signed_in=signed_in,
                maybe_entitled=terms.maybe_entitled,
                now=now,
            )
        decision = decide(
            article,
            reading,
            finding.entitlement,
            self._catalog,
            consume=asked.consume,
            signed_in=signed_in,
            trial_eligible=True,
            now=now,
        )
        if decision.wall is None or asked.reader_id is None:
            return decision
        return replace(decision, wall=replace(decision.wall, trial_eligible=likely(asked.reader_id)))

    def _find(self, subject: Subject, asked: BatchQuestion, now: datetime) -> _Finding:
        try:
            if self._is_guarded(subject, asked):
                return self._past_the_guard(subject, asked, now)
            readings = self._ask(subject, asked, now)
        except MeterUnavailable:
            return self._without_redis(subject, now)
        if readings.standing.outcome is not Outcome.UNKNOWN:
            return _found(readings)
        try:
            standing = self._record.standing(subject.id, now)
        except SQLAlchemyError as error:
            log.warning("record_unavailable", error=type(error).__name__)
            return _Finding(degraded="database")
        return self._ask_again(subject, asked, standing, now)

    def _is_guarded(self, subject: Subject, asked: BatchQuestion) -> bool:
        """Tell whether this may be a newcomer, who costs the network a place; readers and those we signed are none."""
        if subject.kind is SubjectKind.READER or not self._newcomers.are_guarded(asked.client_ip):
            return False
        return any(article.is_metered for article in asked.articles) and not self._visitor_ids.is_signed(subject.id)

    def _past_the_guard(self, visitor: Subject, asked: BatchQuestion, now: datetime) -> _Finding:
        """Ask about a visitor who may be a newcomer; raises MeterUnavailable."""
        if asked.visitor_id is None:
            return self._minted_past_the_guard(visitor, asked, now)
        readings = self._ask(visitor, asked, now, Guarding.ASK)
        if readings.standing.outcome is Outcome.NEWCOMER and self._admit(visitor, asked, adds=asked.consume):
            readings = self._ask(visitor, asked, now, Guarding.VOUCHED)
        return _found(readings)

    def _minted_past_the_guard(self, visitor: Subject, asked: BatchQuestion, now: datetime) -> _Finding:
        """Ask about a visitor whose id we have just made, who is new without asking; raises MeterUnavailable.

        The id is signed once the guard has let them in, never before: else ids could be collected where nothing is
        counted, and be used where it is.
        """
        if not self._admit(visitor, asked, adds=True):
            return _found(self._ask(visitor, asked, now, Guarding.ASK))
        signed = replace(visitor, id=self._visitor_ids.sign(visitor.id))
        return replace(_found(self._ask(signed, asked, now)), signed_id=signed.id)

    def _admit(self, visitor: Subject, asked: BatchQuestion, *, adds: bool) -> bool:
        return self._newcomers.admit(visitor.id, asked.client_ip or "", adds=adds, wall_now=self._wall_clock())

    def _ask_again(self, subject: Subject, asked: BatchQuestion, standing: Standing, now: datetime) -> _Finding:
        """Publish what the record says, then ask again: the script counts only for a reader known to lack a pass."""
        entitled = standing.entitlement.grants_at(now)
        try:
            if asked.reader_id is not None and asked.visitor_id is not None:
                # Redis may have been emptied; then the browser's link is gone as well.
                self._links.ensure(asked.reader_id, asked.visitor_id, now=now, anew=True)
            if entitled:
                self._publisher.publish_standing(subject.id, standing)
                return _Finding(entitlement=standing.entitlement)
            return _found(self._ask(subject, asked, now, published=self._publisher.pass_of(standing)))
        except MeterUnavailable:
            return _Finding(entitlement=standing.entitlement if entitled else None, degraded="redis")

    def _ask(
        self,
        subject: Subject,
        asked: BatchQuestion,
        now: datetime,
        guarding: Guarding = Guarding.OFF,
        published: Pass | None = None,
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


def _found(readings: Readings) -> _Finding:
    standing = readings.standing
    entitlement = entitlement_in(standing.carried) if standing.carried and standing.outcome is Outcome.PASS else None
    return _Finding(readings=readings, entitlement=entitlement)
