"""docs/operations.md does what it says: its own commands, on real servers."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import insert

from sandbox.newsroom import ROOT, machine
from sandbox.servers import Postgres, postgres_bin
from service.journal.partitions import ensure
from service.store.database import make_engine
from service.store.journal_tables import decisions
from webhooks.snapshot import CustomerSnapshot
from webhooks.syncs import Syncs

pytestmark = pytest.mark.slow

GUIDE = "docs/operations.md"


class Operator:
    """Somebody who runs the guide's commands as they stand, in a folder of their own."""

    def __init__(self, folder: Path, variables: dict[str, str], commands: list[str]) -> None:
        self._folder, self._variables, self._commands = folder, variables, commands

    def run(self, telling: str) -> str:
        """Run the one block that holds `telling`; return what it printed. It must end well."""
        (command,) = [each for each in self._commands if telling in each]
        programs = f"{Path(sys.executable).parent}:{Path(postgres_bin('psql')).parent}"
        env = machine(os.environ) | self._variables | {"PATH": f"{programs}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-ec", command], check=False, cwd=self._folder, env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def new_database_url(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database."""
    address = f"postgresql://newsstand@127.0.0.1:{postgres.port}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
        admin.execute("create database restored")
        yield f"{address}/restored"
        admin.execute("drop database restored with (force)")


@pytest.fixture
def operator(
    database_url: str, new_database_url: str, redis_url: str, tmp_path: Path, blocks: Callable[[str], list[Any]]
) -> Operator:
    variables = {
        "DATABASE_URL": database_url, "NEW_DATABASE_URL": new_database_url, "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_5f1c8e07", "STRIPE_WEBHOOK_SECRETS": "whsec_5f1c8e07aa",
        "SUBJECT_KEY": "5f1c8e07" * 4, "SITE_ORIGINS": "https://www.your-daily.example",
        "PLANS_FILE": str(ROOT / "plans.yaml"),
    }  # fmt: skip
    return Operator(tmp_path, variables, [block.text for block in blocks(GUIDE) if block.language == "sh"])


def test_an_untouched_audit_log_verifies(operator: Operator) -> None:
    """Also an empty one."""
    assert "0 entries are as they were written" in operator.run("audit verify")


def test_the_break_glass_account_is_opened_by_the_guides_command(operator: Operator) -> None:
    """It prints a password, and nothing else."""
    assert re.fullmatch(r"[\w-]{24}\n", operator.run("break-glass"))


def test_stuck_events_are_listed_and_replayed(operator: Operator) -> None:
    """Of which there are none here; it is told all the same."""
    assert operator.run("events replay") == "0 events of 0 customers will be tried again.\n"


def test_what_was_backed_up_is_restored_and_every_customer_due(
    operator: Operator, database_url: str, new_database_url: str
) -> None:
    """Dump, restore, migrate, mark: the rows are back, and syncs find each customer, backed off or leased before."""
    with psycopg.connect(database_url, autocommit=True) as before:
        before.execute("insert into accounts (reader_id, customer_id) values ('r-1', 'cus_1'), ('r-2', 'cus_2')")
        before.execute("insert into customer_syncs (customer_id, dirty, synced, not_before, leased_until) values "
                       "('cus_1', 3, 3, null, null), ('cus_2', 5, 4, now() + '1 day', now() + '1 day')")  # fmt: skip
    operator.run("pg_dump")
    operator.run("pg_restore")
    with psycopg.connect(new_database_url) as after:
        assert after.execute("select reader_id from accounts order by 1").fetchall() == [("r-1",), ("r-2",)]
        assert after.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
    assert _due(new_database_url) == set()
    operator.run("psql")
    assert _due(new_database_url) == {"cus_1", "cus_2"}


def _due(address: str) -> set[str]:
    def unused(*_: Any) -> Any:
        raise AssertionError("nothing is fetched or written here")

    engine = make_engine(address)
    fetch: Callable[[str], CustomerSnapshot] = unused
    syncs = Syncs(
        engine, fetch, unused, wall_clock=lambda: datetime.now(UTC), after_commit=unused, defer=unused
    )  # fmt: skip
    found = set(syncs.due(10))
    engine.dispose()
    return found


def test_keys_are_rolled_with_its_commands(operator: Operator, database_url: str) -> None:
    """Two keys live side by side; the revoked one is the one whose number was given."""
    printed = operator.run("newsstand keys create").splitlines()
    key, listed, told = printed[0], printed[1], printed[-1]
    assert key.startswith("nsk_")
    assert key[:12] in listed
    assert told == "Key 1 is revoked."
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select revoked_at is not null from api_keys").fetchall() == [(True,)]


def test_another_meter_is_tried_with_its_command(operator: Operator, database_url: str, tmp_path: Path) -> None:
    """One wall of a day, which three articles a week would have spared; table and drawing say so."""
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        ensure(connection, [at.date()])
        row = {"recorded_at": at, "decided_at": at, "id": 1, "visitor_id": "v-1", "article_id": "a-1",
               "article_access": "metered", "consume": True, "granted": False, "reason": "meter_exhausted",
               "counted": False, "meter_outcome": "full", "meter_used": 1, "meter_limit": 1, "window_kind": "month",
               "window_id": "month-2026-11", "resets_at": at + timedelta(days=9), "catalog_version": "v"}  # fmt: skip
        connection.execute(insert(decisions).values(row))
    engine.dispose()
    printed = operator.run("newsstand meter what-if")
    assert "2026-11-22" in printed
    assert "2026-11-22: 1 lost" in (tmp_path / "what-if.svg").read_text()


@pytest.mark.xdist_group("newsroom")
def test_the_names_it_watches_exist(newsroom: Any, blocks: Callable[[str], list[Any]]) -> None:
    """Health and metrics of a running service hold what the table tells to look at."""
    ready = json.loads(_get(newsroom, "/health/ready"))
    assert {"oldest_unprocessed_event_seconds", "parts", "degraded"} <= set(ready)
    assert "worker" in ready["parts"]
    _use(newsroom)
    named = {
        "newsstand_decisions_total", "newsstand_webhook_events_total", "newsstand_syncs_total",
        "newsstand_paid_but_refused_total", "newsstand_journal_entries_total", "newsstand_journal_lag_seconds",
    }  # fmt: skip
    deadline = time.monotonic() + 30
    while not named <= (seen := set(re.findall(r"^# TYPE (\S+)", _get(newsroom, "/metrics").decode(), re.MULTILINE))):
        assert time.monotonic() < deadline, named - seen
        time.sleep(0.2)


def _use(newsroom: Any) -> None:
    """Ask for a decision and open a checkout, of whose customer Stripe tells: a counter shows once it has counted."""
    home = newsroom.at.site_url
    reader = {"reader_id": "r-operations", "plan": "annual", "success_url": home, "cancel_url": home}
    for path, body in (("/v1/decisions", {"article": {"id": "a"}}), ("/v1/checkouts", reader)):
        headers = {"Authorization": "Bearer site_sandbox"}
        assert requests.post(newsroom.at.service_url + path, json=body, headers=headers, timeout=20).ok


def _get(newsroom: Any, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", newsroom.at.ports.web, timeout=20)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body
