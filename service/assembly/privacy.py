"""What is held on readers: handed out, and erased."""

from __future__ import annotations

from service.assembly.core import Core
from service.billing.checkouts import Checkouts
from service.privacy.erasure import Erasures
from service.privacy.export import Exports
from service.store.database import make_engine

ERASURE_SECONDS = 60.0
"""How long one statement of an erasure may take: the audit log's texts are read whole, as no index knows them."""


def build_exports(core: Core) -> Exports:
    """Return what gathers all that is held on a reader."""
    return Exports(
        core.engine, core.meter, core.catalog, business_clock=core.business_clock, wall_clock=core.wall_clock
    )


def build_erasures(core: Core, checkouts: Checkouts) -> Erasures:
    """Return what erases readers, on a connection of its own."""
    return Erasures(
        make_engine(core.settings.database_url, deadline_seconds=ERASURE_SECONDS, pool_size=1),
        core.meter,
        core.catalog,
        key=core.settings.subject_key,
        sync_now=core.sync_now,
        close_checkout=checkouts.close,
        business_clock=core.business_clock,
        wall_clock=core.wall_clock,
    )
