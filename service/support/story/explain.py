"""Why somebody was let in or walled, then and now: the journal's decision, decided again, beside the gate's of now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from service.access.gate import Gate
from service.access.question import Answer, Question
from service.access.readers import Readers
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Decision
from service.domain.entitlement import Entitlement, entitlement_from_json
from service.errors import ConfigurationError, NotFound
from service.journal.entry import Entry, decide_again
from service.journal.moment import (
    Version,
    Whose,
    decided,
    kept_since,
    reader_of,
    turned_out_paid,
    version_at,
    version_known,
)
from service.journal.reading import catalog_of
from service.store import accounts
from service.support.story.dates import Dates
from service.support.story.decisions import rule_told
from service.support.story.inputs import Given, Input, given_now, given_then, inputs_of

NEAR = timedelta(minutes=30)
"""How far from the moment asked for a decision about the article is taken for the one that is meant."""
AROUND = timedelta(hours=12)
SHOWN_AROUND = 10
READS_SHOWN = 100
_MINUTE = timedelta(minutes=1)
NOTHING_KEPT = (
    "Nothing was remembered of this article at that moment. Remembered are walls, counted reads and guesses made in an "
    "outage: who was let in uncounted (by a subscription, a gift, or having read the article before) leaves nothing, "
    "nor does who did not ask. An entry can also be missing because the process that decided was killed within the "
    "second, or because the journal had no room; how many it dropped is in the metrics."
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whose decision, about which article, when (business time; None for now). What is None is as it was then."""

    whose: Whose
    article_id: str
    access: Access | None = None
    feature: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Then:
    """A remembered decision. `again` is today's code on its inputs, None where that can't be; `holds`: the same."""

    entry: Entry
    rule: str
    again: Decision | None
    again_says: str
    turned_out_paid: bool

    @property
    def holds(self) -> bool | None:
        return None if self.again is None else _alike(self.entry.decision, self.again)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The whole answer. `moment` is the one explained; `missing` says why there is no `then`."""

    asked: Asked
    article: Article
    moment: datetime
    reader_id: str | None
    """Signed in at that moment; of a browser on which nobody was, whose it is now."""
    then: Then | None
    missing: str | None
    version: Version | None
    """The entitlement that the record had at the moment; `standing` is the same, read."""
    standing: Entitlement | None
    reads: Sequence[Entry]
    """What had been counted in the window by then, as far as the journal goes back; newest first."""
    now: Answer
    now_rule: str
    inputs: Sequence[Input]
    verdict: str
    around: Sequence[Entry]
    """What else was decided about that time, where there is no `then`."""


class Explain:
    """Explains decisions. `gate` leaves nothing in the journal, and is only ever asked to peek."""

    def __init__(
        self, engine: Engine, *, gate: Gate, readers: Readers, catalog: Catalog, business_clock: Clock
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._readers = readers
        self._catalog = catalog
        self._business_clock = business_clock

    def refuse_unknown(self, reader_id: str) -> None:
        """Raise NotFound (`no_account`) for who has no account."""
        with self._engine.connect() as connection:
            if accounts.find(connection, reader_id) is None:
                raise NotFound("There is no account of this reader.", code="no_account")

    def explain(self, asked: Asked) -> Explanation:
        """Return the decision that is meant and what it is now, with every input; counts nothing."""
        now = self._business_clock()
        dates = Dates(self._catalog.zone, now)
        with self._engine.connect() as connection:
            entry = _meant(connection, asked)
            then = self._then(connection, entry, dates) if entry else None
            moment = entry.decision.decided_at if entry else asked.at or now
            reader_id = _reader(connection, asked.whose, entry)
            version = _version(connection, reader_id if entry is None else entry.reader_id, entry, moment)
            united = Whose(reader_id, None) if reader_id else asked.whose
            reads = self._reads(connection, united, entry, moment)
            missing = self._missing(connection, asked, now) if entry is None else None
            around = _around(connection, asked.whose, asked.at) if entry is None and asked.at else ()
        standing = entitlement_from_json(version.entitlement) if version else None
        article = _article(asked, entry)
        answer = self._gate.decide(Question(articles=[article], consume=False, **vars(asked.whose)))[0]
        inputs = inputs_of(given_then(entry, standing) if entry else None, self._now(asked, article, answer), dates)
        return Explanation(
            asked=asked, article=article, moment=moment, reader_id=reader_id, then=then, missing=missing,
            version=version, standing=standing, reads=reads, now=answer,
            now_rule=rule_told(article, answer.decision, dates), inputs=inputs, verdict=_verdict(then, answer, inputs),
            around=around,
        )  # fmt: skip

    def around(self, whose: Whose, at: datetime) -> Sequence[Entry]:
        """Return what was decided about that moment, the nearest ones, newest first."""
        with self._engine.connect() as connection:
            return _around(connection, whose, at)

    def _then(self, connection: Connection, entry: Entry, dates: Dates) -> Then:
        again, says = _again(connection, entry)
        return Then(
            entry=entry, rule=rule_told(entry.article, entry.decision, dates), again=again, again_says=says,
            turned_out_paid=turned_out_paid(connection, entry),
        )  # fmt: skip

    def _now(self, asked: Asked, article: Article, answer: Answer) -> Given:
        reader_id = asked.whose.reader_id
        standing = self._readers.state(reader_id).entitlement if reader_id else None
        return given_now(
            article, answer, signed_in=reader_id is not None, standing=standing, catalog_version=self._catalog.version
        )

    def _reads(self, connection: Connection, whose: Whose, entry: Entry | None, moment: datetime) -> Sequence[Entry]:
        reading = entry.decision.reading if entry else None
        window = reading.window if reading else self._catalog.window_at(moment)
        until = moment + timedelta(microseconds=1)
        return decided(connection, whose, since=window.starts_at, until=until, counted=True, limit=READS_SHOWN)

    def _missing(self, connection: Connection, asked: Asked, now: datetime) -> str | None:
        """Return why there is nothing of then, in words; None where only now was asked about."""
        if asked.at is None:
            return None
        if asked.at > now:
            return "That moment has not come yet: what is shown is as of now."
        day = kept_since(connection)
        if day is None:
            return "The journal is empty: nothing was decided yet that it remembers, or all of it has been let go."
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        if asked.at < begins:
            first = Dates(self._catalog.zone, now).day(begins)
            return f"The journal goes back to {first} and no further: of that moment nothing is kept."
        return NOTHING_KEPT


def _meant(connection: Connection, asked: Asked) -> Entry | None:
    """Return the decision about the article nearest to the moment, None for none near it."""
    if asked.at is None:
        return None
    found = _about(connection, asked.whose, asked.at, NEAR, asked.article_id)
    return min(found, key=lambda each: _distance(each, asked.at), default=None)


def _around(connection: Connection, whose: Whose, at: datetime) -> Sequence[Entry]:
    found = _about(connection, whose, at, AROUND)
    nearest = sorted(found, key=lambda each: _distance(each, at))[:SHOWN_AROUND]
    return sorted(nearest, key=lambda each: each.decision.decided_at, reverse=True)


def _about(
    connection: Connection, whose: Whose, at: datetime, within: timedelta, article_id: str | None = None
) -> Sequence[Entry]:
    """Return the decisions nearest to a moment on either side, newest first: hundreds may have come after it."""
    before = decided(connection, whose, since=at - within, until=at, article_id=article_id)
    after = decided(connection, whose, since=at, until=at + within, article_id=article_id, oldest_first=True)
    return [*reversed(after), *before]


def _distance(entry: Entry, at: datetime | None) -> timedelta:
    """Return how far off a decision is; a moment told to the minute is that whole minute."""
    decided_at = entry.decision.decided_at
    at = at or decided_at
    lasts = _MINUTE if (at.second, at.microsecond) == (0, 0) else timedelta(0)
    return max(at - decided_at, decided_at - at - lasts, timedelta(0))


def _reader(connection: Connection, whose: Whose, entry: Entry | None) -> str | None:
    """Return who it was, else whose browser it is."""
    known = (entry.reader_id if entry else None) or whose.reader_id
    return known or (reader_of(connection, whose.visitor_id) if whose.visitor_id else None)


def _version(connection: Connection, reader_id: str | None, entry: Entry | None, moment: datetime) -> Version | None:
    if reader_id is None:
        return None
    return version_at(connection, reader_id, moment) if entry is None else (
        version_known(connection, reader_id, entry.recorded_at)
    )  # fmt: skip


def _again(connection: Connection, entry: Entry) -> tuple[Decision | None, str]:
    """Return what today's code makes of the remembered inputs, and that in words."""
    try:
        catalog = catalog_of(connection, entry)
        if catalog is None:
            return None, "The offer of then was not kept, so it can't be decided again."
        again = decide_again(entry, catalog)
    except (ConfigurationError, ValueError):
        return None, "Today's code can't read the offer or the inputs of then, so it can't be decided again."
    return again, f"Decided again by today's code, from what was remembered: {_compared(entry.decision, again)}."


def _compared(then: Decision, again: Decision) -> str:
    if _alike(then, again):
        return "the same"
    if again.wall is not None and (then.granted, then.reason) == (again.granted, again.reason):
        offers = ", ".join(again.wall.offers)
        return f"the same, but the wall would be “{again.wall.kind}”, offering {offers}"
    return f"{'let in' if again.granted else 'refused'} ({again.reason.value.replace('_', ' ')}), which differs"


def _alike(one: Decision, other: Decision) -> bool:
    return (one.granted, one.reason, one.counted, one.wall) == (other.granted, other.reason, other.counted, other.wall)


def _article(asked: Asked, entry: Entry | None) -> Article:
    """Return the article as asked for, and else as it was then; metered where nobody says."""
    known = entry.article if entry else Article(id=asked.article_id)
    return Article(id=asked.article_id, access=asked.access or known.access, feature=asked.feature or known.feature)


def _verdict(then: Then | None, answer: Answer, inputs: Sequence[Input]) -> str:
    """Return how now differs from then, in a sentence or two."""
    granted = "let in" if answer.decision.granted else "refused"
    if then is None:
        return f"Asked now, the reader would be {granted}."
    before = then.entry.decision
    changed = [each.label for each in inputs if each.differs and each.name != "decision"]
    differing = f" What differs: {'; '.join(changed).lower()}." if changed else " No input differs."
    if (before.granted, before.reason) == (answer.decision.granted, answer.decision.reason):
        return f"Asked now, the answer is the same: {granted}.{differing}"
    return f"Asked now, the answer is another: {granted}.{differing}"
