"""One remembered decision: every input of `decide`, so that the same code can decide it again. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from metering.meter import Outcome, Reading
from metering.window import Window
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Decision, Reason, Wall, decide, outage
from service.domain.entitlement import entitlement_from_json, entitlement_to_json


class OutageTerms(NamedTuple):
    """What the failure policy was told, where it answered in the meter's place."""

    allow: bool
    maybe_entitled: bool


class Entry(NamedTuple):
    """A decision with what it was made from. `decision.decided_at` is business time, `recorded_at` wall time.

    The decision itself holds the reading and the entitlement, where they mattered. `outage` is None where nothing
    stood in for the meter or the record.
    """

    id: int
    recorded_at: datetime
    reader_id: str | None
    visitor_id: str | None
    article: Article
    consume: bool
    decision: Decision
    degraded: str | None
    outage: OutageTerms | None
    catalog_version: str


def is_remembered(decision: Decision) -> bool:
    """Tell whether a decision is worth an entry: a wall, a counted read, or a guess made in an outage."""
    return decision.counted or not decision.granted or decision.reason is Reason.OUTAGE


def decide_again(entry: Entry, catalog: Catalog) -> Decision:
    """Return what today's code decides from the remembered inputs, under `catalog` (the one of the entry's version)."""
    decision, signed_in = entry.decision, entry.reader_id is not None
    eligible = decision.wall is None or decision.wall.trial_eligible
    if entry.outage is not None:
        return outage(
            entry.article, catalog, allow=entry.outage.allow, maybe_entitled=entry.outage.maybe_entitled,
            signed_in=signed_in, trial_eligible=eligible, now=decision.decided_at,
        )  # fmt: skip
    return decide(
        entry.article, decision.reading, decision.entitlement, catalog, consume=entry.consume, signed_in=signed_in,
        trial_eligible=eligible, now=decision.decided_at,
    )  # fmt: skip


COLUMNS = (
    "id", "recorded_at", "decided_at", "reader_id", "visitor_id", "article_id", "article_access", "feature", "consume",
    "granted", "reason", "counted", "entitlement", "degraded", "outage", "catalog_version",
    "meter_outcome", "meter_used", "meter_limit", "window_kind", "window_id", "window_starts_at", "resets_at",
    "wall_kind", "offers", "trial_eligible",
)  # fmt: skip
"""Of `decisions`, as `row_of` tells them."""


def row_of(entry: Entry) -> tuple[object, ...]:
    """Return the entry as one row of `decisions`; instants, lists and JSON are text as PostgreSQL reads it."""
    decision, entitlement, terms = entry.decision, entry.decision.entitlement, entry.outage
    return (
        entry.id,
        entry.recorded_at.isoformat(),
        decision.decided_at.isoformat(),
        entry.reader_id,
        entry.visitor_id,
        entry.article.id,
        entry.article.access.value,
        entry.article.feature,
        entry.consume,
        decision.granted,
        decision.reason.value,
        decision.counted,
        entitlement and json.dumps(entitlement_to_json(entitlement)),
        entry.degraded,
        terms and json.dumps({"allow": terms.allow, "maybe_entitled": terms.maybe_entitled}),
        entry.catalog_version,
        *_reading_in_row(decision.reading),
        *_wall_in_row(decision.wall),
    )


def entry_of(row: Any) -> Entry:
    """Return the entry that a row of `decisions` holds (columns as attributes, instants as aware datetimes)."""
    decision = Decision(
        granted=row.granted,
        reason=Reason(row.reason),
        counted=row.counted,
        reading=_reading(row),
        entitlement=entitlement_from_json(row.entitlement) if row.entitlement else None,
        wall=_wall(row),
        decided_at=row.decided_at,
    )
    return Entry(
        **{name: getattr(row, name) for name in _SAME},
        article=Article(id=row.article_id, access=Access(row.article_access), feature=row.feature),
        decision=decision,
        outage=OutageTerms(**row.outage) if row.outage else None,
    )


_SAME = ("id", "recorded_at", "reader_id", "visitor_id", "consume", "degraded", "catalog_version")


def _reading_in_row(reading: Reading | None) -> tuple[object, ...]:
    if reading is None:
        return (None,) * 7
    return (reading.outcome.value, reading.used, reading.limit, *_window_in_row(reading.window))


@lru_cache(maxsize=1024)  # most readings are of the same few windows, and instants are the dearest part of a row
def _window_in_row(window: Window) -> tuple[str, ...]:
    return window.kind, window.id, window.starts_at.isoformat(), window.ends_at.isoformat()


def _wall_in_row(wall: Wall | None) -> tuple[object, ...]:
    return (None,) * 3 if wall is None else (wall.kind, _array(wall.offers), wall.trial_eligible)


@lru_cache(maxsize=64)
def _array(words: tuple[str, ...]) -> str:
    """Return PostgreSQL's text of an array (its documentation, 8.15.6)."""
    quoted = (word.replace("\\", r"\\").replace('"', r"\"") for word in words)
    return "{" + ",".join(f'"{word}"' for word in quoted) + "}"


def _reading(row: Any) -> Reading | None:
    if row.meter_outcome is None:
        return None
    window = Window(kind=row.window_kind, id=row.window_id, starts_at=row.window_starts_at, ends_at=row.resets_at)
    return Reading(outcome=Outcome(row.meter_outcome), used=row.meter_used, limit=row.meter_limit, window=window)


def _wall(row: Any) -> Wall | None:
    if row.wall_kind is None:
        return None
    return Wall(kind=row.wall_kind, offers=tuple(row.offers), trial_eligible=row.trial_eligible)
