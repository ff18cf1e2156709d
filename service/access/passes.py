"""Passes: the entitlement's copy in Redis, made from the record and published through an outbox."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from metering.budget import Shared
from metering.meter import MeterUnavailable, Pass
from metering.redis_meter import RedisMeter
from service.clocks import Clock
from service.domain.bonuses import Bonus, in_force
from service.domain.entitlement import (
    Entitlement,
    Policy,
    entitlement_from_json,
    entitlement_to_json,
    sold_from,
    with_given,
)
from service.store import accounts
from service.store.database import budget_of, is_away, reading
from service.store.facts import Facts, find_facts

log = structlog.get_logger(__name__)

LONGEST_PASS = timedelta(hours=72)
"""A pass is believed no longer than this without asking the record again: the longest outage it bridges."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A reader's facts and the entitlement they give now; `facts` is None for a reader without an account.

    `sold` is what Stripe's facts alone give.
    `asked_at` is wall time from *before* PostgreSQL was asked: what is published must not look newer than it is.
    """

    facts: Facts | None
    entitlement: Entitlement
    sold: Entitlement
    asked_at: datetime


class Record:
    """Reads what a reader is entitled to from PostgreSQL, by the one rule."""

    def __init__(self, engine: Engine, policy: Policy, *, wall_clock: Clock) -> None:
        self._engine = reading(engine)
        self._budget = budget_of(engine)
        self._policy = policy
        self._wall_clock = wall_clock

    @property
    def is_away(self) -> bool:
        """Tell whether whoever asked the record last had no answer; costs no question."""
        return is_away(self._engine)

    def one_decision(self) -> Shared:
        """Return a context in which all questions of this thread together wait no longer than one may."""
        return self._budget.shared()

    def standing(self, reader_id: str, now: datetime) -> Standing:
        """Return the reader's standing at business `now`; raises SQLAlchemyError when the record is out of reach."""
        asked_at = self._wall_clock()
        with self._engine.connect() as connection:
            facts = find_facts(connection, reader_id)
        snapshot, holds, grants = (facts.snapshot, facts.holds, facts.grants) if facts else (None, (), ())
        sold = sold_from(snapshot, holds, self._policy, now)
        return Standing(facts=facts, entitlement=with_given(sold, grants, now), sold=sold, asked_at=asked_at)


class Publisher:
    """Copies passes to Redis and remembers which version is there."""

    def __init__(self, engine: Engine, record: Record, meter: RedisMeter, *, business_clock: Clock) -> None:
        self._engine = engine
        self._record = record
        self._meter = meter
        self._business_clock = business_clock

    def publish(self, reader_id: str) -> bool:
        """Copy the reader's present pass; tell whether Redis has it. A failure stays in the outbox."""
        try:
            standing = self._record.standing(reader_id, self._business_clock())
            self.publish_standing(reader_id, standing)
            if standing.facts is not None:
                with self._engine.begin() as connection:
                    accounts.mark_published(connection, reader_id, standing.facts.version)
        except (MeterUnavailable, SQLAlchemyError) as error:
            log.warning("pass_not_published", reader_id=reader_id, error=type(error).__name__)
            return False
        return True

    def publish_standing(self, reader_id: str, standing: Standing) -> None:
        """Write the pass (or the absence of one) to Redis; raises MeterUnavailable."""
        self._meter.publish(reader_id, self.pass_of(standing))

    def pass_of(self, standing: Standing) -> Pass:
        """Return what Redis should hold: a pass, a tombstone, or version 0 where the record knows of nothing."""
        version = standing.facts.version if standing.facts else 0
        bonuses = standing.facts.bonuses if standing.facts else ()
        return pass_from(standing.entitlement, version, self._business_clock(), standing.asked_at, bonuses)

    def publish_outbox(self, limit: int = 500) -> int:
        """Publish every pass that Redis may lack; return how many it has now. Stops at the first failure."""
        with self._engine.connect() as connection:
            waiting = accounts.unpublished(connection, limit)
        for count, reader_id in enumerate(waiting):
            if not self.publish(reader_id):
                return count
        return len(waiting)


def pass_from(
    entitlement: Entitlement, version: int, now: datetime, wall_now: datetime, bonuses: Iterable[Bonus] = ()
) -> Pass:
    """Return the pass for this entitlement: a tombstone when it opens nothing, with what staff added to the meter."""
    longest = now + LONGEST_PASS
    valid_until = longest if entitlement.horizon is None else min(longest, entitlement.horizon)
    absent = not entitlement.grants_at(now)
    extra, extra_until = in_force(bonuses, now)
    return Pass(
        version=version,
        valid_until=min(longest, extra_until or longest) if absent else valid_until,
        refreshed_at=wall_now,
        absent=absent,
        payload=b"" if absent else json.dumps(entitlement_to_json(entitlement), separators=(",", ":")).encode(),
        extra=extra if absent else 0,
    )


def entitlement_in(carried: Pass) -> Entitlement:
    """Return the entitlement that a pass carries."""
    return _unpacked(carried.payload)


@lru_cache(maxsize=4096)  # a subscriber's page views carry the same one for hours
def _unpacked(payload: bytes) -> Entitlement:
    return entitlement_from_json(json.loads(payload))
