"""Compare everything at Stripe with ours, report the drift, and then sync the customers that differ, alone.

First all is looked at, and nothing changed; only then, and only if what was found is likely, is anything put right.
Somebody else's Stripe account, or a database restored from last month, differs nearly everywhere: that is no drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import Engine

from service.clocks import Clock
from service.convergence.looking import Looking, Step
from service.convergence.progress import Progress, Stopped, never, unseen
from service.store import drift, runs
from webhooks.syncs import Syncs

log = structlog.get_logger(__name__)

SYNC_SECONDS = 30.0
REPAIRS_BATCH = 20
FEW_CUSTOMERS = 50
"""So many may differ whatever share of all they are."""
USUAL_PERCENT = 20
_REPAIRING = "repairs"


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """What a run came to. Counted since it was begun or resumed; `rows` are all of the run's, as in `drift`."""

    compared: int = 0
    differing: int = 0
    """Customers."""
    repaired: int = 0
    failed: int = 0
    refused: bool = False
    """Whether so much differed that nothing was repaired: a mistake is likelier than drift."""
    finished: bool = False
    rows: Sequence[dict[str, Any]] = ()

    def numbers(self) -> dict[str, int]:
        """Return what it came to, to be kept."""
        names = ("compared", "differing", "repaired", "failed", "refused")
        return {name: int(getattr(self, name)) for name in names}


def is_unlikely(differing: int, compared: int, *, most_percent: int) -> bool:
    """Tell whether more customers differ than can have been missed; `compared` counts subscriptions."""
    return differing > FEW_CUSTOMERS and differing * 100 > compared * most_percent


@dataclass(kw_only=True)
class _Way:
    """How far a run is. `reached` is where another process would go on, and how much was compared until there."""

    run: runs.Run
    reached: dict[str, Any]
    progress: Progress
    stopped: Stopped
    report: Reconciled = field(default_factory=Reconciled)


class Reconcile:
    """Looks through `looking` and syncs through `syncs`, whose pace the caller has set.

    Where more than `most_percent` of what was compared differs, nothing is repaired unless somebody says `anyway`.
    """

    def __init__(
        self, engine: Engine, looking: Looking, syncs: Syncs, *, wall_clock: Clock, most_percent: int = USUAL_PERCENT
    ) -> None:
        self._engine = engine
        self._looking = looking
        self._syncs = syncs
        self._wall_clock = wall_clock
        self._most_percent = most_percent

    def run(
        self, *, repair: bool, anew: bool = False, anyway: bool = False, progress: Progress = unseen,
        stopped: Stopped = never,
    ) -> Reconciled:  # fmt: skip
        """Compare all, going on where an unfinished run of the same kind stopped (but `anew`); raises StripeFailure.

        Without `repair` nothing but the report is written. A customer who could not be synced stays marked, and is
        tried again like any other.
        """
        with self._engine.begin() as connection:
            run = runs.begin(connection, runs.REPAIRING if repair else runs.LOOKING, self._wall_clock(), anew=anew)
        way = _Way(run=run, reached=dict(run.reached), progress=progress, stopped=stopped)
        if not self._look(way) or (repair and not self._repair(way, anyway=anyway)):
            return self._with_rows(way.report, run)
        with self._engine.begin() as connection:
            found = way.report.numbers() | {"resumed": int(bool(run.reached))}
            runs.end(connection, run, self._wall_clock(), found)
        return replace(self._with_rows(way.report, run), finished=True)

    def _look(self, way: _Way) -> bool:
        """Write down all that differs, unless that is done; tell whether the end was reached."""
        if way.reached.get("phase") == _REPAIRING:
            return True
        with self._engine.connect() as connection:
            total = drift.count_subscriptions(connection)
        for step in self._looking.steps(way.reached):
            self._note(step, way)
            way.progress("subscriptions", way.report.compared, max(total, way.report.compared))
            if way.stopped():
                return False
        with self._engine.begin() as connection:
            drift.close_unseen(connection, way.run.started_at, self._wall_clock())
        self._go_on(way, {"phase": _REPAIRING, "after": ""})
        return True

    def _note(self, step: Step, way: _Way) -> None:
        with self._engine.begin() as connection:
            drift.record(connection, step.found, self._wall_clock())
        way.report = replace(
            way.report,
            compared=way.report.compared + step.compared,
            differing=way.report.differing + len({each.customer_id for each in step.found}),
        )
        self._go_on(way, step.reached, compared=step.compared)

    def _repair(self, way: _Way, *, anyway: bool) -> bool:
        """Sync whom the run found to differ, if that is likely; tell whether the end was reached."""
        compared = way.reached["compared"]
        with self._engine.connect() as connection:
            total = drift.count_curable(connection, way.run.started_at)
        if not anyway and is_unlikely(total, compared, most_percent=self._most_percent):
            log.critical("reconcile_refused", differing=total, compared=compared)
            way.report = replace(way.report, refused=True)
            return True
        return all(self._repair_one(customer_id, way, total) for customer_id in self._curable(way))

    def _curable(self, way: _Way) -> Iterator[str]:
        while True:
            with self._engine.connect() as connection:
                found = drift.next_curable(connection, way.run.started_at, way.reached["after"], REPAIRS_BATCH)
            if not found:
                return
            yield from found

    def _repair_one(self, customer_id: str, way: _Way, total: int) -> bool:
        """Sync one customer; tell whether to go on."""
        outcome = self._syncs.sync_now(customer_id, SYNC_SECONDS)
        log.info("drift_synced", customer_id=customer_id, outcome=outcome)
        if outcome.up_to_date:
            with self._engine.begin() as connection:
                drift.close(connection, customer_id, self._wall_clock())
        counted = "repaired" if outcome.up_to_date else "failed"
        way.report = replace(way.report, **{counted: getattr(way.report, counted) + 1})
        self._go_on(way, {"phase": _REPAIRING, "after": customer_id})
        way.progress(_REPAIRING, way.report.repaired + way.report.failed, total)
        return not way.stopped()

    def _go_on(self, way: _Way, reached: Mapping[str, Any], *, compared: int = 0) -> None:
        """Remember how far it is, and how much was compared until there, by whichever process."""
        way.reached = {**reached, "compared": way.reached.get("compared", 0) + compared}
        with self._engine.begin() as connection:
            runs.save(connection, way.run.name, way.reached, self._wall_clock())

    def _with_rows(self, report: Reconciled, run: runs.Run) -> Reconciled:
        with self._engine.connect() as connection:
            return replace(report, rows=drift.seen_since(connection, run.started_at))
