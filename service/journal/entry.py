"""One remembered decision: every input of `decide`, so that the same code can decide it again. Pure."""

from __future__ import annotations

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


def row_of(entry: Entry) -> dict[str, Any]:
    """Return the entry as one row of `decisions`, in JSON values; instants are RFC 3339."""
    decision, entitlement, terms = entry.decision, entry.decision.entitlement, entry.outage
    return {
        "id": entry.id,
        "recorded_at": entry.recorded_at.isoformat(),
        "decided_at": decision.decided_at.isoformat(),
        "reader_id": entry.reader_id,
        "visitor_id": entry.visitor_id,
        "article_id": entry.article.id,
        "article_access": entry.article.access.value,
        "feature": entry.article.feature,
        "consume": entry.consume,
        "granted": decision.granted,
        "reason": decision.reason.value,
        "counted": decision.counted,
        "entitlement": entitlement and entitlement_to_json(entitlement),
        "degraded": entry.degraded,
        "outage": terms and {"allow": terms.allow, "maybe_entitled": terms.maybe_entitled},
        "catalog_version": entry.catalog_version,
    } | _reading_row(decision.reading) | _wall_row(decision.wall)  # fmt: skip


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


def _reading_row(reading: Reading | None) -> dict[str, Any]:
    if reading is None:
        return {}
    found = {"meter_outcome": reading.outcome.value, "meter_used": reading.used, "meter_limit": reading.limit}
    return found | _window_row(reading.window)


@lru_cache(maxsize=1024)  # most readings are of the same few windows, and instants are the dearest part of a row
def _window_row(window: Window) -> dict[str, str]:
    return {
        "window_kind": window.kind,
        "window_id": window.id,
        "window_starts_at": window.starts_at.isoformat(),
        "resets_at": window.ends_at.isoformat(),
    }


def _wall_row(wall: Wall | None) -> dict[str, Any]:
    if wall is None:
        return {}
    return {"wall_kind": wall.kind, "offers": wall.offers, "trial_eligible": wall.trial_eligible}


def _reading(row: Any) -> Reading | None:
    if row.meter_outcome is None:
        return None
    window = Window(kind=row.window_kind, id=row.window_id, starts_at=row.window_starts_at, ends_at=row.resets_at)
    return Reading(outcome=Outcome(row.meter_outcome), used=row.meter_used, limit=row.meter_limit, window=window)


def _wall(row: Any) -> Wall | None:
    if row.wall_kind is None:
        return None
    return Wall(kind=row.wall_kind, offers=tuple(row.offers), trial_eligible=row.trial_eligible)
