"""The door: may this subject read this article? One Redis round trip; PostgreSQL only for an unknown reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from metering.meter import Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.finding import NOTHING, Finder, Finding
from service.access.links import Links
from service.access.question import Answer, BatchQuestion, Question
from service.access.trials import Trials
from service.access.visitor_ids import mint_visitor_id
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Decision, Reason, decide, exempted, outage
from service.exemptions.rules import Exemptions
from service.journal.entry import OutageTerms
from service.journal.journal import Notes


class Gate:
    """Answers decisions by the failure policy: a payer is never refused because a part is down."""

    def __init__(
        self,
        *,
        meter: RedisMeter,
        finder: Finder,
        links: Links,
        trials: Trials,
        exemptions: Exemptions,
        catalog: Catalog,
        journal: Notes,
        allow_on_outage: bool,
        business_clock: Clock,
    ) -> None:
        self._meter = meter
        self._finder = finder
        self._links = links
        self._trials = trials
        self._exemptions = exemptions
        self._catalog = catalog
        self._journal = journal
        self._allow_on_outage = allow_on_outage
        self._business_clock = business_clock

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
        finding = NOTHING
        if any(article.access is not Access.FREE for article in asked.articles):
            finding = self._finder.find(subject, asked, now)
        answers = self._answers(asked, finding, finding.signed_id or visitor_id, now)
        self._note(asked, answers, finding)
        return answers

    def _note(self, asked: BatchQuestion, answers: list[Answer], finding: Finding) -> None:
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
        finding = self._finder.find(subject, asked, now)
        decision = self._answers(asked, finding, None, now)[0].decision if finding.entitlement else None
        return decision if decision and decision.granted else None

    def _outage_terms(self, finding: Finding) -> OutageTerms | None:
        """Return what the failure policy goes by, where it has to answer."""
        if finding.degraded is None or finding.entitlement is not None:
            return None
        return OutageTerms(
            allow=self._allow_on_outage or not finding.blind,
            maybe_entitled=finding.blind or finding.degraded == "database",
        )

    def _answers(self, asked: BatchQuestion, finding: Finding, visitor_id: str | None, now: datetime) -> list[Answer]:
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
                about = NOTHING if article.access is Access.FREE else finding
                decision = self._decide(article, reading, about, asked, likely, now)
                answer = made[like] = Answer(decision=decision, visitor_id=visitor_id, degraded=about.degraded)
            answers.append(answer)
        return answers

    def _decide(
        self,
        article: Article,
        reading: Reading | None,
        finding: Finding,
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
