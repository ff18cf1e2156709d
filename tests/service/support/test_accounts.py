"""Support finds an account by how any of its ids begins, and by how it stands, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from benchmarks.plans import Watched
from service.store import tables
from service.store.money_tables import warned_charges
from service.store.note_tables import notes
from service.support import accounts as support_accounts
from service.support.accounts import PAGE, AccountQuery, Accounts, Match, Order, Place

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def support(engine: Engine) -> Accounts:
    return Accounts(engine, business_clock=lambda: NOW, owner_at_stripe={"ch_Bob": "cus_Bob"}.get)


@pytest.fixture
def ada(engine: Engine) -> Iterator[None]:
    """One reader with everything, beside one who shares the beginning of every id with nobody."""
    ours = {"customer_id": "cus_Ada", "subscription_id": "sub_Ada"}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (
            tables.accounts,
            account(
                "r-ada",
                email="Ada@Example.com",
                customer_id="cus_Ada",
                status="active",
                plan="annual",
                cancelling=True,
                created_at=NOW,
            ),
        ),
        (
            tables.accounts,
            account(
                "x-bob",
                email="bob@example.org",
                customer_id="cus_Bob",
                status="grace",
                plan="monthly",
                past_due=True,
                in_trial=True,
                created_at=NOW - timedelta(days=1),
            ),
        ),
        (tables.accounts, account("y-none", created_at=NOW - timedelta(days=2))),
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
        (warned_charges, {"warning_id": "issfr_1", "customer_id": "cus_Ada", "charge_id": "ch_1"}),
        (tables.trial_ledger, {"kind": "reader", "value": "r-ada", "reader_id": "r-ada", "subscription_id": "sub_Ada"}),
        (tables.visitor_links, {"visitor_id": "v-ada", "reader_id": "r-ada"}),
        (notes, {"reader_id": "r-ada", "body": "Rang.", "written_by": "staff:7", "written_at": NOW}),
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
    """By its beginning, an e-mail address in any case; by a whole hold, charge or browser. What matched is told."""
    expected = {
        "r-a": Match.READER, "r-ada": Match.READER, "ada@": Match.EMAIL, "ADA@EXAMPLE.COM": Match.EMAIL,
        "Ada": Match.EMAIL, "cus_A": Match.CUSTOMER, "sub_Ada": Match.SUBSCRIPTION, "sub_A": Match.SUBSCRIPTION,
        "in_New": Match.INVOICE, "in_O": Match.INVOICE, "ch_1": Match.CHARGE, "dp_1": Match.CHARGE,
        "v-ada": Match.VISITOR,
    }  # fmt: skip
    pages = {each: support.search(AccountQuery(prefix=each)).accounts for each in expected}
    assert {each: [(one.reader_id, one.match) for one in page] for each, page in pages.items()} == {
        each: [("r-ada", match)] for each, match in expected.items()
    }


@pytest.mark.usefixtures("ada")
def test_what_is_no_beginning_finds_nobody(support: Accounts) -> None:
    """LIKE's own signs are plain characters, ids keep their case, and a foreign subscription is nobody's account."""
    others = (
        "da@", "R-ADA", "CUS_A", "%", "_", "r_ada", "r-ada%", "\\", "sub_Orphan", "'", "zz", "v-ad", "ch_", "dp_",
    )  # fmt: skip
    assert [each for each in others if found(support, prefix=each)] == []


@pytest.mark.usefixtures("ada")
def test_a_payment_not_kept_here_is_found_through_stripe(support: Accounts) -> None:
    """A charge that nothing stands against is Stripe's to know; other unknown ids are not asked for."""
    (bob,) = support.search(AccountQuery(prefix="ch_Bob")).accounts
    assert (bob.reader_id, bob.match) == ("x-bob", Match.CHARGE)
    assert found(support, prefix="ch_Nobody") == []


@pytest.mark.usefixtures("ada")
def test_an_export_finds_what_the_search_finds(support: Accounts) -> None:
    """Also whom Stripe alone can name."""
    found = {prefix: list(support.pages(AccountQuery(prefix=prefix))) for prefix in ("ch_Bob", "ch_Nobody")}
    assert {prefix: [[each.reader_id for each in page] for page in pages] for prefix, pages in found.items()} == {
        "ch_Bob": [["x-bob"]], "ch_Nobody": [[]],
    }  # fmt: skip


@pytest.mark.usefixtures("ada")
def test_filters_narrow_the_list(support: Accounts) -> None:
    """By the entitlement last recorded, by how subscriptions stand, and by what staff or a bank has done."""
    assert found(support) == ["r-ada", "x-bob", "y-none"]
    assert found(support, order=Order.OLDEST) == ["y-none", "x-bob", "r-ada"]
    assert found(support, status="grace") == ["x-bob"]
    assert found(support, status="none") == ["y-none"]
    assert found(support, plan="annual", status="active") == ["r-ada"]
    assert found(support, plan="annual", status="grace") == []
    assert found(support, prefix="r-", plan="monthly") == []
    assert found(support, in_trial=True) == found(support, past_due=True) == ["x-bob"]
    assert found(support, cancelling=True) == found(support, on_hold=True) == found(support, courtesy=True) == ["r-ada"]
    assert found(support, cancelling=True, past_due=True) == []


@pytest.mark.usefixtures("ada")
def test_what_is_over_no_longer_counts(engine: Engine) -> None:
    """A hold released and a grant run out: as of the business clock, without anything being written."""
    later = Accounts(engine, business_clock=lambda: NOW + timedelta(days=7), owner_at_stripe=lambda _: None)
    assert found(later, courtesy=True) == []
    with engine.begin() as connection:
        connection.execute(update(tables.holds).values(released_at=NOW))
        connection.execute(update(tables.grants).values(revoked_at=NOW))
    early = Accounts(engine, business_clock=lambda: NOW, owner_at_stripe=lambda _: None)
    assert found(early, on_hold=True) == found(early, courtesy=True) == []


@pytest.mark.parametrize("query", [AccountQuery(prefix="r-"), AccountQuery(), AccountQuery(order=Order.OLDEST)])
def test_pages_follow_each_other_without_gap_or_repeat(support: Accounts, engine: Engine, query: AccountQuery) -> None:
    """Also of accounts made in one instant: a page continues after an account, not at a number."""
    names = [f"r-{number:04}" for number in range(2 * PAGE + 1)]
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts), [account(name, created_at=NOW) for name in names])
    seen: list[str] = []
    following: AccountQuery | None = query
    while following is not None:
        page = support.search(following)
        seen += [each.reader_id for each in page.accounts]
        following = replace(following, after=page.next_after) if page.next_after else None
    newest_first = query == AccountQuery()
    assert seen == sorted(names, reverse=newest_first)


@pytest.mark.parametrize(
    "query",
    [
        AccountQuery(in_trial=True), AccountQuery(in_trial=True, order=Order.OLDEST),
        AccountQuery(in_trial=True, prefix="r-"), AccountQuery(in_trial=True, prefix="Reader"),
        AccountQuery(in_trial=True, prefix="cus_"), AccountQuery(in_trial=True, courtesy=True),
    ],
)  # fmt: skip
def test_filtered_pages_are_one_order_whatever_else_the_accounts_are(
    support: Accounts, engine: Engine, query: AccountQuery
) -> None:
    """Trials of two plans and of none, cancelled or not, are one list without gap or repeat; no other is in it."""
    plans, names = ("annual", "monthly", None), [f"r-{number:04}" for number in range(2 * PAGE + 1)]
    rows = [
        account(
            name, email=name.replace("r-", "reader"), customer_id=name.replace("r-", "cus_"), in_trial=number % 5 > 0,
            plan=plans[number % 3], cancelling=number % 2 > 0, status="trialing",
            created_at=NOW + timedelta(seconds=number // 2),
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts), rows)
        connection.execute(insert(tables.grants), [grant(name) for name in names])
    seen: list[str] = []
    following: AccountQuery | None = query
    while following is not None:
        page = support.search(following)
        seen += [each.reader_id for each in page.accounts]
        following = replace(following, after=page.next_after) if page.next_after else None
    wanted = [row["reader_id"] for row in rows if row["in_trial"]]
    assert seen == (wanted if query.prefix or query.order is Order.OLDEST else wanted[::-1])


def test_pages_lead_from_one_kind_of_match_to_the_next(support: Accounts, engine: Engine) -> None:
    """Reader ids first, then e-mail addresses in their order; who matches by both is shown once."""
    ids = [account(f"ada-{number:02}", email=f"ada-{number:02}@example.com") for number in range(40)]
    addresses = [account(f"r-{number:02}", email=f"ada{number:02}@example.com") for number in range(40)]
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts), [*reversed(addresses), *ids])
    first = support.search(AccountQuery(prefix="ada"))
    second = support.search(AccountQuery(prefix="ada", after=first.next_after))
    seen = [each.reader_id for each in (*first.accounts, *second.accounts)]
    assert seen == [each["reader_id"] for each in (*ids, *addresses)]
    assert second.next_after is None


@pytest.mark.usefixtures("ada")
def test_a_page_after_what_is_nobodys_any_more_is_empty(support: Accounts) -> None:
    """A browser may be unlinked between two pages."""
    ended = Place(match=Match.VISITOR, key="r-ada", reader_id="r-ada")
    assert found(support, prefix="v-gone", after=ended) == []


def test_an_export_goes_through_all_pages(support: Accounts, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Portion by portion, to the end."""
    monkeypatch.setattr(support_accounts, "EXPORT_PAGE", 2)
    with engine.begin() as connection:
        rows = [account(f"r-{number}", status="grace", created_at=NOW) for number in range(5)]
        connection.execute(insert(tables.accounts), [*rows, account("x", status="none", created_at=NOW)])
    portions = list(support.pages(AccountQuery(status="grace", order=Order.OLDEST)))
    assert [[each.reader_id for each in portion] for portion in portions] == [["r-0", "r-1"], ["r-2", "r-3"], ["r-4"]]


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
    assert [row["warning_id"] for row in detail.fraud_warnings] == ["issfr_1"]
    assert (detail.grants[0]["features"], detail.holds[0]["id"]) == (["archives"], "dp_1")
    assert (detail.visitors[0]["visitor_id"], detail.notes[0]["body"]) == ("v-ada", "Rang.")


@pytest.mark.usefixtures("ada")
def test_one_question_brings_every_table_as_it_is(support: Accounts, engine: Engine) -> None:
    """The rows are those that a query of each table returns, instants and all."""
    found: list[Any] = []
    watched = Watched.during(engine, lambda: found.append(support.detail("r-ada")))
    assert len(watched.plans) == 1
    kept = {"subscriptions": tables.subscriptions, "holds": tables.holds, "grants": tables.grants}
    with engine.connect() as connection:
        for name, table in kept.items():
            (row,) = getattr(found[0], name)
            key = next(iter(table.primary_key.columns))
            query = select(table).where(key == row[key.name])
            assert row == dict(connection.execute(query).mappings().one()), name


@pytest.mark.usefixtures("ada")
def test_what_is_too_much_to_show_is_said(support: Accounts, engine: Engine) -> None:
    """Of each kind the newest hundred, and whether there are more; a hundred are all of them."""
    written = [{"reader_id": "r-ada", "body": "x", "written_by": "s", "written_at": NOW + timedelta(hours=n)}
               for n in range(1, 100)]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(notes), written)
        connection.execute(insert(tables.invoices), [
            invoice(f"in_{n}", NOW + timedelta(days=n), customer_id="cus_Ada") for n in range(1, 100)])  # fmt: skip
    detail = support.detail("r-ada")
    assert detail is not None
    assert (len(detail.notes), len(detail.invoices), detail.more) == (100, 100, {"invoices"})
    assert "in_Old" not in {row["id"] for row in detail.invoices}


@pytest.mark.usefixtures("ada")
def test_an_account_without_a_customer_is_shown_too(support: Accounts) -> None:
    """Nobody's rows are not theirs: a null customer matches nothing."""
    detail = support.detail("y-none")
    assert detail is not None
    assert (detail.subscriptions, detail.invoices, detail.holds, detail.fetched_at) == ([], [], [], None)
    assert support.detail("r-404") is None
