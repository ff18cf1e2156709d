"""The composition root: the one place that reads the settings and puts real parts together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import stripe
import structlog
from flask import Flask
from sqlalchemy import Connection, Engine, text

from metering.redis_meter import RedisMeter
from service import metrics
from service.access.gate import Gate
from service.access.links import Links
from service.access.passes import Publisher, Record
from service.access.projection import Projection
from service.access.readers import Readers
from service.access.trials import Trials
from service.api.application import build_flask
from service.api.auth import KeyChecker
from service.api.health import HealthChecks, Probe
from service.api.services import Services
from service.billing.cancellations import Cancellations
from service.billing.checkouts import Checkouts
from service.billing.customers import Customers
from service.billing.plan_changes import PlanChanges
from service.billing.portals import Portals
from service.billing.refunds import Refunds
from service.billing.repeated_cards import RepeatedCards
from service.billing.stripe_client import make_stripe_client
from service.catalog.load import load_catalog
from service.catalog.prices import PriceBook
from service.clocks import Clock, FollowedClock, wall_clock
from service.convergence.allowance import Allowance, long_work_rate
from service.convergence.work import Convergence, build_convergence
from service.domain.catalog import Catalog
from service.errors import StripeUnavailable, Unavailable
from service.jobs import Dispatcher, Jobs, build_worker, run_worker, worker_is_alive
from service.logs import configure_logs
from service.settings import Settings
from service.startup import refuse_sandbox_keys
from service.store import accounts
from service.store.api_keys import ApiKeyStore
from service.store.database import make_engine
from service.store.idempotency import IdempotencyStore
from service.support.accounts import Accounts
from service.support.drift import DriftReport
from webhooks.endpoint import webhook_blueprint
from webhooks.fetch import StripeFetch
from webhooks.inbox import Inbox
from webhooks.routing import Router, asker
from webhooks.rows import hint
from webhooks.signature import Verifier
from webhooks.snapshot import CustomerSnapshot
from webhooks.state import oldest_unprocessed_seconds
from webhooks.syncs import Syncs

log = structlog.get_logger("newsstand.start")

SYNC_NOW_SECONDS = 4.0


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
    record: Record
    projection: Projection
    publisher: Publisher
    defer: Dispatcher
    syncs: Syncs
    router: Router
    repeated_cards: RepeatedCards
    inbox: Inbox
    convergence: Convergence

    def sync_now(self, customer_id: str) -> None:
        """Sync one customer as of this call; raises StripeUnavailable when that could not be done in time."""
        outcome = self.syncs.sync_now(customer_id, SYNC_NOW_SECONDS)
        if not outcome.up_to_date:
            raise StripeUnavailable(f"the customer could not be synced now ({outcome})")


def build_core(settings: Settings) -> Core:
    """Put the shared parts together; connects to nothing yet."""
    catalog = load_catalog(Path(settings.plans_file))
    policy = catalog.policy
    # Two pools: a decision waits 0.3 s for PostgreSQL at most, and never behind a slow support query.
    engine = make_engine(settings.database_url, pool_size=settings.web_threads)
    quick_engine = make_engine(
        settings.database_url, deadline_seconds=settings.database_timeout_seconds, pool_size=settings.web_threads
    )
    client, business_clock = _stripe(settings)
    meter = RedisMeter(
        settings.redis_url,
        timeout_seconds=settings.redis_timeout_seconds,
        subject_key=settings.subject_key,
        expected_readers=settings.expected_readers,
    )
    record = Record(quick_engine, policy, wall_clock=wall_clock)
    projection = Projection(policy, email_key=settings.subject_key)
    publisher = Publisher(engine, record, meter, business_clock=business_clock)
    defer = Dispatcher()
    publish = _publish_after_sync(engine, publisher)
    inbox = Inbox(engine, defer=defer, wall_clock=wall_clock, livemode=settings.livemode)

    def mark(connection: Connection, customer_id: str) -> None:
        hint(connection, customer_id, wall_clock(), defer)

    repeated_cards = RepeatedCards(engine, client, mark=mark, wall_clock=wall_clock)

    def syncs_through(stripe_client: stripe.StripeClient) -> Syncs:
        def after_commit(snapshot: CustomerSnapshot) -> None:
            publish(snapshot)
            if repeated_cards.settle(customer_id=snapshot.customer_id):
                syncs.sync(snapshot.customer_id)  # so that whoever waits for this sync sees the outcome

        syncs = Syncs(
            engine,
            StripeFetch(stripe_client, business_clock).fetch,
            projection.project,
            wall_clock=wall_clock,
            after_commit=after_commit,
            defer=defer,
        )
        return syncs

    patient_client = _stripe_client(settings, wait=Allowance(engine, long_work_rate(livemode=settings.livemode)).wait)
    return Core(
        settings=settings,
        catalog=catalog,
        engine=engine,
        quick_engine=quick_engine,
        client=client,
        meter=meter,
        business_clock=business_clock,
        record=record,
        projection=projection,
        publisher=publisher,
        defer=defer,
        syncs=syncs_through(client),
        router=Router(engine, asker(client), defer=defer, wall_clock=wall_clock),
        repeated_cards=repeated_cards,
        inbox=inbox,
        convergence=build_convergence(
            engine,
            patient_client,
            syncs_through(patient_client),
            inbox=inbox,
            projection=projection,
            publisher=publisher,
            test_clock=settings.stripe_test_clock,
            business_clock=business_clock,
            wall_clock=wall_clock,
        ),
    )


def create_app(settings: Settings | None = None) -> Flask:
    """Return the web service: what gunicorn serves."""
    core = build_core(settings or Settings.from_environment())
    configure_logs(core.settings.log_level)
    log.info("web_started", **core.settings.masked())
    refuse_sandbox_keys(core.settings, core.engine)
    services = build_services(core)
    app = build_flask(services)
    app.extensions["newsstand.follow_draining"] = services.health.follow_draining  # gunicorn.conf.py knows of signals
    return app


def build_worker_app(settings: Settings) -> Callable[[], None]:
    """Return what `newsstand worker` runs until a signal ends it."""
    core = build_core(settings)
    configure_logs(settings.log_level)
    log.info("worker_started", **settings.masked())
    jobs = Jobs(
        engine=core.engine,
        syncs=core.syncs,
        router=core.router,
        publisher=core.publisher,
        repeated_cards=core.repeated_cards,
        idempotency=IdempotencyStore(core.engine),
        convergence=core.convergence,
        defer=core.defer,
        business_clock=core.business_clock,
        wall_clock=wall_clock,
    )
    worker = build_worker(jobs, settings.database_url)
    return lambda: run_worker(worker, concurrency=settings.worker_concurrency)


def stripe_and_catalog(settings: Settings) -> tuple[stripe.StripeClient, Catalog]:
    """Return what `newsstand plans diff` and `apply` work on."""
    return _stripe(settings)[0], load_catalog(Path(settings.plans_file))


def _stripe_client(settings: Settings, **pace: Callable[[], None]) -> stripe.StripeClient:
    return make_stripe_client(
        settings.stripe_secret_key,
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
        **pace,
    )


def _stripe(settings: Settings) -> tuple[stripe.StripeClient, Clock]:
    client = _stripe_client(settings)
    if not settings.stripe_test_clock:
        return client, wall_clock

    def frozen_time() -> datetime:
        clock = client.v1.test_helpers.test_clocks.retrieve(settings.stripe_test_clock)
        return datetime.fromtimestamp(clock.frozen_time, UTC)

    return client, FollowedClock(frozen_time)


def _publish_after_sync(engine: Engine, publisher: Publisher) -> Callable[[CustomerSnapshot], None]:
    def publish(snapshot: CustomerSnapshot) -> None:
        with engine.connect() as connection:
            account = accounts.find_by_customer(connection, snapshot.customer_id)
        if account is not None:
            publisher.publish(account.reader_id)

    return publish


def build_services(core: Core) -> Services:
    settings, catalog = core.settings, core.catalog
    links = Links(core.quick_engine, core.meter, catalog, wall_clock=wall_clock)
    trials = Trials(core.quick_engine, catalog, email_key=settings.subject_key)
    readers = Readers(
        core.quick_engine,
        record=core.record,
        meter=core.meter,
        links=links,
        trials=trials,
        catalog=catalog,
        business_clock=core.business_clock,
    )
    customers = Customers(core.engine, core.client, test_clock=settings.stripe_test_clock)
    prices = PriceBook(core.client)
    keys = KeyChecker(ApiKeyStore(core.quick_engine).live, wall_clock)
    return Services(
        catalog=catalog,
        gate=Gate(
            meter=core.meter,
            record=core.record,
            publisher=core.publisher,
            links=links,
            trials=trials,
            catalog=catalog,
            allow_on_outage=settings.on_outage == "allow",
            business_clock=core.business_clock,
            wall_clock=wall_clock,
        ),
        readers=readers,
        checkouts=Checkouts(
            core.engine,
            core.client,
            catalog=catalog,
            customers=customers,
            prices=prices,
            readers=readers,
            trials=trials,
            sync_now=core.sync_now,
            business_clock=core.business_clock,
            wall_clock=wall_clock,
        ),
        portals=Portals(core.client, customers),
        cancellations=Cancellations(core.client, readers, core.sync_now),
        plan_changes=PlanChanges(
            core.client,
            catalog=catalog,
            prices=prices,
            readers=readers,
            sync_now=core.sync_now,
            business_clock=core.business_clock,
        ),
        refunds=Refunds(core.client, customers, core.sync_now),
        accounts=Accounts(core.engine),
        drift=DriftReport(core.engine),
        keys=keys,
        idempotency=IdempotencyStore(core.engine),
        health=_health(core, keys),
        site_origins=settings.site_origins,
        wall_clock=wall_clock,
        business_clock=core.business_clock,
        slow_calls_at_once=max(1, settings.web_threads // 2),
        blueprints=(
            webhook_blueprint(
                verifier=Verifier(settings.stripe_webhook_secrets),
                inbox=core.inbox,
                wall_clock=wall_clock,
                count=metrics.count_webhook_event,
            ),
        ),
    )


def _health(core: Core, keys: KeyChecker) -> HealthChecks:
    """Return the checks: the failure policy stands on Redis and PostgreSQL; the sandbox wants every part."""

    def ask_database(question: Callable[[Connection], object]) -> Probe:
        def probe() -> object:
            with core.quick_engine.connect() as connection:
                return question(connection)

        return probe

    def started() -> bool:
        if not keys.loaded:
            with contextlib.suppress(Unavailable):
                keys.find("")
        return keys.loaded

    parts: dict[str, Probe] = {
        "redis": core.meter.ping,
        "database": ask_database(lambda connection: connection.execute(text("select 1"))),
        "worker": ask_database(worker_is_alive),
    }
    if core.settings.stripe_test_clock:
        parts["test_clock"] = core.business_clock
    return HealthChecks(
        parts,
        started=started,
        oldest_event_seconds=ask_database(lambda connection: oldest_unprocessed_seconds(connection, wall_clock())),  # type: ignore[arg-type]
        every_part=core.settings.sandbox,
    )
