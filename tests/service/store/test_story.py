"""A timeline's every source is read along an index: what PostgreSQL says it will do, and what it then touches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Connection, Engine, Executable, text
from sqlalchemy.ext.compiler import compiles

from service.journal import partitions
from service.journal.moment import Whose, whose_statement
from service.store.journal_tables import decisions
from service.store.story import (
    ACTS,
    CUSTOMERS,
    DECISIONS,
    EVENTS,
    LOOKS,
    NOTICES,
    VERSIONS,
    Reached,
    Wanted,
)

NOW = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
READERS = 4_000
DAYS = 5
BUSY = "r-0000007"
"""A reader whose browser meets a wall a hundred times a day, and whom staff look at every hour."""
MOST_PAGES = 400
"""Of PostgreSQL's 8 KiB pages, per source: the journal alone has thousands here, and grows with the paper."""

_ROWS = """
insert into accounts (reader_id, customer_id)
select 'r-' || lpad(n::text, 7, '0'), 'cus_' || lpad(n::text, 7, '0') from generate_series(1, :readers) n;
insert into customer_snapshots (customer_id, reader_id, snapshot, fetched_at)
select customer_id, reader_id, '{}', :now from accounts;
insert into customer_syncs (customer_id, dirty, synced) select customer_id, 3, 3 from accounts;
insert into visitor_links (visitor_id, reader_id) select 'v' || substr(reader_id, 2), reader_id from accounts;
insert into events (id, type, body, customer_id, mark, status, received_at)
select 'evt_' || each || customer_id, 'invoice.paid', '{}', customer_id, each, 'pending',
       cast(:now as timestamptz) - interval '1 hour' * each
from accounts, generate_series(1, 3) each;
insert into entitlements (reader_id, version, entitlement, as_of, cause)
select reader_id, each, '{}', :now, 'sync' from accounts, generate_series(1, 3) each;
insert into notices_told (id, reader_id, kind, amount_minor, currency, as_of, told_at)
select 'n-' || each || reader_id, reader_id, 'payment_due', 290, 'usd', :now, :now
from accounts, generate_series(1, 3) each;
insert into audit (seq, at, actor, act, erases, details_digest, previous, digest)
select n, :now, 'staff:1', case when n % 9 = 0 then 'refund' else 'account.read' end, '{}', '', '', ''
from generate_series(1, :readers) n;
insert into audit_details (seq, salt, subjects, detail)
select n, '', array['r-' || lpad((case when n % 100 = 0 then 7 else n end)::text, 7, '0')], '{}'
from generate_series(1, :readers) n;
insert into decisions (recorded_at, id, decided_at, reader_id, visitor_id, article_id, article_access, consume, granted,
                       reason, counted, catalog_version)
select at, n, at, case when n % 2 = 0 then 'r-' || lpad(whose::text, 7, '0') end, 'v-' || lpad(whose::text, 7, '0'),
       'a', 'metered', true, false, 'meter_exhausted', false, 'c'
from (select n, cast(:now as timestamptz) - interval '1 minute' * (n % (1440 * :days)) as at,
             case when n % 20 < 2 then 7 else n % :readers end as whose
      from generate_series(1, :readers * 2) n) as asked
"""


@pytest.fixture
def town(engine: Engine) -> Engine:
    """A database whose statistics are those of real rows, with a journal of some days."""
    today = NOW.date()
    with engine.begin() as connection:
        partitions.ensure(connection, [today - timedelta(days=each) for each in range(DAYS + 1)])
        for statement in _ROWS.split(";"):
            given = {"now": NOW, "readers": READERS, "days": DAYS}
            asked = {name: value for name, value in given.items() if f":{name}" in statement}
            connection.execute(text(statement), asked)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return engine


def statements(reader_id: str) -> dict[str, Any]:
    """Return every query of a page with what it is told, the first one and one far in, by what it reads."""
    at = (NOW - timedelta(days=4)).isoformat()
    far = Reached(event=(at, "evt_2"), act=READERS // 2, version=2, decision=(at, at, 77))
    made: dict[str, Any] = {"customers": (CUSTOMERS, {"reader_id": reader_id})}
    row, since = decisions.c, NOW - timedelta(hours=12)
    about = [row.decided_at >= since, row.decided_at < NOW, row.article_id == "a"]
    for whose in (Whose(reader_id, None), Whose(None, f"v{reader_id.removeprefix('r')}")):
        made[f"a moment of {whose}"] = (whose_statement(whose, about, 200), {})
    customer = "cus_" + reader_id.removeprefix("r-")
    for name, reached in (("first", Reached()), ("far in", far)):
        for words, narrowed in (
            ("all", {}),
            ("walls", {"granted": False}),
            ("a day", {"since": NOW - timedelta(days=1), "until": NOW}),
        ):
            wanted = Wanted(reader_id=reader_id, reached=reached, limit=51, **narrowed)  # type: ignore[arg-type]
            given = wanted.parameters | {"customer_ids": [customer]}
            asked = {
                "events": EVENTS,
                "acts": ACTS,
                "looks": LOOKS,
                "versions": VERSIONS,
                "notices": NOTICES,
                "decisions": DECISIONS,
            }
            made |= {f"{name}, {words}: {source}": (each, given) for source, each in asked.items()}
    return made


def test_every_source_reads_an_index_and_little_of_it(town: Engine) -> None:
    """No table is read from end to end, a usual reader's and a busy one's alike, on the first page and far in."""
    touched: dict[str, tuple[list[str], int]] = {}
    with town.connect() as connection:
        connection.execute(text("set local plan_cache_mode = force_custom_plan"))
        for reader_id in (BUSY, "r-0000042", "r-nobody"):
            touched |= {f"{reader_id}, {name}": _explained(connection, *each)
                        for name, each in statements(reader_id).items()}  # fmt: skip
    whole = {name: nodes for name, (nodes, _) in touched.items() if any("Seq Scan" in node for node in nodes)}
    assert whole == {}
    assert {name: pages for name, (_, pages) in touched.items() if pages > MOST_PAGES} == {}


@pytest.mark.parametrize(
    "wrong",
    ["[]", "1", '{"act": -1}', '{"act": true}', '{"act": 9223372036854775808}', '{"event": ["2026-11-22", "e"]}',
     '{"event": [1, "e"]}', '{"event": ["2026-11-22T00:00:00+00:00", "\\u0000"]}', '{"other": 1}', "{",
     '{"decision": ["2026-11-22T00:00:00+00:00", 1]}', '{"version": "1"}'],
)  # fmt: skip
def test_a_place_that_was_not_written_here_is_refused(wrong: str) -> None:
    """Nothing of it reaches PostgreSQL."""
    with pytest.raises((ValueError, TypeError)):
        Reached.parse(wrong)


def test_a_place_is_read_as_it_was_written() -> None:
    """Of every source, or of none."""
    at = NOW.isoformat()
    for place in (Reached(), Reached(event=(at, "evt_1"), act=9, version=2, decision=(at, at, 3))):
        assert Reached.parse(str(place)) == place


def _explained(connection: Connection, statement: Any, given: dict[str, Any]) -> tuple[list[str], int]:
    """Return the kinds of nodes of the plan, and how many of PostgreSQL's pages carrying it out touched."""
    (found,) = connection.execute(Explained(statement), given).scalar_one()
    plan = found["Plan"]
    nodes = [f"{node['Node Type']} {node.get('Relation Name', '')}" for node in _nodes(plan)]
    return nodes, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


class Explained(Executable, ClauseElement):
    """A statement's plan, carried out (SQLAlchemy's "Custom SQL Constructs and Compilation Extension")."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(Explained)
def _compile_explained(element: Explained, compiler: Any, **options: Any) -> str:
    return f"explain (analyze, buffers, format json) {compiler.process(element.statement, **options)}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
