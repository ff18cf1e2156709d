"""Compare every subscription and hold at Stripe with ours, report the drift, sync the customers that differ, alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import stripe
import structlog
from sqlalchemy import Engine

from service.clocks import Clock
from service.convergence.differences import differences, gone, hold_differences
from service.convergence.hold_listing import listed_holds
from service.convergence.listing import EXPANDED, Stretch, pages, stretches
from service.convergence.progress import Progress, Stopped, never, unseen
from service.domain.erasure import ERASED
from service.store import drift, runs
from service.store.drift import Drift, DriftKind, Kept
from webhooks.failures import PermanentFailure, translated
from webhooks.rows import Forgotten, nobody_forgotten
from webhooks.syncs import Syncs

log = structlog.get_logger(__name__)

PATIENCE = timedelta(minutes=10)
"""A hint younger than this is being applied: what it is about is not drift yet."""
SYNC_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """What a run came to. Counted since it was begun or resumed; `rows` are all of the run's, as in `drift`."""

    compared: int = 0
    differing: int = 0
    """Customers."""
    repaired: int = 0
    failed: int = 0
    finished: bool = False
    rows: Sequence[dict[str, Any]] = ()

    def numbers(self) -> dict[str, int]:
        """Return what it came to, to be kept."""
        return {name: getattr(self, name) for name in ("compared", "differing", "repaired", "failed")}


class Reconcile:
    """Reads through `client` and syncs through `syncs`, whose pace the caller has set."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        syncs: Syncs,
        *,
        test_clock: str,
        wall_clock: Clock,
        forgotten: Forgotten = nobody_forgotten,
    ) -> None:
        self._forgotten = forgotten
        self._engine = engine
        self._client = client
        self._syncs = syncs
        self._test_clock = test_clock
        self._wall_clock = wall_clock

    def run(
        self, *, repair: bool, anew: bool = False, progress: Progress = unseen, stopped: Stopped = never
    ) -> Reconciled:
        """Compare all, going on where an unfinished run of the same kind stopped (but `anew`); raises StripeFailure.

        Without `repair` nothing but the report is written. A customer who could not be synced stays marked, and is
        tried again like any other.
        """
        name = runs.REPAIRING if repair else runs.LOOKING
        with self._engine.begin() as connection:
            run = runs.begin(connection, name, self._wall_clock(), anew=anew)
            total = drift.count_subscriptions(connection)
        report = Reconciled()
        for stretch in self._stretches(_instant(run.reached.get("until"))):
            report = self._settle(stretch, report, repair=repair)
            with self._engine.begin() as connection:
                runs.save(connection, name, {"until": _seconds(stretch.after)}, self._wall_clock())
            progress("subscriptions", report.compared, max(total, report.compared))
            if stretch.after is not None and stopped():
                return self._with_rows(report, run)
        report = self._settle_holds(report, repair=repair)
        with self._engine.begin() as connection:
            drift.close_unseen(connection, run.started_at, self._wall_clock())
            found = report.numbers() | {"resumed": int(bool(run.reached))}
            runs.end(connection, run, self._wall_clock(), found)
        return replace(self._with_rows(report, run), finished=True)

    def _stretches(self, until: datetime | None) -> Iterable[Stretch]:
        found = pages(self._client, self._wall_clock, test_clock=self._test_clock, until=until)
        return stretches(found, until)

    def _settle(self, stretch: Stretch, report: Reconciled, *, repair: bool) -> Reconciled:
        report = replace(report, compared=report.compared + len(stretch.subscriptions))
        return self._report(self._drift_in(stretch), report, repair=repair)

    def _settle_holds(self, report: Reconciled, *, repair: bool) -> Reconciled:
        """Compare what stands against payments, of those customers whom the subscriptions gave no cause to sync."""
        for page in listed_holds(self._client, self._wall_clock):
            with self._engine.connect() as connection:
                ours = drift.kept_holds(connection, [each.id for each in page.holds])
                known = drift.known_customers(connection, [each.customer_id for each in page.holds])
            found = [each for hold in page.holds if hold.customer_id in known for each in hold_differences(hold, ours)]
            report = self._report(self._settled(found, page.asked_at), report, repair=repair)
        return report

    def _report(self, found: Sequence[Drift], report: Reconciled, *, repair: bool) -> Reconciled:
        """Write down what was found, and sync those customers if they are to be repaired."""
        with self._engine.begin() as connection:
            drift.record(connection, found, self._wall_clock())
        customers = sorted({each.customer_id for each in found})
        curable = sorted({each.customer_id for each in found if each.kind is not DriftKind.UNREADABLE})
        outcomes = [self._repaired(customer_id) for customer_id in curable] if repair else []
        return replace(
            report,
            differing=report.differing + len(customers),
            repaired=report.repaired + outcomes.count(True),
            failed=report.failed + outcomes.count(False),
        )

    def _drift_in(self, stretch: Stretch) -> list[Drift]:
        listed = {each["id"]: each for each in stretch.subscriptions}
        with self._engine.connect() as connection:
            ours = drift.kept(connection, listed.keys(), after=stretch.after, until=stretch.until)
        found: list[Drift] = []
        for subscription_id in sorted(listed.keys() | ours.keys()):
            found += self._compared(subscription_id, listed.get(subscription_id), ours.get(subscription_id))
        return self._settled(found, stretch.asked_at)

    def _compared(self, subscription_id: str, listed: dict[str, Any] | None, ours: Kept | None) -> list[Drift]:
        theirs = listed or self._asked(subscription_id)
        if theirs is not None:
            return differences(theirs, ours)
        return [gone(ours)] if ours is not None else []

    def _asked(self, subscription_id: str) -> dict[str, Any] | None:
        """Ask for one that was not listed: that it is gone is proved by a 404 alone, not by a list without it."""
        path = f"/v1/subscriptions/{quote(subscription_id, safe='')}"
        try:
            with translated():
                found: dict[str, Any] = self._client.raw_request("get", path, expand=list(EXPANDED)).data
        except PermanentFailure as failure:
            if failure.status == 404:
                return None
            raise
        return found

    def _settled(self, found: list[Drift], asked_at: datetime) -> list[Drift]:
        """Leave out whoever changed while Stripe was asked: a sync newer than the list, or a hint being applied.

        Also whoever was erased here: what Stripe has of them is no drift.
        """
        customers = {each.customer_id for each in found}
        with self._engine.connect() as connection:
            left_out = drift.in_flight(connection, customers, asked_at=asked_at, since=asked_at - PATIENCE)
            left_out |= {each for each in customers if each == ERASED or self._forgotten(connection, each)}
        return [each for each in found if each.customer_id not in left_out]

    def _repaired(self, customer_id: str) -> bool:
        outcome = self._syncs.sync_now(customer_id, SYNC_SECONDS)
        log.info("drift_synced", customer_id=customer_id, outcome=outcome)
        if outcome.up_to_date:
            with self._engine.begin() as connection:
                drift.close(connection, customer_id, self._wall_clock())
        return outcome.up_to_date

    def _with_rows(self, report: Reconciled, run: runs.Run) -> Reconciled:
        with self._engine.connect() as connection:
            return replace(report, rows=drift.seen_since(connection, run.started_at))


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
