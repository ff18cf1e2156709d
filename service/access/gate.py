"""The door: may this subject read this article? One Redis round trip; PostgreSQL only for an unknown reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

from metering.meter import Reading, Readings, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.finding import NOTHING, Finder, Finding
from service.access.links import Links
from service.access.question import Answer, Question
from service.access.trials import Trials
from service.access.visitor_ids import mint_visitor_id
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Decision, Reason, decide, exempted, outage
from service.exemptions.rules import Exemptions
from service.journal.entry import OutageTerms
from service.journal.journal import Notes

Opened = Mapping[int, Reason]
"""By their place in the question, the articles that an exemption opens, and why."""


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
        self._meter_deadline = meter.one_decision()
        self._record_deadline = finder.one_decision()
        self._finder = finder
        self._links = links
        self._trials = trials
        self._exemptions = exemptions
        self._catalog = catalog
        self._journal = journal
        self._allow_on_outage = allow_on_outage
        self._business_clock = business_clock

    def decide(self, asked: Question) -> list[Answer]:
        """Return an answer for each article, as one question after the other would get, at the price of one.

        Never raises for a well-formed question, whatever part is down.
        """
        now = self._business_clock()
        opened = self._exemptions.reasons(asked.evidence, asked.articles, now)
        with self._meter_deadline, self._record_deadline:
            subject, visitor_id = self._subject(asked, now)
            return self._by_the_parts(subject, visitor_id, _unmetered(asked, opened), opened, now)

    def _subject(self, asked: Question, now: datetime) -> tuple[Subject, str | None]:
        """Return whom the question is about, and the visitor's id; with both ids they are linked first."""
        visitor_id = asked.visitor_id
        if asked.reader_id is None:
            visitor_id = visitor_id or mint_visitor_id()
            return Subject(SubjectKind.VISITOR, visitor_id), visitor_id
        if visitor_id is not None:
            self._links.ensure(asked.reader_id, visitor_id, now=now)
        return Subject(SubjectKind.READER, asked.reader_id), visitor_id

    def _by_the_parts(
        self, subject: Subject, visitor_id: str | None, asked: Question, opened: Opened, now: datetime
    ) -> list[Answer]:
        metered = [article.id for article in asked.articles if article.is_metered]
        finding = NOTHING
        if metered or any(_needs_the_parts(article, asked) for article in asked.articles):
            finding = self._finder.find(subject, asked, metered, now)
        case = _Case(asked, finding.signed_id or visitor_id, finding, self._outage_terms(asked, finding), now)
        answers = self._answers(case, opened)
        self._note(case, answers, opened)
        return answers

    def _note(self, case: _Case, answers: list[Answer], opened: Opened) -> None:
        asked, terms = case.asked, case.terms
        if len(answers) > 1 and not asked.consume:
            return  # the locks on a page of teasers are no walls that a reader met, and there are very many
        for place, (article, answer) in enumerate(zip(asked.articles, answers, strict=True)):
            if place in opened:
                continue
            self._journal.note(
                article,
                answer.decision,
                reader_id=asked.reader_id,
                visitor_id=answer.visitor_id,
                consume=asked.consume,
                degraded=answer.degraded,
                outage=terms if terms is not None and _needs_the_parts(article, asked) else None,
            )

    def _outage_terms(self, asked: Question, finding: Finding) -> OutageTerms | None:
        """Return what the failure policy goes by, where it has to answer; a visitor has certainly bought nothing."""
        if finding.degraded is None or finding.entitlement is not None:
            return None
        return OutageTerms(
            allow=self._allow_on_outage or not finding.blind,
            maybe_entitled=asked.reader_id is not None and (finding.blind or finding.degraded == "database"),
        )

    def _answers(self, case: _Case, opened: Opened) -> list[Answer]:
        """Return an answer for each article; those of one kind with one reading share it, as most in a batch do."""
        answers, made = [], dict[tuple[object, ...], Answer]()
        articles = case.asked.articles
        readings = _by_place(case.finding.readings, articles)
        reasons = map(opened.get, range(len(articles))) if opened else repeat(None)
        for article, reading, reason in zip(articles, readings, reasons, strict=False):
            # Equal readings are one object, which `finding` keeps alive; hashing values costs more than deciding.
            like = article.access, article.feature, id(reading), reason
            answer = made.get(like)
            if answer is None:
                answer = made[like] = self._answer(article, reading, reason, case)
            answers.append(answer)
        reader_id = case.asked.reader_id
        if reader_id is None or case.terms or self._may_offer_trial(reader_id, made.values(), case.now):
            return answers
        plain = {id(answer): _without_trial(answer) for answer in made.values()}
        return [plain[id(answer)] for answer in answers]

    def _may_offer_trial(self, reader_id: str, made: Iterable[Answer], now: datetime) -> bool:
        """Tell whether the walls among these answers may offer the trial; without any, the ledger is not asked."""
        walled = any(answer.decision.wall is not None for answer in made)
        return not walled or self._trials.likely(reader_id, now)

    def _answer(self, article: Article, reading: Reading | None, opened: Reason | None, case: _Case) -> Answer:
        """Return the answer; a reader's own right goes before what an exemption `opened`."""
        if opened is None:
            decision = self._by_right(article, reading, case)
            degraded = case.finding.degraded
            if degraded is not None and not _needs_the_parts(article, case.asked):
                degraded = None
            return Answer(decision, case.visitor_id, degraded)
        own = self._by_right(article, reading, case) if case.finding.entitlement else None
        decision = own if own is not None and own.granted else exempted(opened, case.now)
        return Answer(decision, case.visitor_id, None)

    def _by_right(self, article: Article, reading: Reading | None, case: _Case) -> Decision:
        signed_in = case.asked.reader_id is not None
        is_free = article.access is Access.FREE
        terms = None if is_free else case.terms
        if terms is not None:
            return outage(
                article,
                self._catalog,
                allow=terms.allow,
                signed_in=signed_in,
                maybe_entitled=terms.maybe_entitled,
                now=case.now,
            )
        return decide(
            article,
            reading,
            None if is_free else case.finding.entitlement,
            self._catalog,
            consume=case.asked.consume,
            signed_in=signed_in,
            trial_eligible=True,
            now=case.now,
        )


class _Case(NamedTuple):
    """A question and what was found out about it; `terms` where the failure policy answers."""

    asked: Question
    visitor_id: str | None
    finding: Finding
    terms: OutageTerms | None
    now: datetime


def _by_place(readings: Readings | None, articles: Sequence[Article]) -> Iterable[Reading | None]:
    """Return what the meter said of each article, or of whoever asks where it is not metered."""
    if readings is None:
        return repeat(None)
    if len(readings.each) == len(articles):
        return readings.each  # all are metered, as usual
    each = iter(readings.each)
    return [next(each) if article.is_metered else readings.standing for article in articles]


def _unmetered(asked: Question, opened: Opened) -> Question:
    """Return the question with its opened articles as the meter is to see them: not at all."""
    if not opened:
        return asked
    articles = [
        article._replace(access=Access.SUBSCRIBERS) if place in opened else article
        for place, article in enumerate(asked.articles)
    ]
    return asked._replace(articles=articles)


def _needs_the_parts(article: Article, asked: Question) -> bool:
    """Tell whether more must be known than the question says: what a reader may open, or what a visitor has read.

    A reader's own entitlement must even where an exemption opens the article, for it has features: a subscriber who
    follows a newsletter's link stays ad-free. A visitor has none, so no count opens them an article for subscribers.
    """
    return article.access is not Access.FREE if asked.reader_id is not None else article.is_metered


def _without_trial(answer: Answer) -> Answer:
    decision, wall = answer.decision, answer.decision.wall
    if wall is None:
        return answer
    return answer._replace(decision=decision._replace(wall=wall._replace(trial_eligible=False)))
