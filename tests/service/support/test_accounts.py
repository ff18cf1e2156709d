"""Support finds an account by how any of its ids begins, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text

from service.store import tables
from service.support.accounts import PAGE, AccountQuery, Accounts, search_statement

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def support(engine: Engine) -> Accounts:
    return Accounts(engine)


@pytest.fixture
def ada(engine: Engine) -> Iterator[None]:
    """One reader with everything, beside one who shares the beginning of every id with nobody."""
    ours = {"customer_id": "cus_Ada", "subscription_id": "sub_Ada"}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (
            tables.accounts,
            account("r-ada", email="Ada@Example.com", customer_id="cus_Ada", status="active", plan="annual"),
        ),
        (
            tables.accounts,
            account("x-bob", email="bob@example.org", customer_id="cus_Bob", status="grace", plan="monthly"),
        ),
        (tables.accounts, account("y-none")),
        (tables.subscriptions, subscription("sub_Ada", "cus_Ada")),
        (tables.subscriptions, subscription("sub_Orphan", "cus_Nobody")),
        (tables.invoices, invoice("in_Old", NOW - timedelta(days=9), **ours)),
        (tables.invoices, invoice("in_New", NOW, **ours)),
        (tables.grants, grant("r-ada")),
        (
            tables.holds,
            {
                "id": "dp_1",
                "customer_id": "cus_Ada",
                "kind": "dispute",
                "status": "needs_response",
                "amount_minor": 290,
                "currency": "usd",
                "charge_id": "ch_1",
                "from_at": NOW,
                "blocks": True,
                "revokes": False,
            },
        ),
        (tables.trial_ledger, {"kind": "reader", "value": "r-ada", "reader_id": "r-ada", "subscription_id": "sub_Ada"}),
        (tables.trial_ledger, {"kind": "email", "value": "a1b2", "reader_id": "r-ada", "subscription_id": "sub_Ada"}),
    ]
    with engine.begin() as connection:
        for table, row in rows:
            connection.execute(insert(table).values(row))
    return


def account(reader_id: str, **changes: Any) -> dict[str, Any]:
    email = changes.get("email")
    return {"reader_id": reader_id, "email_folded": email.casefold() if email else None} | changes


def subscription(identity: str, customer_id: str) -> dict[str, Any]:
    same = {"status": "active", "plan": "annual", "price_id": "price_1", "created_at": NOW, "fetched_at": NOW}
    return {"id": identity, "customer_id": customer_id} | same


def invoice(identity: str, created_at: datetime, **ids: str) -> dict[str, Any]:
    amounts = {"currency": "usd", "amount_due_minor": 1990, "amount_paid_minor": 1990, "status": "paid"}
    return {"id": identity, "created_at": created_at} | amounts | ids


def grant(reader_id: str) -> dict[str, Any]:
    span = {"from_at": NOW, "until_at": NOW + timedelta(days=7)}
    return {"reader_id": reader_id, "kind": "courtesy", "features": ["archives"], "reason": "x", "given_by": "s"} | span


def found(support: Accounts, **query: Any) -> list[str]:
    return [each.reader_id for each in support.search(AccountQuery(**query)).accounts]


@pytest.mark.usefixtures("ada")
def test_every_kind_of_id_finds_its_account_once(support: Accounts) -> None:
    """By its beginning; an e-mail address in any case."""
    beginnings = ("ada@", "ADA@EXAMPLE.COM", "Ada", "r-a", "r-ada", "cus_A", "sub_Ada", "sub_A", "in_New", "in_O")
    assert [found(support, prefix=each) for each in beginnings] == [["r-ada"]] * len(beginnings)


@pytest.mark.usefixtures("ada")
def test_what_is_no_beginning_finds_nobody(support: Accounts) -> None:
    """LIKE's own signs are plain characters, ids keep their case, and a foreign subscription is nobody's account."""
    others = ("da@", "R-ADA", "CUS_A", "%", "_", "r_ada", "r-ada%", "\\", "sub_Orphan", "'", "zz")
    assert [each for each in others if found(support, prefix=each)] == []


@pytest.mark.usefixtures("ada")
def test_status_and_plan_narrow_the_search(support: Accounts) -> None:
    """Of the entitlement last recorded; someone without any is `none`."""
    assert found(support) == ["r-ada", "x-bob", "y-none"]
    assert found(support, status="grace") == ["x-bob"]
    assert found(support, status="none") == ["y-none"]
    assert found(support, plan="annual", status="active") == ["r-ada"]
    assert found(support, prefix="r-", plan="monthly") == []


def test_pages_follow_each_other_without_gap_or_repeat(support: Accounts, engine: Engine) -> None:
    """Also when accounts are made meanwhile: a page continues after an id, not at a number."""
    names = [f"r-{number:04}" for number in range(2 * PAGE + 1)]
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts), [account(name) for name in names])
    seen: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = support.search(AccountQuery(prefix="r-", after=after))
        seen += [each.reader_id for each in page.accounts]
        after = page.next_after
    assert seen == names
    assert after is None


def test_a_full_last_page_has_no_next(support: Accounts, engine: Engine) -> None:
    """Exactly a page is the last one."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts), [account(f"r-{number:04}") for number in range(PAGE)])
    assert support.search(AccountQuery()).next_after is None


@pytest.mark.usefixtures("ada")
def test_the_detail_holds_everything(support: Accounts) -> None:
    """The newest invoice first; what is another customer's is not there."""
    detail = support.detail("r-ada")
    assert detail is not None
    assert (detail.email, detail.customer_id) == ("Ada@Example.com", "cus_Ada")
    assert [row["id"] for row in detail.subscriptions] == ["sub_Ada"]
    assert [row["id"] for row in detail.invoices] == ["in_New", "in_Old"]
    assert [row["kind"] for row in detail.trial_ledger] == ["email", "reader"]
    assert (detail.grants[0]["features"], detail.holds[0]["id"]) == (["archives"], "dp_1")


@pytest.mark.usefixtures("ada")
def test_an_account_without_a_customer_is_shown_too(support: Accounts) -> None:
    """Nobody's rows are not theirs: a null customer matches nothing."""
    detail = support.detail("y-none")
    assert detail is not None
    assert (detail.subscriptions, detail.invoices, detail.holds) == ([], [], [])
    assert support.detail("r-404") is None


def test_a_search_is_answered_by_indexes(engine: Engine) -> None:
    """Among 20,000 accounts no table is read from end to end."""
    with engine.begin() as connection:
        connection.execute(text(MANY))
        connection.execute(text("analyze accounts, subscriptions, invoices"))
    for query in (
        AccountQuery(prefix="someone12@"),
        AccountQuery(prefix="sub_00042"),
        AccountQuery(status="grace"),
        AccountQuery(plan="annual"),
        AccountQuery(after="r-1999"),
    ):
        assert "Seq Scan" not in plan_of(engine, query)


def plan_of(engine: Engine, query: AccountQuery) -> str:
    with engine.connect() as connection:
        statement = search_statement(query).compile(connection, compile_kwargs={"literal_binds": True})
        return "\n".join(connection.exec_driver_sql(f"explain {statement}").scalars())


MANY = """
insert into accounts (reader_id, customer_id, email, email_folded, status, plan)
select 'r-' || n, 'cus_' || n, 'someone' || n || '@example.com', 'someone' || n || '@example.com',
       case n % 100 when 0 then 'grace' else 'none' end, case n % 100 when 0 then 'annual' end
from generate_series(1, 20000) n;
insert into subscriptions (id, customer_id, status, plan, price_id, created_at, fetched_at)
select 'sub_' || lpad(n::text, 6, '0'), 'cus_' || n, 'active', 'monthly', 'price', now(), now()
from generate_series(1, 20000) n;
insert into invoices (id, customer_id, status, currency, amount_due_minor, amount_paid_minor, created_at)
select 'in_' || n, 'cus_' || n, 'paid', 'usd', 290, 290, now() from generate_series(1, 20000) n
"""
