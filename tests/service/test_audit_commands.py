"""`newsstand audit` tells a log as written from one that was touched."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from service.cli import main
from service.clocks import wall_clock
from service.support.audit import Audit, Entry


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Sound settings, and a file for noted heads."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example",
        "AUDIT_ANCHOR_FILE": str(tmp_path / "heads"),
    }


@pytest.fixture
def three_entries(engine: Engine) -> None:
    audit = Audit(engine, wall_clock)
    with audit.begin() as connection:
        audit.record_all(connection, [Entry(actor="staff:1", act="account.read", reason=each) for each in "abc"])


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments], env=environment)


def cut(engine: Engine) -> None:
    """Do what only somebody with the database's keys can do: take the last entry away."""
    with engine.begin() as connection:
        for statement in ("alter table audit disable trigger user", "alter table audit_details disable trigger user",
                          "delete from audit_details where seq = 3", "delete from audit where seq = 3"):  # fmt: skip
            connection.execute(text(statement))


@pytest.mark.usefixtures("three_entries")
def test_a_log_cut_short_is_found_by_the_noted_head(environment: dict[str, str], engine: Engine) -> None:
    """By the file, and by a head from the logs; without either it looks whole, and the command says so."""
    noted = run(environment, "anchor").output.strip()
    whole = run(environment, "verify")
    assert (whole.exit_code, "3 entries are as they were written; 1 noted heads agree" in whole.output) == (0, True)
    cut(engine)
    for extra, source in (((), {}), (("--head", noted), {"AUDIT_ANCHOR_FILE": ""})):
        found = run(environment | source, "verify", *extra)
        assert "entry 3: was noted outside, but the chain ends at 2" in found.output, found.output
        assert found.exit_code == 1
    blind = run(environment | {"AUDIT_ANCHOR_FILE": ""}, "verify")
    assert (blind.exit_code, "nobody can tell" in blind.output) == (0, True)


@pytest.mark.usefixtures("three_entries")
def test_a_file_of_heads_that_is_gone_is_no_agreement(environment: dict[str, str], engine: Engine) -> None:
    """Claim: who cuts the log short and takes the noted heads away, or empties them, leaves no log that looks whole."""
    run(environment, "anchor")
    cut(engine)
    file = Path(environment["AUDIT_ANCHOR_FILE"])
    for spoil in (partial(file.write_text, ""), file.unlink):
        spoil()
        found = run(environment, "verify")
        assert (found.exit_code, "no head is noted in" in found.output) == (1, True)
    assert run(environment | {"AUDIT_ANCHOR_FILE": ""}, "verify", "--anchors", str(file)).exit_code == 1


@pytest.mark.usefixtures("three_entries")
def test_an_edited_entry_is_named(environment: dict[str, str], engine: Engine) -> None:
    """Its number, and that the log is not as it was written."""
    with engine.begin() as connection:
        connection.execute(text("alter table audit disable trigger user"))
        connection.execute(text("update audit set actor = 'staff:2' where seq = 2"))
    found = run(environment, "verify")
    assert (found.exit_code, "entry 2: was edited" in found.output) == (1, True)
    assert "not as it was written" in found.output
