"""The long work under one roof: each kind runs in one process at a time, here or elsewhere."""

from __future__ import annotations

from datetime import timedelta

import stripe
import structlog
from sqlalchemy import Engine

from service.access.passes import Publisher
from service.access.projection import Projection
from service.clocks import Clock
from service.convergence.looking import Looking
from service.convergence.progress import Progress, Stopped, never, unseen
from service.convergence.rebuild import Rebuild, Rebuilt
from service.convergence.reconcile import USUAL_PERCENT, Reconcile, Reconciled
from service.store.runs import alone
from webhooks.backfill import Backfill, Found, Track
from webhooks.inbox import Inbox
from webhooks.rows import Forgotten, nobody_forgotten
from webhooks.syncs import Syncs

log = structlog.get_logger(__name__)

TEST_CLOCK_DEPTH = timedelta(days=400)
"""How far back a first backfill looks in a test clock's time, which runs through a year in an afternoon."""


class Convergence:
    """Every method returns None, and does nothing, while another process is at the same work."""

    def __init__(self, engine: Engine, *, backfill: Backfill, reconcile: Reconcile, rebuild: Rebuild) -> None:
        self._engine = engine
        self._backfill = backfill
        self._reconcile = reconcile
        self._rebuild = rebuild

    def follow(self, *, stopped: Stopped = never) -> Found | None:
        """Take in what no webhook brought since the last time; raises StripeFailure, and goes on there next time."""
        with alone(self._engine, "backfill") as mine:
            found = self._backfill.follow(stopped=stopped) if mine else None
        if found is not None and found.new:
            log.warning("events_backfilled", new=found.new, listed=found.listed)
        return found

    def look_back(self, days: int, *, progress: Progress = unseen, stopped: Stopped = never) -> Found | None:
        """Take in what no webhook brought in the last `days`, whatever was looked at before."""
        with alone(self._engine, "backfill") as mine:
            if not mine:
                return None
            return self._backfill.look_back(
                days, progress=lambda done, total: progress("windows", done, total), stopped=stopped
            )

    def reconcile(
        self, *, repair: bool, anew: bool = False, anyway: bool = False, progress: Progress = unseen,
        stopped: Stopped = never,
    ) -> Reconciled | None:  # fmt: skip
        """Compare all with Stripe's, then (`repair`) sync the customers that differ, however many if `anyway`."""
        with alone(self._engine, "reconcile") as mine:
            if not mine:
                return None
            found = self._reconcile.run(repair=repair, anew=anew, anyway=anyway, progress=progress, stopped=stopped)
        log.info("reconciled", finished=found.finished, **found.numbers())
        return found

    def rebuild(self, *, anew: bool = False, progress: Progress = unseen, stopped: Stopped = never) -> Rebuilt | None:
        """Restore all derived rows and passes from Stripe and the primary tables."""
        with alone(self._engine, "rebuild") as mine:
            return self._rebuild.run(anew=anew, progress=progress, stopped=stopped) if mine else None


def build_convergence(
    engine: Engine,
    client: stripe.StripeClient,
    syncs: Syncs,
    *,
    inbox: Inbox,
    projection: Projection,
    publisher: Publisher,
    test_clock: str,
    business_clock: Clock,
    wall_clock: Clock,
    forgotten: Forgotten = nobody_forgotten,
    most_percent: int = USUAL_PERCENT,
) -> Convergence:
    """Put the long work together. `client`, and the one that `syncs` fetches through, wait for the allowance."""
    tracks = [Track("wall", wall_clock)]
    if test_clock:
        tracks.append(Track(test_clock, business_clock, depth=TEST_CLOCK_DEPTH))
    return Convergence(
        engine,
        backfill=Backfill(engine, client, inbox, tracks),
        reconcile=Reconcile(
            engine,
            Looking(engine, client, test_clock=test_clock, wall_clock=wall_clock, forgotten=forgotten),
            syncs,
            wall_clock=wall_clock,
            most_percent=most_percent,
        ),
        rebuild=Rebuild(
            engine,
            client,
            syncs,
            projection,
            publisher,
            test_clock=test_clock,
            business_clock=business_clock,
            wall_clock=wall_clock,
            forgotten=forgotten,
        ),
    )
