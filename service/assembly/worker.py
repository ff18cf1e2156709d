"""The worker: what `newsstand worker` runs."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from service.assembly.audit_side import build_anchor
from service.assembly.core import Core, build_core
from service.jobs import SWEPT, Dispatcher, Jobs, build_worker
from service.journal.paid_but_refused import Checks
from service.journal.upkeep import Upkeep
from service.logs import configure_logs
from service.numbers.counting import DEADLINE_SECONDS, Counting
from service.settings import Settings
from service.store.database import answers, make_engine
from service.store.idempotency import IdempotencyStore
from service.working import run_worker

log = structlog.get_logger("newsstand.start")


def build_worker_app(settings: Settings) -> Callable[[], None]:
    """Return what `newsstand worker` runs until a signal ends it."""
    core = build_core(settings)
    configure_logs(settings.log_level)
    log.info("worker_started", **settings.masked())
    worker = build_worker(build_jobs(core), settings.database_url)
    return lambda: run_worker(
        worker, concurrency=settings.worker_concurrency, record_answers=lambda: answers(core.quick_engine)
    )


def build_jobs(core: Core) -> Jobs:
    """Return what the worker's tasks call."""
    return Jobs(
        engine=core.engine,
        syncs=core.syncs,
        router=core.router,
        publisher=core.publisher,
        errands=core.errands,
        idempotency=IdempotencyStore(core.engine),
        convergence=core.convergence,
        journal=Upkeep(core.engine, core.catalog, tail_days=core.settings.journal_tail_days),
        refusals=Checks(core.engine, core.catalog),
        numbers=build_counting(core),
        anchor=build_anchor(core.settings, core.engine, core.wall_clock),
        defer=Dispatcher(priority=SWEPT),
        business_clock=core.business_clock,
        wall_clock=core.wall_clock,
    )


def build_counting(core: Core) -> Counting:
    """Return what counts the numbers: through a connection of its own, for one pass may take long."""
    return Counting(
        lambda: make_engine(core.settings.database_url, deadline_seconds=DEADLINE_SECONDS, pool_size=2),
        zone=core.catalog.zone,
        business_clock=core.business_clock,
        wall_clock=core.wall_clock,
    )
