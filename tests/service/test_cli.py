"""The command line: what refuses a start is one clear line, and each command does what its help says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from sandbox.processes import free_port
from sandbox.standin.server import StandIn
from service.cli import main
from service.clocks import wall_clock
from service.startup import prepare_metrics
from service.store.api_keys import ApiKeyStore
from service.store.audit import AuditQuery
from service.support.audit import Audit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Sound settings on real servers."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example",
        "PLANS_FILE": str(ROOT / "plans.yaml"),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.mark.parametrize("command", ["web", "worker", "migrate"])
def test_missing_settings_are_one_line(command: str) -> None:
    """Every missing variable is named; there is no traceback."""
    names = ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "SUBJECT_KEY", "SITE_ORIGINS")
    result = CliRunner().invoke(main, [command], env=dict.fromkeys(names))
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert all(name in result.output for name in names)


@pytest.mark.parametrize("command", [["migrate"], ["keys", "list"], ["keys", "revoke", "1"], ["audit", "verify"]])
def test_a_postgresql_that_is_away_is_one_line(environment: dict[str, str], command: list[str]) -> None:
    """Status 1 and what the connection says; no traceback."""
    nowhere = f"postgresql://newsstand:hush@127.0.0.1:{free_port()}/newsstand"
    result = run(environment | {"DATABASE_URL": nowhere}, *command)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: PostgreSQL: ")
    assert "hush" not in result.output


def test_a_file_of_networks_that_is_not_there_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    """Refused by the launcher, rather than in every worker."""
    (tmp_path / "plans.yaml").write_text((ROOT / "plans.yaml").read_text())
    result = run(environment | {"PLANS_FILE": str(tmp_path / "plans.yaml")}, "web")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert ": cannot be read: No such file" in result.output


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_folder_for_metrics_that_is_not_there_is_one_line(environment: dict[str, str], command: str) -> None:
    """The variable is named before any process tries to count."""
    result = run(environment | {"PROMETHEUS_MULTIPROC_DIR": "/not/there"}, command)
    assert result.exit_code == 1
    assert result.output.startswith("Error: PROMETHEUS_MULTIPROC_DIR")


def test_the_gauges_of_the_killed_are_forgotten(tmp_path: Path) -> None:
    """Claim: who was killed with their master leaves no lag that is shown for ever; counts stay, and who lives, too."""
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    names = [f"{kind}_{pid}.db" for pid in (killed.pid, os.getpid()) for kind in ("counter", "gauge_livemax")]
    for name in names:
        (tmp_path / name).touch()
    prepare_metrics(str(tmp_path))
    assert {each.name for each in tmp_path.iterdir()} == {*names} - {f"gauge_livemax_{killed.pid}.db"}


def test_plans_check_needs_nothing_but_the_file(tmp_path: Path) -> None:
    """The shipped offer is sound; a text that contradicts its price is refused by file, path and reason."""
    sound = CliRunner().invoke(main, ["plans", "check", "--file", str(ROOT / "plans.yaml")])
    assert (sound.exit_code, "monthly ($2.90 a month)" in sound.output) == (0, True)
    wrong = tmp_path / "plans.yaml"
    wrong.write_text((ROOT / "plans.yaml").read_text().replace('"2.90"', '"2.999"'))
    refused = CliRunner().invoke(main, ["plans", "check", "--file", str(wrong)])
    assert refused.exit_code == 1
    assert "plans[0].price.amount" in refused.output
    assert str(wrong) in refused.output


def test_plans_are_brought_in_step_once(environment: dict[str, str], standin: StandIn) -> None:
    """`diff` shows, `apply` does, and after that there is nothing to do."""
    at_stripe = environment | {"STRIPE_API_BASE": standin.base_url, "STRIPE_SECRET_KEY": "sk_test_sandbox",
                               "NEWSSTAND_SANDBOX": "1"}  # fmt: skip
    assert "in step" not in run(at_stripe, "plans", "diff").output
    assert "done: " in run(at_stripe, "plans", "apply").output
    assert run(at_stripe, "plans", "diff").output == "Stripe is in step with plans.yaml.\n"
    assert run(at_stripe, "plans", "apply").output == "Stripe was in step with plans.yaml.\n"


def test_a_key_is_made_listed_and_revoked(environment: dict[str, str], engine: Engine) -> None:
    """The key is shown once; the list shows only what people recognise it by."""
    made = run(environment, "keys", "create", "our site", "--scope", "decide", "--scope", "billing")
    key = made.output.strip()
    listed = run(environment, "keys", "list").output
    assert "our site" in listed
    assert "billing decide" in listed
    assert key not in listed
    number = str(ApiKeyStore(engine).list()[0].id)
    following = run(environment, "keys", "rotate", number).output.strip()
    assert [each.label for each in ApiKeyStore(engine).live()] == ["our site", "our site"]
    assert run(environment, "keys", "revoke", number).exit_code == 0
    assert run(environment, "keys", "revoke", number).exit_code == 1
    assert "revoked" in run(environment, "keys", "list").output
    assert run(environment, "keys", "rotate", number).exit_code == 1
    entries = Audit(engine, wall_clock).page(AuditQuery()).rows
    told = [(row["act"], row["detail"].get("status")) for row in reversed(entries)]
    assert [each for each in told if each[1]] == [
        ("key.make", 200), ("key.rotate", 200), ("key.revoke", 200), ("key.revoke", 404), ("key.rotate", 404),
    ]  # fmt: skip
    assert len(told) == 10, "each was on record before it was done"
    assert entries[0]["actor"].startswith("command:")
    assert not any(secret in str(row["detail"]) for row in entries for secret in (key, following))


def test_the_sandboxs_keys_are_for_the_sandbox(environment: dict[str, str]) -> None:
    """Asked for outside it, they are refused."""
    assert run(environment, "sandbox-keys").exit_code == 1


def test_migrating_an_up_to_date_database_changes_nothing(environment: dict[str, str]) -> None:
    """It may run at every deployment."""
    assert run(environment, "migrate").output == "The database is up to date.\n"


def test_help_lists_what_other_packages_offer() -> None:
    """The tour is the sandbox's, and a command like the others."""
    assert "tour" in CliRunner().invoke(main, ["--help"]).output


def test_numbers_are_counted_at_once(environment: dict[str, str]) -> None:
    """Of an empty paper too; where to look is said."""
    counted = run(environment, "numbers", "count")
    assert (counted.exit_code, counted.output) == (0, "Counted; /support/numbers shows it.\n")
