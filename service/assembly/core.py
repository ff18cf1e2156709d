"""The parts that the web service, the worker and the command line share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import stripe
from sqlalchemy import Connection, Engine

from metering.breaker import Breaker
from metering.redis_meter import RedisMeter
from service import metrics
from service.access.passes import Publisher, Record
from service.access.projection import Projection
from service.assembly.stripe_side import Surroundings, real_surroundings
from service.billing.errands import Errands
from service.billing.repeated_cards import RepeatedCards
from service.billing.stripe_client import stripe_deadline
from service.billing.warned_charges import WarnedCharges
from service.catalog.load import load_catalog
from service.clocks import Clock
from service.convergence.allowance import Allowance, long_work_rate
from service.convergence.work import Convergence, build_convergence
from service.domain.catalog import Catalog
from service.domain.erasure import erased_digest
from service.errors import StripeUnavailable
from service.jobs import Dispatcher
from service.journal.journal import Journal
from service.settings import Settings
from service.store import accounts, derived, erased
from service.store.database import make_engine
from webhooks.concern import Reference
from webhooks.fetch import StripeFetch
from webhooks.inbox import Inbox
from webhooks.routing import LastHeldBy, Router, asker
from webhooks.rows import hint
from webhooks.snapshot import CustomerSnapshot
from webhooks.syncs import Syncs
from webhooks.taking_in import ForgottenSql
from webhooks.warnings import told_by_events

SYNC_NOW_SECONDS = 4.0
FETCH_SECONDS = 45.0
"""For all calls that a sync makes together: less than its lease, or two would fetch one customer at once."""
INTAKE_SECONDS = 2.0
"""How long a webhook waits for PostgreSQL. It holds a thread meanwhile, and Stripe sends it again."""
TRUSTED_SECONDS = 1.0
"""How long decisions and webhooks take it that PostgreSQL is still there. When it is not, a decision falls to the
failure policy once, and Stripe sends the event again."""
JOURNAL_DEADLINE_SECONDS = 5.0
"""How long a copy may take; a web process that ends waits for one under way and for the last."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """The parts that the web service, the worker and the command line share."""

    settings: Settings
    catalog: Catalog
    engine: Engine
    quick_engine: Engine
    client: stripe.StripeClient
    meter: RedisMeter
    business_clock: Clock
    wall_clock: Clock
    record: Record
    projection: Projection
    publisher: Publisher
    defer: Dispatcher
    syncs: Syncs
    router: Router
    errands: tuple[Errands, ...]
    inbox: Inbox
    journal: Journal
    convergence: Convergence

    def sync_now(self, customer_id: str) -> None:
        """Sync one customer as of this call; raises StripeUnavailable when that could not be done in time."""
        outcome = self.syncs.sync_now(customer_id, SYNC_NOW_SECONDS)
        if not outcome.up_to_date:
            raise StripeUnavailable(f"the customer could not be synced now ({outcome})")


def build_core(settings: Settings, surroundings: Surroundings | None = None) -> Core:
    """Put the shared parts together, by default in the real world; connects to nothing yet."""
    around = surroundings or real_surroundings(settings)
    client, business_clock, wall_clock = around.client, around.business_clock, around.wall_clock
    catalog = load_catalog(Path(settings.plans_file))
    policy = catalog.policy
    # Several pools: a decision waits 0.3 s for PostgreSQL at most, and never behind a slow support query.
    engine = make_engine(settings.database_url, pool_size=settings.web_threads)
    quick_engine = make_engine(
        settings.database_url,
        deadline_seconds=settings.database_timeout_seconds,
        pool_size=settings.web_threads,
        breaker=Breaker(failures=5, open_seconds=0.5, monotonic=time.monotonic),
        trusted_seconds=TRUSTED_SECONDS,
    )
    meter = RedisMeter(
        settings.redis_url,
        timeout_seconds=settings.redis_timeout_seconds,
        subject_key=settings.subject_key,
        expected_readers=settings.expected_readers,
        expected_readers_before=settings.expected_readers_before,
        on_fault=metrics.count_redis_fault,
    )
    record = Record(quick_engine, policy, wall_clock=wall_clock)
    projection = Projection(policy, email_key=settings.subject_key, alarm=metrics.count_account_alarm)
    publisher = Publisher(engine, record, meter, business_clock=business_clock)
    defer = Dispatcher()
    publish = _publish_after_sync(engine, publisher)

    def known_as(customer_id: str) -> str:
        return erased_digest("customer", customer_id, settings.subject_key)

    def forgotten(connection: Connection, customer_id: str) -> bool:
        return erased.is_erased(connection, known_as(customer_id))

    inbox = Inbox(
        make_engine(
            settings.database_url,
            deadline_seconds=INTAKE_SECONDS,
            pool_size=settings.web_threads,
            autocommit=True,
            trusted_seconds=TRUSTED_SECONDS,
        ),
        queue=Dispatcher.SQL,
        wall_clock=wall_clock,
        livemode=settings.livemode,
        guard=Breaker(failures=2, open_seconds=1.0, monotonic=around.monotonic),
        alarm=metrics.count_event_alarm,
        forgotten=ForgottenSql(erased.SQL, known_as),
    )

    def mark(connection: Connection, customer_id: str) -> None:
        hint(connection, customer_id, wall_clock(), defer)

    errands = tuple(
        kind(engine, client, mark=mark, wall_clock=wall_clock, count=metrics.count_errand)
        for kind in (RepeatedCards, WarnedCharges)
    )

    def syncs_through(stripe_client: stripe.StripeClient) -> Syncs:
        def after_commit(snapshot: CustomerSnapshot) -> None:
            publish(snapshot)
            if sum(each.settle(customer_id=snapshot.customer_id) for each in errands):
                syncs.sync(snapshot.customer_id)  # so that whoever waits for this sync sees the outcome

        whole = StripeFetch(stripe_client, business_clock, warned=told_by_events(engine)).fetch

        def fetch(customer_id: str) -> CustomerSnapshot:
            with stripe_deadline(FETCH_SECONDS):
                return whole(customer_id)

        syncs = Syncs(
            engine,
            fetch,
            projection.project,
            wall_clock=wall_clock,
            after_commit=after_commit,
            defer=defer,
            monotonic=around.monotonic,
            sleep=around.sleep,
        )
        return syncs

    patient_client = around.paced(Allowance(engine, long_work_rate(livemode=settings.livemode)).wait)
    return Core(
        settings=settings,
        catalog=catalog,
        engine=engine,
        quick_engine=quick_engine,
        client=client,
        meter=meter,
        business_clock=business_clock,
        wall_clock=wall_clock,
        record=record,
        projection=projection,
        publisher=publisher,
        defer=defer,
        syncs=syncs_through(client),
        router=Router(
            engine,
            asker(client),
            defer=defer,
            wall_clock=wall_clock,
            forgotten=forgotten,
            last_held_by=_last_payer(engine),
        ),
        errands=errands,
        inbox=inbox,
        journal=_journal(settings, catalog, wall_clock),
        convergence=build_convergence(
            engine,
            patient_client,
            syncs_through(patient_client),
            inbox=inbox,
            forgotten=forgotten,
            projection=projection,
            publisher=publisher,
            test_clock=settings.stripe_test_clock,
            business_clock=business_clock,
            wall_clock=wall_clock,
            most_percent=settings.reconcile_most_percent,
        ),
    )


def _last_payer(engine: Engine) -> LastHeldBy:
    """Return a function that tells who paid with a payment method when we last looked; it keeps no connection."""

    def last_payer(reference: Reference) -> str | None:
        if reference.kind != "payment_method":
            return None
        with engine.connect() as connection:
            return derived.payer_with(connection, reference.id)

    return last_payer


def _journal(settings: Settings, catalog: Catalog, wall_clock: Clock) -> Journal:
    """Return the journal, whose thread has a connection of its own: copying takes none away from decisions."""
    return Journal(
        lambda: make_engine(settings.database_url, deadline_seconds=JOURNAL_DEADLINE_SECONDS, pool_size=1),
        catalog=catalog,
        bound=settings.journal_buffer,
        day_bytes=settings.journal_day_megabytes * 1_000_000,
        wall_clock=wall_clock,
    )


def _publish_after_sync(engine: Engine, publisher: Publisher) -> Callable[[CustomerSnapshot], None]:
    def publish(snapshot: CustomerSnapshot) -> None:
        with engine.connect() as connection:
            account = accounts.find_by_customer(connection, snapshot.customer_id)
        if account is not None:
            publisher.publish(account.reader_id)

    return publish
