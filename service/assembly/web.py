"""The web service: what gunicorn serves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import structlog
from flask import Flask
from sqlalchemy import Connection, text

from metering.guard import NetworkGuard
from metering.meter import MeterUnavailable
from metering.packing import packing_warnings
from service import metrics
from service.access.finding import Finder
from service.access.gate import Gate
from service.access.links import Links
from service.access.newcomers import Newcomers
from service.access.readers import Readers
from service.access.told_notices import ToldNotices
from service.access.trials import Trials
from service.access.visitor_ids import VisitorIds
from service.api.application import build_flask
from service.api.auth import KeyChecker
from service.api.health import HealthChecks, Probe
from service.api.services import Services
from service.assembly.acts import build_acts
from service.assembly.console import build_desk
from service.assembly.core import Core, build_core
from service.assembly.exemptions import build_exemptions, build_tokens
from service.assembly.privacy import build_erasures, build_exports
from service.billing.cancellations import Cancellations
from service.billing.checkouts import Checkouts
from service.billing.consents import Consents
from service.billing.customers import Customers
from service.billing.plan_changes import PlanChanges
from service.billing.portals import Portals
from service.billing.refunds import Refunds
from service.catalog.prices import PriceBook
from service.console.mount import mount_console
from service.errors import Unavailable
from service.exemptions.gifts import Gifts
from service.exemptions.links import SignedLinks
from service.exemptions.rules import Exemptions
from service.jobs import worker_is_alive
from service.journal.journal import Notes
from service.journal.paid_but_refused import Checks
from service.journal.silent import Silent
from service.logs import configure_logs
from service.numbers.reading import Numbers
from service.settings import Settings
from service.startup import refuse_sandbox_keys
from service.store import event_search
from service.store.api_keys import ApiKeyStore
from service.store.idempotency import IdempotencyStore
from service.support.accounts import Accounts
from service.support.audit import Audit
from service.support.drift import DriftReport
from service.support.events import Events
from service.support.inbox_health import COUNTED, InboxReport
from service.support.payers import Payers
from service.support.story.explain import Explain
from service.support.story.timeline import Timeline
from service.support.syncing import StaffSync
from webhooks.endpoint import webhook_blueprint
from webhooks.signature import Verifier
from webhooks.state import oldest_unprocessed_seconds

log = structlog.get_logger("newsstand.start")


def create_app(settings: Settings | None = None) -> Flask:
    """Return the web service: what gunicorn serves."""
    core = build_core(settings or Settings.from_environment())
    configure_logs(core.settings.log_level)
    log.info("web_started", **core.settings.masked())
    refuse_sandbox_keys(core.settings, core.engine)
    _warn_of_unpacked_buckets(core)
    services = build_services(core)
    app = build_flask(services)
    mount_console(app, build_desk(core, services), app.extensions["newsstand.budget"])
    app.extensions["newsstand.follow_draining"] = services.health.follow_draining  # gunicorn.conf.py knows of signals
    return app


def _warn_of_unpacked_buckets(core: Core) -> None:
    """Say what to set at Redis; one that is away, or hosted and mute about it, is no reason not to start."""
    meter, window = core.catalog.meter, core.catalog.window_at(core.wall_clock())
    with contextlib.suppress(MeterUnavailable):
        for warning in packing_warnings(core.meter.connections, most_articles=meter.limit_reader, window=window):
            log.warning("redis_not_packed", advice=warning)


def build_services(core: Core) -> Services:
    settings, catalog = core.settings, core.catalog
    links = Links(core.quick_engine, core.meter, catalog, wall_clock=core.wall_clock)
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
    customers = Customers(
        core.engine, core.client, test_clock=settings.stripe_test_clock, subject_key=settings.subject_key
    )
    prices = PriceBook(core.client)
    tokens = build_tokens(settings)
    checkouts = _checkouts(core, customers, prices, readers, trials)
    keys = KeyChecker(ApiKeyStore(core.quick_engine).live, core.wall_clock)
    exemptions = build_exemptions(settings, catalog, tokens)
    cancellations = Cancellations(core.client, readers, core.sync_now)
    refunds = Refunds(core.engine, core.client, customers, core.sync_now, wall_clock=core.wall_clock)
    plan_changes = PlanChanges(
        core.client,
        catalog=catalog,
        prices=prices,
        readers=readers,
        sync_now=core.sync_now,
        consents=Consents(core.engine, catalog_version=catalog.version, wall_clock=core.wall_clock),
        business_clock=core.business_clock,
    )
    return Services(
        catalog=catalog,
        gate=_gate(core, core.journal, links=links, trials=trials, exemptions=exemptions),
        readers=readers,
        notices=ToldNotices(core.quick_engine, business_clock=core.business_clock, wall_clock=core.wall_clock),
        gifts=Gifts(core.quick_engine, core.record, tokens, catalog=catalog, business_clock=core.business_clock),
        signed_links=SignedLinks(tokens, business_clock=core.business_clock),
        checkouts=checkouts,
        portals=Portals(core.client, customers),
        cancellations=cancellations,
        plan_changes=plan_changes,
        refunds=refunds,
        accounts=Accounts(core.engine, business_clock=core.business_clock, owner_at_stripe=Payers(core.client).owner),
        acts=build_acts(
            core, readers=readers, links=links, cancellations=cancellations, refunds=refunds, plan_changes=plan_changes
        ),
        staff_sync=StaffSync(core.engine, core.sync_now),
        exports=build_exports(core),
        timeline=Timeline(core.engine, catalog.zone),
        explain=Explain(
            core.engine,
            gate=_gate(core, Silent(), links=links, trials=trials, exemptions=exemptions),
            readers=readers,
            catalog=catalog,
            business_clock=core.business_clock,
        ),
        erasures=build_erasures(core, checkouts),
        drift=DriftReport(core.engine),
        events=Events(core.engine, core.syncs, core.router),
        inbox=InboxReport(core.engine, core.wall_clock),
        numbers=Numbers(core.engine, catalog, core.business_clock),
        audit=Audit(core.engine, core.wall_clock),
        keys=keys,
        idempotency=IdempotencyStore(core.engine),
        health=_health(core, keys),
        site_origins=settings.site_origins,
        wall_clock=core.wall_clock,
        business_clock=core.business_clock,
        one_decision=core.record.one_decision,
        paid_but_refused=Checks(core.quick_engine, catalog).total,
        slow_calls_at_once=max(1, settings.web_threads // 2),
        blueprints=(
            webhook_blueprint(
                verifier=Verifier(settings.stripe_webhook_secrets),
                inbox=core.inbox,
                wall_clock=core.wall_clock,
                count=metrics.count_webhook_event,
            ),
        ),
    )


def _gate(core: Core, journal: Notes, *, links: Links, trials: Trials, exemptions: Exemptions) -> Gate:
    return Gate(
        meter=core.meter,
        finder=_finder(core, links),
        links=links,
        trials=trials,
        exemptions=exemptions,
        catalog=core.catalog,
        journal=journal,
        allow_on_outage=core.settings.on_outage == "allow",
        business_clock=core.business_clock,
    )


def _checkouts(core: Core, customers: Customers, prices: PriceBook, readers: Readers, trials: Trials) -> Checkouts:
    return Checkouts(
        core.engine,
        core.client,
        catalog=core.catalog,
        customers=customers,
        prices=prices,
        readers=readers,
        trials=trials,
        sync_now=core.sync_now,
        business_clock=core.business_clock,
        wall_clock=core.wall_clock,
    )


def _finder(core: Core, links: Links) -> Finder:
    guard = NetworkGuard(core.meter.connections, subject_key=core.settings.subject_key)
    return Finder(
        meter=core.meter,
        record=core.record,
        publisher=core.publisher,
        links=links,
        newcomers=Newcomers(guard, bound=core.catalog.newcomers_per_hour),
        visitor_ids=VisitorIds(core.settings.subject_key),
        catalog=core.catalog,
        wall_clock=core.wall_clock,
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
        oldest_event_seconds=ask_database(lambda connection: oldest_unprocessed_seconds(connection, core.wall_clock())),  # type: ignore[arg-type]
        stuck_events=ask_database(lambda connection: event_search.stuck(connection, COUNTED)),  # type: ignore[arg-type]
        every_part=core.settings.sandbox,
    )
