"""Long work runs once at a time, at its own pace, and is started by hand with one command each."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from service.cli import main
from service.clocks import wall_clock
from service.convergence.allowance import Rate
from service.store import runs

pytestmark = pytest.mark.slow


@pytest.fixture
def run(town: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command as a person would."""
    for name, value in town.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("service.assembly.core.long_work_rate", lambda **_: Rate(per_second=1000, burst=100))
    # It would bind this whole process's log to an output that ends with the command.
    monkeypatch.setattr("service.logs.configure_logs", lambda _level: None)

    def command(*words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return command


def test_only_one_process_does_the_same_work(engine: Engine) -> None:
    """A second asks and is told; other work is free; when the first ends, so does its claim."""
    with (
        runs.alone(engine, "reconcile") as first,
        runs.alone(engine, "reconcile") as second,
        runs.alone(engine, "rebuild") as other,
    ):
        assert (first, second, other) == (True, False, True)
    with runs.alone(engine, "reconcile") as again:
        assert again


def test_a_claim_ends_with_work_that_failed(engine: Engine) -> None:
    """An exception must not keep every later night's work away."""
    with pytest.raises(ZeroDivisionError), runs.alone(engine, "reconcile"):
        raise ZeroDivisionError
    with runs.alone(engine, "reconcile") as again:
        assert again


def test_unfinished_work_of_yesterday_begins_anew(engine: Engine) -> None:
    """Within a day it goes on where it was."""
    now = wall_clock()
    with engine.begin() as connection:
        runs.begin(connection, "reconcile", now - runs.STALE * 2)
        runs.save(connection, "reconcile", {"until": 5}, now - runs.STALE * 0.9)
        assert runs.begin(connection, "reconcile", now).reached == {"until": 5}
        runs.save(connection, "reconcile", {"until": 5}, now - runs.STALE)
        assert runs.begin(connection, "reconcile", now) == runs.Run(name="reconcile", started_at=now, reached={})


def test_work_that_is_under_way_elsewhere_is_left_alone(town: Any, run: Any) -> None:
    """Every kind says so instead of doing it twice."""
    with (
        runs.alone(town.core.engine, "backfill"),
        runs.alone(town.core.engine, "reconcile"),
        runs.alone(town.core.engine, "rebuild"),
    ):
        assert town.convergence.follow() is None
        refused = run("rebuild")
        assert (refused.exit_code, town.convergence.reconcile(repair=True)) == (1, None)
        assert "another process" in refused.output
        assert run("backfill").exit_code == 1


def test_long_work_draws_on_the_shared_allowance_and_live_work_does_not(town: Any) -> None:
    """As the composition root builds them: each call of long work takes a token, a live sync none."""
    tokens = "select extract(epoch from free_at) from stripe_allowances"
    customer_id = town.subscriber("r-1")
    assert town.rows(tokens) == []
    town.core.convergence.reconcile(repair=False)
    ((before,),) = town.rows(tokens)
    town.sync(customer_id)
    assert town.rows(tokens) == [(before,)]
    town.core.convergence.reconcile(repair=False)
    assert town.rows(tokens) > [(before,)]


def test_backfill_brings_what_no_webhook_did(town: Any, run: Any) -> None:
    """A purchase that we never heard of, found by hand: its customer is marked, and a worker does the rest."""
    customer_id = town.customer("r-1")
    town.buy(customer_id)
    result = run("backfill", "--days", "1")
    assert result.exit_code == 0
    assert result.output.endswith(" of them new.\n")
    assert town.rows("select customer_id from customer_syncs where dirty > synced") == [(customer_id,)]
    assert ", 0 of them new" in run("backfill", "--days", "1").output


def test_reconcile_is_a_dry_run_unless_told_to_repair(town: Any, run: Any) -> None:
    """It prints each difference and ends with 1 while drift is left; with --repair it is gone."""
    customer_id = town.subscriber("r-1")
    town.client.v1.subscriptions.cancel(town.client.v1.subscriptions.list({"customer": customer_id}).data[0].id)
    dry = run("reconcile")
    assert dry.exit_code == 1
    assert [word in dry.output for word in (customer_id, "canceled", "active")] == [True] * 3
    assert "1 subscriptions compared, 1 customers with drift, 0 repaired." in dry.output
    assert town.entitlements()["r-1"]["status"] == "active"
    repaired = run("reconcile", "--repair")
    assert (repaired.exit_code, town.entitlements()["r-1"]["status"]) == (0, "ended")
    assert run("reconcile").output.endswith("1 subscriptions compared, 0 customers with drift, 0 repaired.\n")


def test_rebuild_is_one_command(town: Any, run: Any) -> None:
    """It says how many were restored, and names who was not."""
    town.subscriber("r-1")
    town.execute("truncate customer_snapshots, subscriptions, invoices, holds, entitlements")
    result = run("rebuild")
    assert (result.exit_code, town.entitlements()["r-1"]["status"]) == (0, "active")
    assert result.output.endswith("1 restored, 0 failed.\n")
    town.execute("insert into accounts (reader_id, customer_id) values ('r-0', 'cus_nobody')")
    failed = run("rebuild", "--anew")
    assert (failed.exit_code, "failed: cus_nobody" in failed.output) == (1, True)


def test_stripe_away_is_one_line(town: Any, run: Any, standin: Any) -> None:
    """And the work can be gone on with."""
    standin.account.faults.status = 500
    result = run("reconcile")
    assert (result.exit_code, "goes on where it stopped" in result.output) == (1, True)
