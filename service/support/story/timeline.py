"""One reader's timeline: events, acts, decisions, notices, changes of access, merged by when they were recorded here.

Wall time orders it, for that alone every source has; what is shown is when it happened, which for decisions, events and
entitlements is business time. In production the two are the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from service.domain.entitlement import entitlement_from_json
from service.errors import NotFound
from service.journal.entry import entry_of
from service.store import accounts, story
from service.store.story import Reached, Wanted
from service.support.story.acts import act_told, names_of
from service.support.story.changes import cause_told, change_told
from service.support.story.dates import Dates
from service.support.story.decisions import decision_told
from service.support.story.events import event_told
from service.support.story.notices import NOTICE_MEANS, notice_told

PAGE = 50
SEARCHED = 500
"""So many moments are searched for words at once: the sentences are made for it, for no index knows them."""


class Kind(StrEnum):
    """What a moment is: `access` is a change of it, `notice` what the site was told to tell the reader.

    `look` is told only when asked for: whoever reads a timeline is in it.
    """

    ACCESS = "access"
    NOTICE = "notice"
    EVENT = "event"
    ACT = "act"
    WALL = "wall"
    READ = "read"
    LOOK = "look"


class Source(StrEnum):
    """Where a moment is kept."""

    ENTITLEMENTS = "entitlements"
    NOTICES = "notices"
    INBOX = "inbox"
    AUDIT = "audit"
    JOURNAL = "journal"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One line. `at` is when it happened, `recorded_at` (wall time) when it was written down here."""

    kind: Kind
    at: datetime
    recorded_at: datetime
    says: str
    """A sentence."""
    why: str | None = None
    """What became of it, or the reason that was given."""
    by: str | None = None
    """Who, for an act: a name, with the audit log's own."""
    source: Source
    number: str
    """Which row of the source: an event's id, an audit entry's number, a version, the journal's number."""
    about: str | None = None
    """Stripe's id of what an event is about."""
    article: str | None = None
    visitor_id: str | None = None
    """The browser, where nobody was signed in."""
    reached: Reached
    """Where its source goes on behind it."""

    def has(self, words: Sequence[str]) -> bool:
        """Tell whether each of the words, folded, stands somewhere in what is told."""
        told = (self.says, self.why, self.by, self.number, self.about, self.article, self.visitor_id)
        text = "\n".join(each for each in told if each).casefold()
        return all(each in text for each in words)


@dataclass(frozen=True, kw_only=True)
class Only:
    """Which moments; None matches all. Times are of when things happened, `until` is the first that is left out.

    Each word of `q` may stand anywhere in what is told: in the sentence, a reason, somebody's name, an id.
    """

    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None

    @property
    def words(self) -> Sequence[str]:
        """Return what is searched for, folded."""
        return (self.q or "").casefold().split()

    @property
    def narrowing(self) -> dict[str, Any]:
        """Return what the sources are told of it."""
        granted = {Kind.WALL: False, Kind.READ: True}.get(self.kind) if self.kind else None
        return {"granted": granted, "looks": self.kind is Kind.LOOK, "since": self.since, "until": self.until}


@dataclass(frozen=True, kw_only=True)
class TimelinePage:
    """Moments, newest first. `next_after` is None on the last page."""

    moments: Sequence[Moment]
    next_after: Reached | None


_Told = Callable[["Timeline", Connection, Wanted], Sequence[Moment]]


class Timeline:
    """Tells readers' stories in the publication's zone."""

    def __init__(self, engine: Engine, zone: ZoneInfo) -> None:
        self._engine = engine
        self._zone = zone

    def page(
        self, reader_id: str, only: Only | None = None, *, after: Reached | None = None, limit: int = PAGE
    ) -> TimelinePage:
        """Return a page; raises NotFound (`no_account`) for who has no account.

        One that is searched for words may hold few of them, or none, and still lead on to the next.
        """
        only, reached = only or Only(), after or Reached()
        depth = SEARCHED if only.words else limit
        wanted = Wanted(reader_id=reader_id, reached=reached, limit=depth + 1, **only.narrowing)
        with self._engine.connect() as connection:
            if accounts.find(connection, reader_id) is None:
                raise NotFound("There is no account of this reader.", code="no_account")
            connection.execute(text("set local plan_cache_mode = force_custom_plan"))
            portions = [tell(self, connection, wanted) for tell in _tellers(only.kind)]
        merged = heapq.merge(*portions, key=lambda each: each.recorded_at, reverse=True)
        read, found = _with_words(only.words, islice(merged, depth), limit)
        more = sum(map(len, portions)) > len(read)
        return TimelinePage(moments=found, next_after=_reached(reached, read) if more else None)

    def _events(self, connection: Connection, wanted: Wanted) -> list[Moment]:
        return [_event(row) for row in story.events_told(connection, wanted)]

    def _acts(self, connection: Connection, wanted: Wanted) -> list[Moment]:
        rows = story.acts_told(connection, wanted)
        names = names_of(connection, (row.actor for row in rows))
        return [_act(row, names, Kind.LOOK if wanted.looks else Kind.ACT) for row in rows]

    def _versions(self, connection: Connection, wanted: Wanted) -> list[Moment]:
        return [self._change(row) for row in story.versions_told(connection, wanted)]

    def _notices(self, connection: Connection, wanted: Wanted) -> list[Moment]:
        return [self._notice(row) for row in story.notices_told(connection, wanted)]

    def _decisions(self, connection: Connection, wanted: Wanted) -> list[Moment]:
        return [self._decision(row) for row in story.decisions_told(connection, wanted)]

    def _notice(self, row: Any) -> Moment:
        return Moment(
            kind=Kind.NOTICE, at=row.as_of, recorded_at=row.told_at, source=Source.NOTICES, number=row.id,
            says=notice_told(row, Dates(self._zone, row.as_of)), why=NOTICE_MEANS,
            reached=Reached(notice=(_text(row.told_at), row.id)),
        )  # fmt: skip

    def _change(self, row: Any) -> Moment:
        before = entitlement_from_json(row.before) if row.before else None
        return Moment(
            kind=Kind.ACCESS, at=row.as_of, recorded_at=row.recorded_at, source=Source.ENTITLEMENTS,
            number=str(row.version), reached=Reached(version=row.version),
            says=change_told(before, entitlement_from_json(row.entitlement), Dates(self._zone, row.as_of)),
            why=cause_told(row.cause),
        )  # fmt: skip

    def _decision(self, row: Any) -> Moment:
        entry = entry_of(row)
        return Moment(
            kind=Kind.READ if row.granted else Kind.WALL, at=row.decided_at, recorded_at=row.recorded_at,
            says=decision_told(entry.article, entry.decision, Dates(self._zone, row.decided_at)),
            why=None if row.consume else "Only a peek: nothing was counted.", source=Source.JOURNAL,
            number=str(row.id), article=row.article_id, visitor_id=None if row.reader_id else row.visitor_id,
            reached=Reached(decision=(_text(row.decided_at), _text(row.recorded_at), row.id)),
        )  # fmt: skip


def _event(row: Any) -> Moment:
    told = event_told(row.type, row.body, state=row.state, reason=row.reason, sync_error=row.sync_error)
    return Moment(
        kind=Kind.EVENT, at=row.created_at or row.received_at, recorded_at=row.received_at, says=f"{told.says}.",
        why=told.became, source=Source.INBOX, number=row.id, about=told.about,
        reached=Reached(event=(_text(row.received_at), row.id)),
    )  # fmt: skip


def _act(row: Any, names: Mapping[str, str], kind: Kind) -> Moment:
    return Moment(
        kind=kind, at=row.at, recorded_at=row.at, says=act_told(row.act, row.detail), why=row.reason,
        by=names[row.actor], source=Source.AUDIT, number=str(row.seq), reached=Reached(act=row.seq),
    )  # fmt: skip


def _tellers(kind: Kind | None) -> Iterator[_Told]:
    """Yield how the sources that have moments of this kind are told."""
    if kind in (None, Kind.ACCESS):
        yield Timeline._versions
    if kind in (None, Kind.NOTICE):
        yield Timeline._notices
    if kind in (None, Kind.EVENT):
        yield Timeline._events
    if kind in (None, Kind.ACT, Kind.LOOK):
        yield Timeline._acts
    if kind in (None, Kind.WALL, Kind.READ):
        yield Timeline._decisions


def _with_words(words: Sequence[str], moments: Iterable[Moment], limit: int) -> tuple[list[Moment], list[Moment]]:
    """Return the moments that were read until enough had the words, and those that have them."""
    read: list[Moment] = []
    found: list[Moment] = []
    for moment in moments:
        read.append(moment)
        if moment.has(words):
            found.append(moment)
        if len(found) == limit:
            break
    return read, found


def _reached(before: Reached, told: Sequence[Moment]) -> Reached:
    """Return how far each source has come: those that had no part in the page stay where they were."""
    reached = before
    for moment in told:
        reached = replace(reached, **{name: value for name, value in vars(moment.reached).items() if value is not None})
    return reached


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
