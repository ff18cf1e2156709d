"""Heads are noted outside the database, read back, and tell a log that was cut short from a whole one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.domain.chain import Head
from service.errors import ConfigurationError
from service.support.anchors import Anchor, heads_in, heads_named
from service.support.audit import Audit, Entry

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def audit(engine: Engine) -> Audit:
    return Audit(engine, lambda: NOW)


def add(audit: Audit) -> Head:
    with audit.begin() as connection:
        audit.record(connection, Entry(actor="staff:1", act="account.read"))
    return audit.head()


def test_each_head_is_a_line_once(audit: Audit, tmp_path: Path) -> None:
    """Only when it has moved; a second process adds to the same file; nobody else may read it."""
    path = tmp_path / "heads"
    anchor = Anchor(audit, path, lambda: NOW)
    first = add(audit)
    assert anchor.note() == anchor.note() == first
    second = add(audit)
    Anchor(audit, path, lambda: NOW).note()
    assert heads_in(path) == [first, second]
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_file_the_log_line_alone_is_the_anchor(audit: Audit) -> None:
    """`number:digest` of the line is what `newsstand audit verify --head` takes."""
    head = Anchor(audit, None, lambda: NOW).note()
    assert heads_named([f"{head.seq}:{head.digest.hex()}"]) == [head]


def test_no_file_is_no_head(tmp_path: Path) -> None:
    """Nothing was noted yet."""
    assert heads_in(tmp_path / "none") == []


@pytest.mark.parametrize("line", ["x", "[]", "{}", '{"seq": "a", "digest": ""}', '{"seq": 1, "digest": "zz"}', ""])
def test_a_damaged_file_is_refused_by_line(tmp_path: Path, line: str) -> None:
    """Evidence that can't be read is no evidence."""
    (tmp_path / "heads").write_text(f'{{"seq": 1, "digest": "{"00" * 32}"}}\n{line}\n')
    with pytest.raises(ConfigurationError, match="line 2"):
        heads_in(tmp_path / "heads")


@pytest.mark.parametrize("named", ["", "1", "a:00", "1:zz"])
def test_a_head_that_is_none_is_refused(named: str) -> None:
    """As typed by people."""
    with pytest.raises(ConfigurationError, match="not a noted head"):
        heads_named([named])
