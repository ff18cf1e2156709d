"""All that is held on a reader, as JSON: for the reader who asks, and for whoever is to erase it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from metering.meter import MeterUnavailable, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.errors import NotFound
from service.privacy.everything import HELD
from service.privacy.person import Person, find_person

SECRETS = frozenset({"client_secret"})
"""What Stripe's events carry that opens something at Stripe: it says nothing about anybody."""


class Exports:
    """Gathers what is held."""

    def __init__(
        self, engine: Engine, meter: RedisMeter, catalog: Catalog, *, business_clock: Clock, wall_clock: Clock
    ) -> None:
        self._engine = engine
        self._meter = meter
        self._catalog = catalog
        self._business_clock = business_clock
        self._wall_clock = wall_clock

    def export(self, reader_id: str) -> dict[str, Any]:
        """Return everything as JSON values, by table; raises NotFound (`no_account`) for whom nothing is held on.

        `meter` is None while Redis does not answer: it holds counts, no names.
        """
        with self._engine.connect() as connection:
            person = find_person(connection, reader_id)
            parts = {held.name: held.rows(connection, held, person) for held in HELD}
        meter = self._metered(person)
        known = any(parts[held.name] for held in HELD if held.proves)
        if not known and not (meter and meter["reader"]["articles_read"]):
            raise NotFound("Nothing is held on this reader.", code="no_account")
        return {
            "reader_id": reader_id,
            "made_at": _plain(self._wall_clock()),
            "meter": meter,
            "held": {
                held.name: {"why": held.why, "rows": [_row(held.name, row) for row in parts[held.name]]}
                for held in HELD
            },
        }

    def _metered(self, person: Person) -> dict[str, Any] | None:
        """Return how many articles are counted; which ones, Redis has only as keyed hashes."""
        try:
            return {
                "reader": self._count(Subject(SubjectKind.READER, person.reader_id)),
                "merged": [
                    {"reader_id": each} | self._count(Subject(SubjectKind.READER, each)) for each in person.merged_ids
                ],
                "browsers": [
                    {"visitor_id": each} | self._count(Subject(SubjectKind.VISITOR, each))
                    for each in person.visitor_ids
                ],
            }
        except MeterUnavailable:
            return None

    def _count(self, subject: Subject) -> dict[str, Any]:
        limits = self._catalog.meter
        limit = limits.limit_reader if subject.kind is SubjectKind.READER else limits.limit_visitor
        window = self._catalog.window_at(self._business_clock())
        found = self._meter.usage(subject, limit=limit, window=window)
        return {"articles_read": found.used, "window_ends_at": _plain(found.window.ends_at)}


def _row(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in row.items() if name != "body" or table != "events"}
    return plain | {"payload": _payload(row["body"])} if table == "events" else plain


def _payload(body: bytes) -> Any:
    """Return the event as JSON; what was taken in was found to be."""
    return _without_secrets(json.loads(body))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(each) for name, each in value.items() if name not in SECRETS}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
