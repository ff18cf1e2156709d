"""`newsstand privacy` hands out what is held on a reader, and erases it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, insert

from service.cli import main
from service.clocks import wall_clock
from service.store import tables
from service.store.audit import AuditQuery
from service.support.audit import Audit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Sound settings; Stripe is not there."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example",
        "PLANS_FILE": str(ROOT / "plans.yaml"),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["privacy", *arguments], env=environment)


def test_an_export_is_written_and_on_record(environment: dict[str, str], engine: Engine, tmp_path: Path) -> None:
    """To the screen or a file; who took it is in the audit log, and of whom nothing is held is said."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-ada", email="adä@example.com"))
    shown = run(environment, "export", "r-ada")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["held"]["accounts"]["rows"][0]["email"] == "adä@example.com"
    file = tmp_path / "ada.json"
    assert run(environment, "export", "r-ada", "--to", str(file), "--reason", "asked by letter").output == ""
    assert "adä@example.com" in file.read_text("utf-8")
    missing = run(environment, "export", "r-404")
    assert (missing.exit_code, missing.output) == (1, "Error: Nothing is held on this reader.\n")
    rows = Audit(engine, wall_clock).page(AuditQuery()).rows
    assert [(row["act"], row["subjects"]) for row in rows] == [("account.export", ["r-ada"])] * 2
    assert [row["reason"] for row in rows] == ["asked by letter", None]


def test_an_erasure_is_confirmed_done_and_on_record(environment: dict[str, str], engine: Engine) -> None:
    """Without a yes nothing happens; of somebody Stripe does not know, the record is believed when told so.

    Done again, it says that it was done before, instead of telling nothing of Stripe.
    """
    with engine.begin() as connection:
        account = {"reader_id": "r-ada", "email": "ada@example.com", "customer_id": "cus_Ada"}
        connection.execute(insert(tables.accounts).values(account))
    erase = ("erase", "r-ada", "--reason", "asked by letter")
    assert "Aborted" in run(environment, *erase).output
    assert "--as-known does without" in run(environment, *erase, "--yes").output
    named = run(environment, "erase", "r-ada", "--reason", "ada@example.com asked", "--yes", "--as-known")
    assert "neither their ids nor their e-mail address" in named.output
    done = run(environment, *erase, "--yes", "--as-known")
    assert (done.exit_code, "1. Note cus_Ada now" in done.output) == (0, True), done.output
    assert run(environment, *erase).output == "Error: Nothing is held on this reader.\n"
    assert "Erased before, " in run(environment, *erase, "--yes").output
    assert run(environment, "erase", "r-404", "--reason", "asked", "--yes").exit_code == 1
    entries = [(row["act"], row["reason"]) for row in Audit(engine, wall_clock).page(AuditQuery()).rows]
    assert entries == [("account.erase", "asked by letter")] * 2
