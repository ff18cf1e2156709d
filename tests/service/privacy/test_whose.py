"""What is a person's is counted without being read out, and found without reading what is everybody's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, Text, cast, insert, select, text

from benchmarks.plans import Watched
from service.privacy.everything import HELD, counted
from service.privacy.parameters import holds_word_of
from service.privacy.person import Person, find_person
from service.store import tables
from service.store.note_tables import notes
from service.support.audit import Audit, Entry
from webhooks.tables import events

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
_JOBS = """
insert into procrastinate_jobs (queue_name, task_name, status, args)
select 'syncs', 'sync', case when n = 1 or n % 2 = 0 then 'succeeded' else 'todo' end::procrastinate_job_status,
       '{"subject_id": "cus_other"}' from generate_series(1, 20) n;
insert into procrastinate_jobs (queue_name, task_name, status, args)
select 'syncs', 'sync', 'succeeded', '{"subject_id": "cus_ada"}' from generate_series(1, 5000) n;
insert into procrastinate_jobs (queue_name, task_name, status, args)
values ('syncs', 'sync', 'todo', '{"subject_id": "cus_ada"}')
"""
JOBS = next(held for held in HELD if held.name == "procrastinate_jobs")


def _live(engine: Engine) -> Person:
    with engine.begin() as connection:
        account = {"reader_id": "r-ada", "email": "ada@example.com", "customer_id": "cus_ada"}
        connection.execute(insert(tables.accounts).values(account))
        note = {"reader_id": "r-ada", "body": "Rang.", "written_by": "staff:7", "written_at": NOW}
        connection.execute(insert(notes).values([note, note | {"body": "Wrote."}]))
        told = {"type": "x", "created_at": NOW, "livemode": False, "status": "ignored"}
        rows = [{"id": "evt_1", "customer_id": "cus_ada", "body": b"{}"},
                {"id": "evt_2", "customer_id": None, "body": b'{"email": "ADA@example.com"}'},
                {"id": "evt_3", "customer_id": None, "body": b'{"email": "bob@example.com"}'}]  # fmt: skip
        connection.execute(insert(events).values([told | row for row in rows]))
        _record(connection, engine)
        for statement in _JOBS.split(";"):
            connection.execute(text(statement))
        return find_person(connection, "r-ada")


def _record(connection: Connection, engine: Engine) -> None:
    for subjects in (("r-ada",), ("r-ada", "r-bob"), ("r-bob",)):
        Audit(engine, lambda: NOW).record(connection, Entry(actor="staff:7", act="account.read", subjects=subjects))


def test_as_much_is_counted_as_is_told(engine: Engine) -> None:
    """What an erasure says it would do is what an export tells, table by table."""
    person = _live(engine)
    with engine.connect() as connection:
        rows = counted(connection, person)
        assert rows == {held.name: len(held.rows(connection, held, person)) for held in HELD}
    found = {name: number for name, number in rows.items() if number}
    assert found == {"accounts": 1, "notes": 2, "events": 2, "audit_details": 2, "procrastinate_jobs": 1}


@pytest.mark.parametrize(
    ("email", "told", "found"),
    [
        ("ada@example.com", '{"email": "ADA@Example.com"}', True),
        ("Ada.Ö@example.com", '{"email": "ada.\\u00F6@example.com"}', True),
        ("Ada.Ö@example.com", '{"email":"ada.ö@EXAMPLE.com","n":1}', True),
        ('"ada b"@example.com', '{"email": "\\"Ada b\\"@example.com"}', True),
        ("ada@example.com", '{"note": "say \\"ada@example.com\\""}', False),
        ("ada@example.com", '{"email": "nada@example.com"}', False),
        ("a.a@example.com", '{"email": "aXa@example.com"}', False),
        ("a_a@example.com", '{"email": "aXa@example.com"}', False),
    ],
)
def test_a_whole_value_is_found_in_any_case_and_spelling(engine: Engine, email: str, told: str, found: bool) -> None:
    """Also one that has quotes in it; not as a part of another value, and nothing in it stands for anything else."""
    person = Person(reader_id="r-ada", emails=(email,))
    with engine.connect() as connection:
        assert connection.scalar(select(holds_word_of(cast(told, Text))), person.parameters) is found


@pytest.mark.parametrize(
    ("key", "found"),
    [("cancel-cus_ada-1", True), ("ada", True), ("canada", False), ("cancel-cusXada-1", False), ("50%_\\off", True),
     ("50 off", False), ("50%_off", False)],
)  # fmt: skip
def test_a_key_that_names_somebody_is_found(engine: Engine, key: str, found: bool) -> None:
    """A long id in the midst of it, a short one alone; no letter of an id stands for anything else."""
    person = Person(reader_id="ada", customer_ids=("cus_ada",), checkout_ids=("50%_\\off",))
    claimed = {"api_key_id": 1, "request_digest": b"", "ticket": "", "leased_until": NOW, "created_at": NOW}
    with engine.begin() as connection:
        connection.execute(insert(tables.idempotency_keys).values(claimed | {"key": key}))
        assert counted(connection, person)["idempotency_keys"] == int(found)


def test_work_that_waits_is_found_among_what_waits(engine: Engine) -> None:
    """However many jobs are done and kept, the queue's own index of those that wait is read, not the table."""
    person = _live(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze procrastinate_jobs"))
    with engine.connect() as connection:
        watched = Watched.during(engine, lambda: connection.scalar(select(JOBS.number), person.parameters))
    assert watched.plans
    assert watched.scanned == []
