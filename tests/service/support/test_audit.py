"""The audit log on a real PostgreSQL: nobody changes it, every change is found, and what is personal can be erased."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from service.domain.chain import faults
from service.errors import NotFound
from service.store import audit as store
from service.store.audit import AuditQuery
from service.support.audit import Audit, Audited, Entry, Trail, plain

NOW = datetime(2026, 11, 10, 9, 0, 0, 123456, tzinfo=UTC)
ROWS = 10_000


@pytest.fixture
def audit(engine: Engine) -> Audit:
    return Audit(engine, lambda: NOW)


def entry(number: int = 1, **changes: Any) -> Entry:
    usual: dict[str, Any] = {
        "actor": "staff:1", "act": "account.read", "subjects": (f"r-{number}",), "reason": "asked by telephone",
        "detail": {"email": f"Reader{number}@example.com", "amount": 290, "lines": ["a", None]}, "request_id": "req-1",
    }  # fmt: skip
    return Entry(**(usual | changes))


def record(audit: Audit, *entries: Entry) -> None:
    with audit.begin() as connection:
        audit.record_all(connection, entries)


TAMPERS = {
    "edit": ("update audit set actor = 'staff:2' where seq = 5000", "5000: was edited"),
    "edit of details": (
        "update audit_details set reason = 'none' where seq = 5000", "5000: its details were edited"
    ),
    "delete": (
        "delete from audit_details where seq = 5000; delete from audit where seq = 5000",
        "5001: follows 4999: links are missing in between",
    ),
    "delete of details": (
        "delete from audit_details where seq = 5000", "5000: its details are gone, and no erasure names them"
    ),
    "delete of the first": (
        "delete from audit_details where seq <= 5000; delete from audit where seq <= 5000",
        "5001: follows 0: links are missing in between",
    ),
    "reorder": (
        "update audit set seq = -seq where seq in (5000, 5001); update audit set seq = 10001 + seq where seq < 0",
        "5000: was edited",
    ),
    "truncation": (
        "delete from audit_details where seq > 9000; delete from audit where seq > 9000",
        "10000: was noted outside, but the chain ends at 9000",
    ),
    "emptying": ("truncate audit cascade", "10000: was noted outside, but the chain ends at 0"),
}  # fmt: skip


@pytest.mark.slow
def test_every_tampering_with_ten_thousand_rows_is_found(engine: Engine, audit: Audit) -> None:
    """By somebody who may switch the triggers off: edit, delete, reorder, truncate, each told with its place."""
    record(audit, *(entry(number) for number in range(1, ROWS + 1)))
    heads = [audit.head()]
    assert list(audit.faults(heads)) == []
    for name, (statement, fault) in TAMPERS.items():
        with engine.connect() as connection:
            for table in ("audit", "audit_details"):
                connection.execute(text(f"alter table {table} disable trigger user"))
            connection.execute(text("alter table audit_details drop constraint audit_details_seq_fkey"))
            for each in statement.split("; "):
                connection.execute(text(each))
            assert any(str(each) == fault for each in faults(store.whole(connection), heads)), name
            connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'staff:2'",
        "delete from audit where seq = 2",
        "truncate audit cascade",
        "update audit_details set reason = null",
        "delete from audit_details where seq = 2",
        "truncate audit_details",
    ],
)
def test_the_database_refuses_every_change(engine: Engine, audit: Audit, statement: str) -> None:
    """Also to the tables' owner, in one statement, by trigger."""
    record(audit, entry(1), entry(2))
    with engine.connect() as connection:
        with pytest.raises(DBAPIError, match=r"only ever added to|erased only by"):
            connection.execute(text(statement))
        connection.rollback()
        assert store.chain_is_protected(connection)
        connection.execute(text("alter table audit disable trigger audit_no_change"))
        assert not store.chain_is_protected(connection)


def test_an_entry_is_there_exactly_when_the_act_is(engine: Engine, audit: Audit) -> None:
    """It is written in the caller's transaction, and goes with it; no number is lost."""
    record(audit, entry())
    with engine.connect() as connection:
        audit.record(connection, entry())
        connection.rollback()
    record(audit, entry())
    assert (audit.head().seq, list(audit.faults())) == (2, [])


def test_entries_of_many_at_once_make_one_chain(audit: Audit) -> None:
    """Eight threads, one after the other by the lock."""
    threads = [threading.Thread(target=lambda: [record(audit, entry()) for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (audit.head().seq, list(audit.faults())) == (80, [])


def test_erasing_takes_the_details_and_leaves_the_chain_whole(engine: Engine, audit: Audit) -> None:
    """By reader, and wherever an address stands in whichever case; what concerns others stays."""
    record(audit, entry(1), entry(2), entry(3, subjects=("r-3",), detail={"q": 'READER1@example.com "x"'}), entry(4))
    with engine.begin() as connection:
        by = entry(subjects=(), reason=None, detail={}, act="account.erase")
        assert audit.erase(connection, by, subjects=["r-1"], mentions=["reader1@example.com"]) == 2
    assert list(audit.faults()) == []
    rows = {row["seq"]: row for row in audit.page(AuditQuery()).rows}
    assert {seq: row["subjects"] for seq, row in rows.items()} == {1: None, 2: ["r-2"], 3: None, 4: ["r-4"], 5: []}
    assert (rows[1]["actor"], rows[5]["act"], rows[5]["erases"]) == ("staff:1", "account.erase", [1, 3])
    with engine.connect() as connection:
        everything = " ".join(str(row) for table in ("audit", "audit_details")
                              for row in connection.execute(text(f"table {table}")))  # fmt: skip
    assert "reader1@" not in everything.lower()
    assert "r-1" not in everything


def test_who_is_erased_leaves_the_others_of_an_entry_in_it(engine: Engine, audit: Audit) -> None:
    """Whose other data went out stays on record, and proves itself; what was said goes, for it may be about the erased.

    Each in turn; of somebody who is only mentioned, what was said goes alone.
    """
    three = ("r-1", "r-2", "r-3")
    record(audit, entry(subjects=three, reason="for r-9", detail={"q": "r-1@exam"}), entry(2), entry(subjects=three))
    by = entry(subjects=(), reason=None, detail={}, act="account.erase")
    for subject, counted in (("r-9", 1), ("r-1", 2), ("r-1", 0), ("r-2", 3)):
        with engine.begin() as connection:
            assert audit.erase(connection, by, subjects=[subject], mentions=[subject]) == counted, subject
    assert list(audit.faults()) == []
    rows = {row["seq"]: row for row in audit.page(AuditQuery(subject="r-3")).rows}
    assert rows.keys() == {1, 3}
    for row in rows.values():
        gone, also_gone, left = row["subjects"]
        assert (left, row["reason"], list(row["detail"])) == ("r-3", None, ["erased"])
        assert gone.startswith("erased:")
        assert gone != also_gone
    with engine.connect() as connection:
        everything = str([*connection.execute(text("table audit")), *connection.execute(text("table audit_details"))])
    assert not any(each in everything for each in ("r-9", "'r-1'", "r-1@", "'r-2'"))


def test_no_more_is_taken_out_than_erasures_name(engine: Engine, audit: Audit) -> None:
    """Whoever hides another reader behind an erasure on record, with the triggers off, is told of."""
    record(audit, entry(subjects=("r-1", "r-2")))
    with engine.begin() as connection:
        audit.erase(connection, entry(9, subjects=()), subjects=["r-1"])
    with engine.begin() as connection:
        connection.execute(text("alter table audit_details disable trigger user"))
        details = store.erasable(connection, ["r-2"], [])[1]
        store.strip(connection, {1: details.without(["r-2"])})
    assert [str(each) for each in audit.faults()] == ["1: more of its details is gone than erasures name"]


def test_a_mention_is_a_word_and_no_part_of_one(engine: Engine, audit: Audit) -> None:
    """r-1 in a reason is not r-12, nor ada@ the end of nada@; signs of patterns are signs alone."""
    reasons = ["as for r-1!", "as for r-12", "nada@example.com", "(ada@example.com)", "adaxexample.com", "a.b+c|d (r)"]
    record(audit, *(entry(each, subjects=(), reason=reason) for each, reason in enumerate(reasons, 1)))
    with engine.begin() as connection:
        by = entry(subjects=(), reason=None, detail={})
        assert (
            audit.erase(connection, by, subjects=["r-9"], mentions=["r-1", "ADA@example.com", "a.b+c|d (r)", ""]) == 3
        )
    assert [row["seq"] for row in audit.page(AuditQuery()).rows if row["subjects"] is None] == [6, 4, 1]


def test_an_erasure_that_fails_erases_nothing(engine: Engine, audit: Audit) -> None:
    """The entry that names what is gone and its going are one transaction."""
    record(audit, entry(1))
    with engine.connect() as connection:
        audit.erase(connection, entry(9), subjects=["r-1"])
        connection.rollback()
    assert [row["subjects"] for row in audit.page(AuditQuery()).rows] == [["r-1"]]
    assert list(audit.faults()) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"subject": "r-1"}, [1]),
        ({"actor": "key:3"}, [3]),
        ({"act": "refund"}, [2]),
        ({"act": "act.refund"}, [4, 2]),
        ({"since": NOW}, [4, 3, 2, 1]),
        ({"until": NOW}, []),
        ({"before": 3}, [2, 1]),
        ({"subject": "r-2", "actor": "key:3"}, []),
    ],
)
def test_the_log_is_read_newest_first_and_filtered(audit: Audit, query: dict[str, Any], found: list[int]) -> None:
    """By whom it is about, who acted, what was done (also under the name it had before), and when."""
    record(audit, entry(1), entry(2, act="refund"), entry(3, actor="key:3"), entry(4, act="act.refund"))
    assert [row["seq"] for row in audit.page(AuditQuery(**query)).rows] == found


def test_a_page_leads_to_the_next(audit: Audit) -> None:
    """Fifty a page; the last says that it is."""
    record(audit, *(entry(number) for number in range(1, 61)))
    first = audit.page(AuditQuery())
    assert ([row["seq"] for row in first.rows], first.next_before) == (list(range(60, 10, -1)), 11)
    last = audit.page(AuditQuery(before=first.next_before))
    assert ([row["seq"] for row in last.rows], last.next_before) == (list(range(10, 0, -1)), None)


def test_a_trail_gathers_what_one_request_did(audit: Audit) -> None:
    """Whom it showed and what came of it, in one entry."""
    trail = Trail(audit, Entry(actor="key:3", act="accounts.search", detail={"q": "ada"}, request_id="req-7"))
    trail.about("r-1", "r-2")
    trail.about("r-1")
    assert not trail.recorded
    trail.note(found=2)
    (row,) = audit.page(AuditQuery()).rows
    assert trail.recorded
    assert (row["actor"], row["subjects"], row["detail"]) == ("key:3", ["r-1", "r-2"], {"q": "ada", "found": 2})
    assert (row["request_id"], row["at"]) == ("req-7", NOW)


def act_names(audit: Audit) -> list[str]:
    return [row["act"] for row in reversed(audit.page(AuditQuery()).rows)]


def test_what_cannot_be_held_in_one_transaction_is_announced(audit: Audit) -> None:
    """The entry that it was asked stands before anything is done, and says so also of what then fails."""
    trail = Trail(audit, Entry(actor="key:3", act="refund", reason="moved"))
    seen: list[list[str]] = []
    assert trail.around(lambda: seen.append(act_names(audit)), Audited(act="refund", ahead=True), lambda _: 201) is None
    assert (seen, act_names(audit)) == ([["refund.asked"]], ["refund.asked", "refund"])

    def fails() -> None:
        raise NotFound("nothing", code="no_invoice")

    trail = Trail(audit, Entry(actor="key:3", act="refund"))
    with pytest.raises(NotFound):
        trail.around(fails, Audited(act="refund", ahead=True), lambda _: 201)
    assert [row["detail"] for row in audit.page(AuditQuery()).rows[:2]] == [{"failed": "no_invoice"}, {}]


def test_who_records_in_his_own_transaction_is_not_recorded_twice(audit: Audit) -> None:
    """The layer writes only what nobody below has written."""
    trail = Trail(audit, Entry(actor="staff:1", act="grant.give"))
    trail.around(lambda: trail.note(grant=7), Audited(act="grant.give"), lambda _: 201)
    (row,) = audit.page(AuditQuery()).rows
    assert row["detail"] == {"grant": 7}


def test_a_request_becomes_what_an_entry_can_hold() -> None:
    """Instants and floats as texts, what is absent left out; a cursor too, which names a reader in a code."""
    assert plain({"at": NOW, "share": 0.5, "none": None, "amount": 290, "cursor": "WyJyLTEiXQ"}) == {
        "at": "2026-11-10 09:00:00.123456+00:00", "share": "0.5", "amount": 290,
    }  # fmt: skip
