"""The audit log: who did what, to whom, why; personal data shown included. Written in the caller's transaction.

A use case that writes takes a `Trail` and records on its own connection, last in its transaction; what only reads, or
acts at Stripe, is recorded by the layer that let the request in (`service/api/auditing.py`, `service/console/`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clocks import Clock
from service.domain.chain import Details, Fault, Head, Link, faults, refuse_floats
from service.store import audit as store
from service.store.audit import AuditQuery
from service.support.fit import MOST_OF_A_SUBJECT, fit, fit_text

PAGE = 50
_SALT_BYTES = 16
Answer = TypeVar("Answer")
log = structlog.get_logger("newsstand.audit")

NOBODY: Mapping[str, Any] = {"q": None, "found": 0}
"""What a search tells that found nobody: what was looked for may be half of an address, which no erasure would find."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing done. `actor` is such as `staff:7` or `key:3`; `subjects` are reader ids.

    `reason` and `detail` may hold personal data: they can be erased. `actor`, `act` and `request_id` can't, so a
    request id that the caller gave is no `request_id` here: it may name a reader. Whatever somebody sent may stand in
    the others: what can't be kept of it is taken out when it is recorded.
    """

    actor: str
    act: str
    subjects: tuple[str, ...] = ()
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Audited:
    """How a route or a page is audited: under which `act`.

    `ahead`: an entry `act.asked` is written before anything is done, one of what came of it afterwards; so for acts at
    Stripe, which no transaction of ours holds together with an entry. A use case that records in its own transaction,
    through the trail, needs none ahead.
    """

    act: str
    ahead: bool = False


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """Entries, newest first. `next_before` is None on the last page."""

    rows: Sequence[Any]
    """Mappings by column name; an erased entry's `subjects`, `reason` and `detail` are None."""
    next_before: int | None


class Audit:
    """Adds to the log, shows it, and tells whether it is as it was written."""

    def __init__(self, engine: Engine, wall_clock: Clock) -> None:
        self._engine = engine
        self._wall_clock = wall_clock

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction of the log's own, for who has none."""
        return self._engine.begin()

    def record(self, connection: Connection, entry: Entry) -> None:
        """Add an entry in the caller's transaction, which from here on others wait for: record last, then commit."""
        self.record_all(connection, [entry])

    def record_all(self, connection: Connection, entries: Iterable[Entry]) -> None:
        """Add entries in their order, in the caller's transaction."""
        store.lock(connection)
        links = list(self._chained(store.head(connection), entries))
        if links:
            store.append(connection, links)

    def erase(
        self, connection: Connection, entry: Entry, *, subjects: Sequence[str], mentions: Sequence[str] = ()
    ) -> int:
        """Erase what was kept about a reader, and wherever one of `mentions` stands; return how many entries it was.

        The entries stay in the chain without their details, those about several with what is about the others;
        `entry` is added and names them by number alone.
        """
        store.lock(connection)
        found = store.erasable(connection, subjects, mentions)
        whole = [seq for seq, details in found.items() if not details.salts]
        left = {seq: each.without(subjects) for seq, each in found.items() if each.salts}
        taken = {seq: each.parts_gone - found[seq].parts_gone for seq, each in left.items()}
        strips = tuple(seq for seq, parts in taken.items() for _ in range(parts))
        (link,) = self._chained(store.head(connection), [entry], erases=tuple(whole), strips=strips)
        store.append(connection, [link])
        store.erase_details(connection, whole)
        store.strip(connection, {seq: each for seq, each in left.items() if taken[seq]})
        return len(whole) + len(set(strips))

    def page(self, query: AuditQuery) -> AuditPage:
        """Return the newest entries that match, at most a page of them."""
        with self._engine.connect() as connection:
            rows = store.page(connection, query, PAGE + 1)
        shown = rows[:PAGE]
        return AuditPage(rows=shown, next_before=shown[-1]["seq"] if len(rows) > PAGE else None)

    def head(self) -> Head:
        """Return where the chain ends now."""
        with self._engine.connect() as connection:
            return store.head(connection)

    def faults(self, heads: Iterable[Head] = ()) -> Iterator[Fault]:
        """Yield everything in the log that is not as it was written, given heads noted outside."""
        with self._engine.connect() as connection:
            yield from faults(store.whole(connection), heads)

    def _chained(
        self, head: Head, entries: Iterable[Entry], *, erases: tuple[int, ...] = (), strips: tuple[int, ...] = ()
    ) -> Iterator[tuple[Link, Details]]:
        for entry in entries:
            link, details = self._next(head, entry, erases, strips)
            yield link, details
            head = Head(seq=link.seq, digest=link.digest)

    def _next(self, head: Head, entry: Entry, erases: tuple[int, ...], strips: tuple[int, ...]) -> tuple[Link, Details]:
        details = _details(entry)
        unsigned = Link(
            seq=head.seq + 1,
            at=self._wall_clock(),
            actor=entry.actor,
            act=entry.act,
            request_id=entry.request_id,
            erases=erases,
            strips=strips,
            details_digest=details.digest(),
            previous=head.digest,
            digest=b"",
        )
        return replace(unsigned, digest=unsigned.computed()), details


def _details(entry: Entry) -> Details:
    """Return what may be personal, fit to be kept; about several people it is made of parts that can go one by one."""
    refuse_floats(entry.detail)
    parts = len(entry.subjects) + 1 if len(entry.subjects) > 1 else 0
    salt, *salts = (secrets.token_bytes(_SALT_BYTES) for _ in range(parts + 1))
    subjects = tuple(fit_text(each, MOST_OF_A_SUBJECT) for each in entry.subjects)
    return Details(
        salt=salt, subjects=subjects, reason=fit(entry.reason), detail=fit(entry.detail), salts=tuple(salts)
    )  # fmt: skip


class Trail:
    """What one request leaves in the log: made by the layer that let it in, handed to whoever acts.

    `act` and `subjects` are what the route declared; a view adds whom it showed (`about`) and what came of it (`tell`).
    """

    def __init__(self, audit: Audit, entry: Entry) -> None:
        self._audit = audit
        self._entry = entry
        self.recorded = False

    @property
    def actor(self) -> str:
        """Return who acts, as the log names them."""
        return self._entry.actor

    def about(self, *reader_ids: str) -> None:
        """Add readers whose data this request shows or changes."""
        self._entry = replace(self._entry, subjects=tuple(dict.fromkeys([*self._entry.subjects, *reader_ids])))

    def tell(self, **detail: Any) -> None:
        """Add what came of it, as JSON values without floats."""
        self._entry = replace(self._entry, detail={**self._entry.detail, **detail})

    def record(self, connection: Connection, *, reason: str | None = None, **detail: Any) -> None:
        """Add the request's entry in the caller's transaction: last in it, for others wait from here on."""
        self.tell(**detail)
        self._audit.record(connection, replace(self._entry, reason=reason or self._entry.reason))
        self.recorded = True

    def note(self, **detail: Any) -> None:
        """Add the request's entry in a transaction of its own."""
        with self._audit.begin() as connection:
            self.record(connection, **detail)

    def erased(
        self, connection: Connection, *, subjects: Sequence[str], mentions: Sequence[str], reason: str, **detail: Any
    ) -> int:
        """Erase what the log says of a reader, by an entry of this request that names nobody; return how many it was.

        `reason` and `detail` stay for good: neither may say whom it is about.
        """
        nameless = Entry(
            actor=self.actor, act=self._entry.act, reason=reason, detail=detail, request_id=self._entry.request_id
        )
        erased = self._audit.erase(connection, nameless, subjects=subjects, mentions=mentions)
        self.recorded = True
        return erased

    def showed(self, reader_ids: Iterable[str]) -> None:
        """Add an entry of a portion of what goes out bit by bit, before it does: whose data is in it."""
        portion = replace(self._entry, subjects=tuple(reader_ids))
        with self._audit.begin() as connection:
            self._audit.record(connection, portion)
        self.recorded = True

    def around(self, act: Callable[[], Answer], audited: Audited, status: Callable[[Answer], int]) -> Answer:
        """Return what `act` answers, on record: if nobody below has recorded, that is done here before it is shown."""
        if audited.ahead:
            return self._announced(act, status)
        answer = act()
        if not self.recorded:
            self.note(status=status(answer))
        return answer

    def _announced(self, act: Callable[[], Answer], status: Callable[[Answer], int]) -> Answer:
        with self._audit.begin() as connection:
            self._audit.record(connection, replace(self._entry, act=f"{self._entry.act}.asked"))
        try:
            answer = act()
        except Exception as error:
            self._note_outcome(failed=getattr(error, "code", None) or type(error).__name__)
            raise
        self._note_outcome(status=status(answer))
        return answer

    def _note_outcome(self, **outcome: Any) -> None:
        """Note it if that can be done: the entry before says that it was asked, and an act is not undone by silence."""
        try:
            if not self.recorded:
                self.note(**outcome)
        except SQLAlchemyError as error:
            log.critical("audit_outcome_unrecorded", exception=type(error).__name__)


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parsed request as JSON values, what is absent left out: instants, floats and the like become texts.

    A cursor is left out too: it names, in a code that no erasure reads, the last reader of the page before.
    """
    given = {name: each for name, each in value.items() if each is not None and name != "cursor"}
    made: dict[str, Any] = json.loads(json.dumps(given, default=str), parse_float=str)
    return made
