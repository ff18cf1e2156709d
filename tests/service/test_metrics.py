"""What is counted, alone and over several processes, with labels that callers cannot grow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import metrics
from service.domain.alarms import SOLD_TWICE, ErrandOutcome

COUNTER = """
from service import metrics
for _ in range(3):
    metrics.count_decision("metered", None)
metrics.count_decision("outage", "redis")
metrics.count_webhook_event("marked")
metrics.count_sync("synced")
metrics.observe_request("POST", "/v1/decisions", 200, 0.004)
"""


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def test_the_counts_of_all_processes_are_merged(tmp_path: Path) -> None:
    """Two that counted and have ended, and a third that asks: sums over all, histograms included."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNTER], env=environment, check=True)
    asking = COUNTER + "import sys; sys.stdout.buffer.write(metrics.exposition())"
    text = subprocess.run(
        [sys.executable, "-c", asking], env=environment, check=True, capture_output=True
    ).stdout.decode()
    assert value(text, "newsstand_decisions_total", reason="metered", degraded="none") == 9
    assert value(text, "newsstand_decisions_total", reason="outage", degraded="redis") == 3
    assert value(text, "newsstand_webhook_events_total", outcome="marked") == 3
    assert value(text, "newsstand_syncs_total", outcome="synced") == 3
    labels = {"method": "POST", "route": "/v1/decisions", "status": "200"}
    assert value(text, "newsstand_request_duration_seconds_count", **labels) == 3
    assert value(text, "newsstand_request_duration_seconds_bucket", le="0.005", **labels) == 3


@pytest.mark.parametrize("word", ["canary@example.com", "evt_1", ""])
def test_labels_come_from_fixed_lists(word: str) -> None:
    """Whatever a caller or Stripe sends, the number of series stays what it is."""
    metrics.count_webhook_event(word)
    metrics.count_sync(word)
    metrics.count_account_alarm(word)
    metrics.observe_request(word, None, 404, 0.001)
    text = metrics.exposition().decode()
    assert "canary" not in text
    assert "evt_1" not in text
    assert value(text, "newsstand_webhook_events_total", outcome="other") >= 1
    assert value(text, "newsstand_syncs_total", outcome="other") >= 1
    assert value(text, "newsstand_account_alarms_total", why="other") >= 1
    labels = {"method": "other", "route": "unmatched", "status": "404"}
    assert value(text, "newsstand_request_duration_seconds_count", **labels) >= 1


def test_the_age_of_the_oldest_event_is_as_of_now(tmp_path: Path) -> None:
    """One sample, of the moment of asking, also where many processes count; none while it cannot be known."""
    asking = """
from service import metrics
metrics.exposition(70.0)
metrics.count_backfilled(2)
print(metrics.exposition(4.5, 3, {"failed": 1, "quarantined": 2}).decode() + "# ---")
print(metrics.exposition(None).decode())
"""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    output = subprocess.run([sys.executable, "-c", asking], env=environment, check=True, capture_output=True).stdout
    known, unknown = output.decode().split("# ---")
    assert value(known, "newsstand_oldest_unprocessed_event_seconds") == 4.5
    assert value(known, "newsstand_backfilled_events_total") == 2
    assert value(known, "newsstand_paid_but_refused_total") == 3
    assert value(known, "newsstand_stuck_events", state="failed") == 1
    assert value(known, "newsstand_stuck_events", state="quarantined") == 2
    assert "oldest" not in unknown
    assert "stuck" not in unknown
    assert "paid_but_refused" not in unknown


@pytest.mark.parametrize("outcome", ["marked", "to_route", "ignored", "duplicate", "invalid_signature", "not_stored"])
def test_outcomes_of_the_intake_are_known(outcome: str) -> None:
    """Each is a series of its own, not `other`."""
    metrics.count_webhook_event(outcome)
    assert value(metrics.exposition().decode(), "newsstand_webhook_events_total", outcome=outcome) >= 1


def test_what_is_done_at_stripe_by_itself_is_counted() -> None:
    """By kind and by what came of it, so that a refusal can alarm; and a reader who pays twice."""
    metrics.count_errand("warned_charge", ErrandOutcome.FAILING)
    metrics.count_account_alarm(SOLD_TWICE)
    text = metrics.exposition().decode()
    assert value(text, "newsstand_errands_total", kind="warned_charge", outcome="failing") >= 1
    assert value(text, "newsstand_account_alarms_total", why="sold_twice") >= 1
