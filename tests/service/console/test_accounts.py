"""Finding an account and reading its page, in the whole service: PostgreSQL and Valkey real, Stripe not there."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from service.domain.notices import notices_from
from service.domain.staff import Role
from service.store import tables
from service.store.audit import AuditQuery
from service.store.money_tables import warned_charges
from service.store.note_tables import notes
from webhooks.snapshot import snapshot_to_json

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
HELD = {
    "id": "dp_1", "customer_id": "cus_Ada", "kind": "dispute", "status": "needs_response", "amount_minor": 290,
    "currency": "usd", "charge_id": "ch_1", "from_at": NOW, "blocks": True, "revokes": False,
}  # fmt: skip
INVOICE = {
    "id": "in_1", "customer_id": "cus_Ada", "status": "paid", "currency": "usd", "amount_due_minor": 290,
    "amount_paid_minor": 290, "created_at": NOW, "hosted_url": "https://invoice.stripe.com/i/1",
}  # fmt: skip


@pytest.fixture
def ada(engine: Engine) -> None:
    """A reader with something of most kinds, whose name and notes are full of markup."""
    account = {
        "reader_id": "r-<ada>", "email": "<b>ada</b>@example.com", "customer_id": "cus_Ada",
        "email_folded": "<b>ada</b>@example.com", "status": "grace", "plan": "monthly", "created_at": NOW,
    }  # fmt: skip
    reader_id = account["reader_id"]
    given = {"from_at": NOW, "until_at": NOW + timedelta(days=7000), "reason": "late paper", "given_by": "staff:1"}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (tables.accounts, account),
        (tables.accounts, {"reader_id": "r-bob", "created_at": NOW - timedelta(days=1)}),
        (tables.invoices, INVOICE),
        (tables.invoices, INVOICE | {"id": "in_2", "hosted_url": "javascript:alert(1)"}),
        (tables.holds, HELD),
        (tables.grants, {"reader_id": reader_id, "kind": "courtesy", "features": ["archives"]} | given),
        (
            warned_charges,
            {"warning_id": "issfr_1", "customer_id": "cus_Ada", "charge_id": "ch_9", "outcome": "refunded"},
        ),
        (tables.visitor_links, {"visitor_id": "v-ada", "reader_id": reader_id}),
        (notes, {"reader_id": reader_id, "body": "<script>x</script>", "written_by": "staff:1", "written_at": NOW}),
    ]
    with engine.begin() as connection:
        for table, row in rows:
            connection.execute(insert(table).values(row))


@pytest.mark.usefixtures("ada")
def test_a_search_shows_what_matched_and_leads_on(console: Any) -> None:
    """By any id, whose beginning is enough; what was shown is on record."""
    browser = console.signed_in(Role.VIEWER)
    for asked in (
        "q=r-%3C",
        "q=%3CB%3E",
        "q=cus_Ada",
        "q=v-ada&status=&plan=&sort=newest",
        "status=grace",
        "courtesy=true",
    ):
        page = browser.get(f"/support/accounts?{asked}")
        assert "&lt;b&gt;ada&lt;/b&gt;@example.com" in page.text
        assert 'href="/support/accounts/r-%3Cada%3E"' in page.text
        assert "r-bob" not in page.text
    assert console.acts()[-1][1] == "accounts.search"


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("q=nobody", "Nobody matches"),
        ("status=held", "Nobody matches"),
        ("sort=sideways", "That can’t be searched for"),
        ("cursor=x", "That can’t be searched for"),
        ("q=ch_unknown", "Stripe does not answer just now"),
        ("", "That is all of them"),
    ],
)
def test_every_end_of_a_search_is_said_in_words(console: Any, asked: str, words: str) -> None:
    """Nobody, something wrong, Stripe away, the end of the list. What led to nobody is not kept."""
    assert words in console.signed_in(Role.VIEWER).get(f"/support/accounts?{asked}").text
    kept = console.desk.services.audit.page(AuditQuery(act="accounts.search")).rows[0]["detail"]
    assert kept.get("q") is None


def test_an_empty_paper_says_so(console: Any) -> None:
    """And how it gets its first account."""
    assert "There are no accounts yet" in console.signed_in(Role.VIEWER).get("/support/accounts").text


@pytest.mark.usefixtures("ada")
def test_an_account_is_shown_with_where_it_comes_from(console: Any) -> None:
    """The sentence first; nothing in it is markup of somebody else's, and no link leads into a script."""
    page = console.signed_in(Role.VIEWER).get("/support/accounts/r-%3Cada%3E")
    assert page.status_code == 200
    assert "Courtesy access given by staff until" in page.text
    assert '<dt>Access until</dt><dd><time datetime="' in page.text
    assert 'href="https://invoice.stripe.com/i/1"' in page.text
    assert "Stripe was not asked yet; sync now to see." in page.text
    assert "0 of 1 read; begins anew" in page.text
    assert "<script>x" not in page.text
    assert "javascript:" not in page.text
    assert "<code>issfr_1</code></td><td><code>ch_9</code>" in page.text
    assert "Sync now" not in page.text
    assert "Export everything" not in page.text


@pytest.mark.usefixtures("ada")
def test_what_the_reader_is_to_be_told_is_on_the_account(
    console: Any, engine: Engine, make_snapshot: Any, make_subscription: Any
) -> None:
    """With whether the site has asked for it; in the timeline from when it did."""
    now = console.desk.services.business_clock()
    ends_at = (now + timedelta(days=3)).replace(microsecond=0)
    kept = make_snapshot(
        make_subscription(status="trialing", trial_end_at=ends_at), customer_id="cus_Ada", reader_id="r-<ada>",
        fetched_at=now,
    )  # fmt: skip
    row = {"customer_id": "cus_Ada", "reader_id": "r-<ada>", "snapshot": snapshot_to_json(kept), "fetched_at": now}
    with engine.begin() as connection:
        connection.execute(insert(tables.customer_snapshots).values(row))
    browser = console.signed_in(Role.VIEWER)
    assert "The site has not asked since." in browser.get("/support/accounts/r-%3Cada%3E").text
    asked = console.desk.services.readers.state("r-<ada>")
    console.desk.services.notices.note("r-<ada>", notices_from(asked.snapshot, now))
    page = browser.get("/support/accounts/r-%3Cada%3E").text
    assert "The trial ends on " in page
    assert "The site learned it" in page
    told = browser.get("/support/accounts/r-%3Cada%3E/timeline?kind=notice").text
    assert "The site was told to say: the trial ends on " in told
    assert "Nothing now: no trial about to end" in browser.get("/support/accounts/r-bob").text


def test_more_than_a_page_shows_is_said(console: Any, engine: Engine) -> None:
    """In words, at the part that it is about and at no other."""
    given = [{"reader_id": "r-eve", "body": "x", "written_by": "staff:1", "written_at": NOW}] * 101
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-eve"))
        connection.execute(insert(notes), given)
    page = console.signed_in(Role.VIEWER).get("/support/accounts/r-eve").text
    assert page.count("The newest 100 are shown; there are more.") == 1
    assert "are more." not in page.split('id="notes"')[0]


@pytest.mark.usefixtures("ada")
def test_an_account_without_redis_is_shown_all_the_same(console: Any, valkey_client: Any) -> None:
    """What the meter would say is missing, in words, and nothing else is."""
    from metering.meter import MeterUnavailable

    def away(*_: Any, **__: Any) -> None:
        raise MeterUnavailable("away")

    console.desk.services.readers._meter.usage = away
    page = console.signed_in(Role.VIEWER).get("/support/accounts/r-%3Cada%3E")
    assert page.status_code == 200
    assert "Redis does not answer" in page.text
    assert "late paper" in page.text


@pytest.mark.usefixtures("ada")
def test_stripe_away_is_told_on_the_account(console: Any) -> None:
    """A sync that could not be done leads back to the account, which says so; that it was asked for is on record."""
    browser = console.signed_in(Role.AGENT)
    assert "Sync now with Stripe" in browser.get("/support/accounts/r-%3Cada%3E").text
    answer = browser.post("/support/accounts/r-%3Cada%3E/sync")
    assert (answer.status_code, answer.location) == (303, "/support/accounts/r-%3Cada%3E?sync=failed")
    assert "Stripe does not answer just now" in browser.get(answer.location).text
    assert [act for _, act in console.acts()][-3:] == ["account.sync.asked", "account.sync", "account.read"]


@pytest.mark.usefixtures("ada")
def test_who_is_not_there_is_said(console: Any) -> None:
    """No account, and an account that Stripe knows nothing of."""
    browser = console.signed_in(Role.AGENT)
    assert browser.get("/support/accounts/r-404").status_code == 404
    assert browser.post("/support/accounts/r-404/sync").status_code == 404
    assert "Stripe knows nothing of them" in browser.post("/support/accounts/r-bob/sync").text


@pytest.mark.usefixtures("ada")
def test_a_lead_takes_a_list_away(console: Any) -> None:
    """As CSV, of the filter asked for; an agent can't."""
    page = console.signed_in(Role.LEAD).get("/support/accounts.csv?status=grace")
    assert [row[:2] for row in csv.reader(page.text.splitlines())] == [
        ["reader_id", "email"],
        ["r-<ada>", "<b>ada</b>@example.com"],
    ]
    assert console.signed_in(Role.AGENT, "bob").get("/support/accounts.csv").status_code == 403


@pytest.mark.usefixtures("ada")
def test_the_last_day_that_the_form_offers_may_be_given(console: Any) -> None:
    """Courtesy until the end of the latest day on offer is within what an agent may give."""
    browser = console.signed_in(Role.AGENT)
    address = "/support/accounts/r-%3Cada%3E/acts/grant"
    latest = browser.get(address).text.partition(' max="')[2][:10]
    answer = browser.post(f"{address}/preview", {"until": latest, "reason": "late paper"})
    assert (answer.status_code, "What it will do" in answer.text) == (200, True), answer.text
