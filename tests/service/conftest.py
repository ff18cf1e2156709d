"""The parts of the service on a real PostgreSQL and a real Valkey, with clocks that a test turns by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from metering.guard import NetworkGuard
from metering.redis_meter import RedisMeter
from service.access.finding import Finder
from service.access.gate import Gate
from service.access.links import Links
from service.access.newcomers import Newcomers
from service.access.passes import Publisher, Record
from service.access.projection import Projection
from service.access.readers import Readers
from service.access.trials import Trials
from service.access.visitor_ids import VisitorIds
from service.catalog.load import load_catalog
from service.clocks import wall_clock
from service.domain.catalog import Catalog
from service.exemptions.gifts import Gifts
from service.exemptions.rules import Exemptions, load_networks
from service.exemptions.tokens import Tokens
from service.journal.journal import Journal
from service.store.database import make_engine
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SUBJECT_KEY = "a-key-for-tests-of-more-than-32-characters"
TOKENS = Tokens(["a-key-that-signs-in-tests-of-32-characters"])


class HandClock:
    """A clock that only moves when told."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def __call__(self) -> datetime:
        return self.instant

    def advance(self, step: timedelta) -> None:
        self.instant += step


@dataclass(frozen=True)
class Parts:
    """Everything of the decision path, put together as the composition root does."""

    engine: Engine
    meter: RedisMeter
    catalog: Catalog
    clock: HandClock
    record: Record
    publisher: Publisher
    projection: Projection
    links: Links
    trials: Trials
    readers: Readers
    journal: Journal
    gate: Gate

    def apply(self, snapshot: CustomerSnapshot) -> None:
        """Project a snapshot and publish the pass, as a sync does."""
        with self.engine.begin() as connection:
            self.projection.project(connection, snapshot)
        if snapshot.reader_id is not None:
            self.publisher.publish(snapshot.reader_id)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The offer that the repository ships."""
    return load_catalog(ROOT / "plans.yaml")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh database."""
    engine = make_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def build_parts(catalog: Catalog, database_url: str) -> Iterator[Callable[..., Parts]]:
    """Put the parts together on any two addresses, also on ones where nothing answers.

    The journal writes only when it is closed: at once with `parts.journal.close()`, or at the test's end.
    """
    journals: list[Journal] = []

    def build(
        engine: Engine,
        redis_url: str,
        *,
        allow_on_outage: bool = True,
        newcomers_per_hour: int | None = None,
        catalog: Catalog = catalog,
    ) -> Parts:
        clock = HandClock(START)
        # A generous time-out: these tests are about what is decided, on machines that may be busy.
        meter = RedisMeter(redis_url, subject_key=SUBJECT_KEY, expected_readers=10_000, timeout_seconds=2)
        record = Record(engine, catalog.policy, wall_clock=wall_clock)
        publisher = Publisher(engine, record, meter, business_clock=clock)
        links = Links(engine, meter, catalog, wall_clock=wall_clock)
        trials = Trials(engine, catalog, email_key=SUBJECT_KEY)
        journal = Journal(
            lambda: engine, catalog=catalog, bound=1000, day_bytes=10**9, wall_clock=wall_clock, every_seconds=3600
        )
        journals.append(journal)
        finder = Finder(
            meter=meter,
            record=record,
            publisher=publisher,
            links=links,
            newcomers=Newcomers(NetworkGuard(meter.connections, subject_key=SUBJECT_KEY), bound=newcomers_per_hour),
            visitor_ids=VisitorIds(SUBJECT_KEY),
            catalog=catalog,
            wall_clock=wall_clock,
        )
        return Parts(
            engine=engine,
            meter=meter,
            catalog=catalog,
            clock=clock,
            record=record,
            publisher=publisher,
            projection=Projection(catalog.policy, email_key=SUBJECT_KEY),
            links=links,
            trials=trials,
            readers=Readers(
                engine, record=record, meter=meter, links=links, trials=trials, catalog=catalog, business_clock=clock
            ),
            journal=journal,
            gate=Gate(
                meter=meter,
                finder=finder,
                links=links,
                trials=trials,
                exemptions=Exemptions(TOKENS, load_networks(catalog.exemptions, ROOT)),
                catalog=catalog,
                journal=journal,
                allow_on_outage=allow_on_outage,
                business_clock=clock,
            ),
        )

    yield build
    for each in journals:
        each.close()


@pytest.fixture
def gifts(parts: Parts) -> Gifts:
    """The gifts of the parts' readers."""
    return Gifts(parts.engine, parts.record, TOKENS, catalog=parts.catalog, business_clock=parts.clock)


@pytest.fixture
def tokens() -> Tokens:
    """The signer of the parts' gifts and links."""
    return TOKENS


@pytest.fixture
def parts(build_parts: Callable[..., Parts], engine: Engine, redis_url: str) -> Parts:
    """The parts on healthy servers."""
    return build_parts(engine, redis_url)


def subscription(**changes: object) -> SubscriptionFacts:
    """Return an active monthly subscription, paid for from START on, with `changes`."""
    usual = SubscriptionFacts(
        id="sub_1",
        status="active",
        plan="monthly",
        price_id="price_monthly",
        currency="usd",
        amount_minor=290,
        interval="month",
        created_at=START,
        trial_start_at=None,
        trial_end_at=None,
        period_start_at=START,
        period_end_at=START + timedelta(days=30),
        cancel_at=None,
        cancel_at_period_end=False,
        canceled_at=None,
        ended_at=None,
        pause_behavior=None,
        paused_reason=None,
        cancellation_reason=None,
        reader_id="r-1",
        checkout_id=None,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def snapshot_of(*subscriptions: SubscriptionFacts, **changes: object) -> CustomerSnapshot:
    """Return the snapshot of reader `r-1`'s customer, fetched at START, with `changes`."""
    usual = CustomerSnapshot(
        customer_id="cus_1",
        deleted=False,
        email="Reader@example.com",
        reader_id="r-1",
        fetched_at=START,
        card=None,
        subscriptions=subscriptions,
        invoices=(),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.fixture
def make_subscription() -> Callable[..., SubscriptionFacts]:
    return subscription


@pytest.fixture
def make_snapshot() -> Callable[..., CustomerSnapshot]:
    return snapshot_of
