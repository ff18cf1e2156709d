"""What the site and support can ask about one reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from metering.meter import MeterUnavailable, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.links import Links
from service.access.passes import Record
from service.access.trials import Trials
from service.clocks import Clock
from service.domain.bonuses import Bonus, in_force
from service.domain.catalog import Catalog
from service.domain.entitlement import Entitlement
from service.domain.trials import TrialEligibility
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts


@dataclass(frozen=True, kw_only=True)
class ReaderState:
    """One reader now. `reading` is None when Redis does not answer.

    `entitlement` says what opens; `sold` what of it Stripe sold, which is what can be sold, changed or ended.
    """

    reader_id: str
    entitlement: Entitlement
    sold: Entitlement
    subscription: SubscriptionFacts | None
    snapshot: CustomerSnapshot | None
    reading: Reading | None
    trial: TrialEligibility


class Readers:
    """Looks readers up and links visitors to them."""

    def __init__(
        self,
        engine: Engine,
        *,
        record: Record,
        meter: RedisMeter,
        links: Links,
        trials: Trials,
        catalog: Catalog,
        business_clock: Clock,
    ) -> None:
        self._engine = engine
        self._record = record
        self._meter = meter
        self._links = links
        self._trials = trials
        self._catalog = catalog
        self._business_clock = business_clock

    def state(self, reader_id: str) -> ReaderState:
        """Return the reader's state; an unknown reader has status `none`."""
        now = self._business_clock()
        standing = self._record.standing(reader_id, now)
        snapshot = standing.facts.snapshot if standing.facts else None
        with self._engine.connect() as connection:
            trial = self._trials.for_reader(connection, reader_id)
        return ReaderState(
            reader_id=reader_id,
            entitlement=standing.entitlement,
            sold=standing.sold,
            subscription=_subscription(snapshot, standing.sold),
            snapshot=snapshot,
            reading=self._reading(reader_id, now, standing.facts.bonuses if standing.facts else ()),
            trial=trial,
        )

    def link(self, reader_id: str, visitor_id: str) -> None:
        """Record that this browser is this reader's, and unite their reads; raises Unavailable when it can't."""
        self._links.link(reader_id, visitor_id, now=self._business_clock())

    def _reading(self, reader_id: str, now: datetime, bonuses: Iterable[Bonus]) -> Reading | None:
        limit = self._catalog.meter.limit_reader + in_force(bonuses, now)[0]
        subject = Subject(SubjectKind.READER, reader_id)
        try:
            return self._meter.usage(subject, limit=limit, window=self._catalog.window_at(now))
        except MeterUnavailable:
            return None


def _subscription(snapshot: CustomerSnapshot | None, sold: Entitlement) -> SubscriptionFacts | None:
    """Return the subscription that speaks for what was sold, else the newest one of ours."""
    ours = [each for each in snapshot.subscriptions if each.plan is not None] if snapshot else []
    named = next((each for each in ours if each.id == sold.subscription_id), None)
    return named or max(ours, key=lambda each: each.created_at, default=None)
