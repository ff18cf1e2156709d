"""Remembered decisions to write down, and what a table holds of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from metering.meter import Outcome, Reading
from metering.window import window_at
from service.domain.decision import Article, Decision, Reason, Wall
from service.journal.entry import Entry

NOW = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
_ids = itertools.count(1)


def refusal(**changes: Any) -> Decision:
    """Return a wall met by a visitor whose one article is used, with `changes`."""
    reading = Reading(outcome=Outcome.FULL, used=1, limit=1, window=window_at("month", NOW, ZONE))
    wall = Wall(kind="register", offers=("monthly", "annual"), trial_eligible=True)
    usual = Decision(granted=False, reason=Reason.METER_EXHAUSTED, counted=False, reading=reading, entitlement=None,
                     wall=wall, decided_at=NOW)  # fmt: skip
    return usual._replace(**changes)


def entry(**changes: Any) -> Entry:
    """Return the entry of such a wall, with `changes`."""
    usual = Entry(
        id=next(_ids), recorded_at=NOW, reader_id=None, visitor_id="v-1", article=Article(id="a-1"), consume=True,
        decision=refusal(), degraded=None, outage=None, catalog_version="0123456789ab",
    )  # fmt: skip
    return usual._replace(**changes)


@pytest.fixture
def make_refusal() -> Callable[..., Decision]:
    return refusal


@pytest.fixture
def make_entry() -> Callable[..., Entry]:
    return entry


@pytest.fixture
def ids_in() -> Callable[[Engine], list[int]]:
    """Return the ids of all rows, in order."""

    def read(engine: Engine) -> list[int]:
        with engine.connect() as connection:
            return list(connection.scalars(text("select id from decisions order by id")))

    return read
