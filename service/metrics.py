"""What is counted, over all processes that share PROMETHEUS_MULTIPROC_DIR.

The variable must be set before this module is first imported: prometheus_client chooses then between memory and
shared files. Labels come from fixed lists, so that no caller can grow the number of series.

Anybody who reaches the service's port may read `/metrics`: it holds numbers alone. Keep the port on a private network.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from metering.process import this_process
from service.domain.alarms import ACCOUNT_ALARMS, ErrandOutcome
from service.together import Together
from webhooks.alarms import ALARMS
from webhooks.events import RefusalCode
from webhooks.inbox import Stored
from webhooks.turn import SyncOutcome

MEDIA_TYPE = "text/plain; version=0.0.4"
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
WEBHOOK_OUTCOMES = frozenset[str]({*Stored, *RefusalCode, "too_large", "not_stored"})
SYNC_OUTCOMES = frozenset[str](SyncOutcome)
REDIS_FAULTS = frozenset[str](
    {
        "TimeoutError", "ConnectionError", "Paused", "BusyLoadingError", "OutOfMemoryError", "ReadOnlyError",
        "ResponseError", "ClusterError", "ClusterDownError", "MasterDownError", "TryAgainError",
    }
)  # fmt: skip
SIGN_IN_REFUSALS = frozenset({"break_glass", "break_glass_not_looked_at", "no_group", "revoked"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    # As it comes, it asks the kernel which process this is each time it counts: three times a decision.
    values.ValueClass = values.MultiProcessValue(lambda: this_process.pid)  # type: ignore[no-untyped-call]

_decisions = Counter(
    "newsstand_decisions", "Decisions, by reason and by the part that was missing.", ["reason", "degraded"]
)
_redis_faults = Counter("newsstand_redis_faults", "Questions that Redis did not answer in time, by fault.", ["fault"])
_requests = Histogram(
    "newsstand_request_duration_seconds",
    "Time to answer, by route template.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
_webhook_events = Counter("newsstand_webhook_events", "Posts to the webhook endpoint, by outcome.", ["outcome"])
_alarms = Counter("newsstand_event_alarms", "Stripe's events that somebody should look into, by why.", ["why"])
_account_alarms = Counter("newsstand_account_alarms", "Accounts that somebody should look into, by why.", ["why"])
_errands = Counter(
    "newsstand_errands", "Tries of what is to be done at Stripe by itself, by kind and outcome.", ["kind", "outcome"]
)
_backfilled = Counter("newsstand_backfilled_events", "Events that no webhook brought, found in Stripe's list.")
_refused_reconciles = Counter(
    "newsstand_refused_reconciles", "Nightly comparisons that repaired nothing, for too much differed to be true."
)
_clocks_apart = Counter(
    "newsstand_clocks_apart", "Times that a worker's clock and PostgreSQL's were found more than five minutes apart."
)
_newcomers = Counter("newsstand_newcomers", "Visitors without reads whom the scraper guard judged.", ["outcome"])
_refused_sign_ins = Counter("newsstand_refused_sign_ins", "Sign-ins to the console that were refused, by why.", ["why"])
_syncs = Counter("newsstand_syncs", "Syncs of one customer, by outcome.", ["outcome"])
_journal = Counter("newsstand_journal_entries", "Decisions to be remembered: written, or dropped.", ["outcome"])
_journal_waiting = Gauge("newsstand_journal_waiting_entries", "Entries not written yet.", multiprocess_mode="livesum")
_journal_lag = Gauge(
    "newsstand_journal_lag_seconds", "How long the first of them has waited.", multiprocess_mode="livemax"
)


def count_decision(reason: str, degraded: str | None, times: int = 1) -> None:
    """Count a decision, or as many that are alike; `degraded` is `redis`, `database` or None."""
    _soon.note((_decisions_of(reason, degraded or "none").inc, times))


def count_redis_fault(name: str) -> None:
    """Count a question that Redis did not answer; `name` is the fault's class in redis-py, or `Paused`."""
    _redis_faults.labels(fault=name if name in REDIS_FAULTS else OTHER).inc()


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Record one request's duration; `route` is the template, None where none matched."""
    known = method if method in METHODS else OTHER
    _soon.note((_requests_of(known, route or "unmatched", status).observe, seconds))


def _count(noted: Sequence[tuple[Callable[[float], None], float]]) -> None:
    with contextlib.suppress(OSError):  # a full disk, where all processes' counts are kept
        for count, amount in noted:
            count(amount)


# What every decision counts; everything else is counted at once.
_soon = Together("metrics", _count)


# Finding a series by its labels costs more than counting; there are few, because labels come from fixed lists.
@cache
def _decisions_of(reason: str, degraded: str) -> Counter:
    return _decisions.labels(reason=reason, degraded=degraded)


@cache
def _requests_of(method: str, route: str, status: int) -> Histogram:
    return _requests.labels(method=method, route=route, status=str(status))


def count_webhook_event(outcome: str) -> None:
    """Count one post to the webhook endpoint."""
    _webhook_events.labels(outcome=outcome if outcome in WEBHOOK_OUTCOMES else OTHER).inc()


def count_event_alarm(why: str) -> None:
    """Count an event that somebody should look into."""
    _alarms.labels(why=why if why in ALARMS else OTHER).inc()


def count_account_alarm(why: str) -> None:
    """Count an account that somebody should look into."""
    _account_alarms.labels(why=why if why in ACCOUNT_ALARMS else OTHER).inc()


def count_errand(kind: str, outcome: ErrandOutcome) -> None:
    """Count one try of something that is to be done at Stripe; `kind` is the name of its rows."""
    _errands.labels(kind=kind, outcome=outcome.value).inc()


def count_newcomer(*, admitted: bool) -> None:
    """Count one judgement of the scraper guard."""
    _newcomers.labels(outcome="admitted" if admitted else "limited").inc()


def count_refused_sign_in(why: str) -> None:
    """Count one sign-in to the console that let nobody in."""
    _refused_sign_ins.labels(why=why if why in SIGN_IN_REFUSALS else OTHER).inc()


def count_sync(outcome: str) -> None:
    """Count one sync of a customer."""
    _syncs.labels(outcome=outcome if outcome in SYNC_OUTCOMES else OTHER).inc()


def count_backfilled(events: int) -> None:
    """Count events that the backfill found and no webhook had brought."""
    _backfilled.inc(events)


def count_refused_reconcile() -> None:
    """Count a comparison after which nothing was repaired."""
    _refused_reconciles.inc()


def count_clocks_apart() -> None:
    """Count one look at both clocks, the host's and PostgreSQL's, that found them far apart."""
    _clocks_apart.inc()


def count_journal(*, written: int, dropped: int) -> None:
    """Count remembered decisions that were written, and those that found no room or could not be held."""
    _journal.labels(outcome="written").inc(written)
    _journal.labels(outcome="dropped").inc(dropped)


def show_journal(*, waiting: int, lag_seconds: float) -> None:
    """Show what this process has not written yet; a process that ends takes its part along."""
    _journal_waiting.set(waiting)
    _journal_lag.set(lag_seconds)


def exposition(
    oldest_event_seconds: float | None = None,
    paid_but_refused: int | None = None,
    stuck_events: Mapping[str, int] | None = None,
) -> bytes:
    """Return everything counted, in Prometheus' text format: of all processes, or of this one when alone.

    `oldest_event_seconds` is the age of the oldest event not yet applied, `paid_but_refused` how many refusals ever met
    a reader who had paid, `stuck_events` how many events failed, by state; None (not known now) shows no sample.
    """
    _soon.flush()
    return _counted() + _present(oldest_event_seconds, paid_but_refused, stuck_events)


def _counted() -> bytes:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _present(
    oldest_event_seconds: float | None, paid_but_refused: int | None, stuck_events: Mapping[str, int] | None
) -> bytes:
    """Return what is true of all processes at this moment, whichever of them is asked."""
    known: list[Metric] = []
    if oldest_event_seconds is not None:
        text = "Age of the oldest event not yet applied; 0 when none waits."
        known.append(GaugeMetricFamily("newsstand_oldest_unprocessed_event_seconds", text, value=oldest_event_seconds))
    if paid_but_refused is not None:
        text = "Refusals of readers who had paid, as a later sync showed; ever."
        known.append(CounterMetricFamily("newsstand_paid_but_refused", text, value=paid_but_refused))
    if stuck_events is not None:
        known.append(_stuck(stuck_events))
    registry = CollectorRegistry()
    registry.register(_Known(known))
    return generate_latest(registry)


def _stuck(events: Mapping[str, int]) -> Metric:
    found = GaugeMetricFamily(
        "newsstand_stuck_events", "Events that wait because something failed, up to 10,000.", labels=["state"]
    )
    for state, number in events.items():
        found.add_metric([state], number)
    return found


class _Known(Collector):
    """Not Gauges: with several processes each would keep its own in a file, and old ones would be merged in."""

    def __init__(self, known: Iterable[Metric]) -> None:
        self._known = known

    def collect(self) -> Iterable[Metric]:
        return self._known
