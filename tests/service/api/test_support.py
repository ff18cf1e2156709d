"""Support's routes: what is asked reaches the desk, what it knows goes out whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.api.cursors import cursor_of
from service.errors import NotFound, StripeUnavailable
from service.support.accounts import AccountDetail, AccountQuery, FoundAccount, Match, Order, Page, Place

READ, WRITE = "support:read-key", "support:write-key"
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ENDED = Place(match=Match.EMAIL, key="ada@example.com", reader_id="r-80")


def found(reader_id: str = "r-81", **changes: Any) -> FoundAccount:
    usual = {"email": "ada@example.com", "customer_id": "cus_1", "status": "active", "plan": "annual"}
    return FoundAccount(reader_id=reader_id, created_at=NOW, **(usual | changes))


def test_a_search_passes_on_what_is_asked(api: Any) -> None:
    """All of it is optional; the cursor is ours to understand."""
    api.call("GET", "/v1/support/accounts", key=READ)
    asked = {"q": "Ada@", "status": "grace", "plan": "monthly", "cursor": cursor_of(str(ENDED))}
    api.call("GET", "/v1/support/accounts", key=READ, query_string=asked)
    only = dict.fromkeys(("in_trial", "past_due", "cancelling", "on_hold", "courtesy"), "true")
    api.call("GET", "/v1/support/accounts", key=READ, query_string=only | {"sort": "oldest"})
    assert api.accounts.queries == [
        AccountQuery(),
        AccountQuery(prefix="Ada@", status="grace", plan="monthly", after=ENDED),
        AccountQuery(**dict.fromkeys(only, True), order=Order.OLDEST),
    ]


@pytest.mark.parametrize("match", [Match.READER, None])
def test_a_page_leads_to_the_next(api: Any, match: Match | None) -> None:
    """`next` handed back as `cursor` continues where the page ended."""
    ended = Place(match=match, key=NOW.isoformat(), reader_id="r-81")
    api.accounts.page = Page(accounts=[found(match=match)], next_after=ended)
    asked = {"q": "r-"} if match else {}
    first = api.call("GET", "/v1/support/accounts", key=READ, query_string=asked).json
    assert first["data"] == [
        {
            "reader_id": "r-81", "email": "ada@example.com", "customer_id": "cus_1", "status": "active",
            "plan": "annual", "in_trial": False, "past_due": False, "cancelling": False,
            "created_at": "2026-11-10T09:00:00Z", "match": match,
        }
    ]  # fmt: skip
    api.call("GET", "/v1/support/accounts", key=READ, query_string=asked | {"cursor": first["next"]})
    assert api.accounts.queries[-1].after == ended


def test_the_last_page_has_no_next(api: Any) -> None:
    """Lists are `{"data": [...], "next": null}` at their end."""
    assert api.call("GET", "/v1/support/accounts", key=READ).json == {"data": [], "next": None}


@pytest.mark.parametrize(
    "asked",
    [
        {"q": "a", "sort": "newest"},
        {"in_trial": "false"},
        {"sort": "email"},
        {"cursor": cursor_of(str(ENDED))},
        {"q": "a", "cursor": cursor_of(str(Place(match=None, key=NOW.isoformat(), reader_id="r")))},
        {"cursor": cursor_of('[null, "yesterday", "r"]')},
        {"cursor": cursor_of('[null, "2026-11-10T09:00:00", "r"]')},
        {"q": "a", "cursor": cursor_of('["email", "a\\u0000", "r"]')},
        {"q": "a", "cursor": cursor_of('["nothing", "a", "r"]')},
        {"q": "a", "cursor": cursor_of('["email", 1, "r"]')},
        {"q": "a", "cursor": cursor_of("9")},
    ],
)
def test_what_cannot_be_searched_for_is_refused(api: Any, asked: dict[str, str]) -> None:
    """422, for nothing is passed over in silence, and no cursor of another list is believed."""
    reply = api.call("GET", "/v1/support/accounts", key=READ, query_string=asked)
    assert (reply.status_code, api.accounts.queries) == (422, [])


def test_an_account_is_shown_whole(api: Any, account: AccountDetail) -> None:
    """State as the site sees it, and every row behind it; identities of the trial ledger stay inside."""
    api.accounts.known = account
    shown = api.call("GET", "/v1/support/accounts/r-81", key=READ).json
    assert shown["state"] == api.call("GET", "/v1/readers/r-81").json
    assert shown["sentence"] == "Has never subscribed."
    assert shown["invoices"][0]["paid"] == {"amount": 290, "currency": "usd", "display": "$2.90"}
    assert shown["grants"][0]["until_at"] == "2026-11-17T09:00:00Z"
    assert shown["holds"][0]["blocks"] is True
    assert shown["fraud_warnings"] == [
        {
            "warning_id": "issfr_1", "charge_id": "ch_1", "attempts": 0, "outcome": "refunded",
            "found_at": "2026-11-10T09:00:00Z", "settled_at": "2026-11-10T09:00:00Z",
        }
    ]  # fmt: skip
    assert shown["trial_ledger"] == [
        {"kind": "email", "subscription_id": "sub_1", "recorded_at": "2026-11-10T09:00:00Z"}
    ]
    assert [each["kind"] for each in shown["consents"]] == ["checkout", "plan_change"]
    assert shown["notes"][0]["written_by"] == "staff:7"
    assert shown["notices_told"] == [
        {
            "id": "payment_due:in_1:2", "kind": "payment_due", "at": None, "told_at": "2026-11-10T09:00:00Z",
            "amount": {"amount": 290, "currency": "usd", "display": "$2.90"},
        }
    ]  # fmt: skip


def test_every_part_says_where_it_comes_from(api: Any, account: AccountDetail) -> None:
    """And what is in the way: the fixture's Redis is away."""
    api.accounts.known = account
    sources = api.call("GET", "/v1/support/accounts/r-81", key=READ).json["sources"]
    assert sources["invoices"] == {"origin": "stripe", "as_of": "2026-11-10T09:00:00Z", "trouble": None, "more": False}
    assert sources["consents"]["more"] is True
    assert sources["notes"]["origin"] == "record"
    assert sources["meter"]["as_of"] is None
    assert sources["meter"]["trouble"].startswith("Redis does not answer")


def test_a_reader_without_an_account_is_not_found(api: Any) -> None:
    """404: there is nothing to show that the reader's own route does not tell."""
    answer = api.call("GET", "/v1/support/accounts/r-404", key=READ)
    assert (answer.status_code, answer.json["code"]) == (404, "no_account")


def test_a_sync_shows_the_account_as_it_is_then(api: Any, account: AccountDetail) -> None:
    """It was asked for and done, and both are on record."""
    api.accounts.known = account
    assert api.call("POST", "/v1/support/accounts/r-81/sync", key=WRITE).json["reader_id"] == "r-81"
    assert api.staff_sync.synced == ["r-81"]
    assert [(each.act, each.subjects) for each in api.audit.entries] == [
        ("account.sync.asked", ("r-81",)),
        ("account.sync", ("r-81",)),
    ]


@pytest.mark.parametrize(
    ("failure", "status"),
    [(StripeUnavailable("away"), 503), (NotFound("Never subscribed.", code="no_customer"), 404)],
)
def test_a_sync_that_cannot_be_is_told(api: Any, failure: Exception, status: int) -> None:
    """Stripe away is 503; who was never there is 404."""
    api.staff_sync.failure = failure
    assert api.call("POST", "/v1/support/accounts/r-81/sync", key=WRITE).status_code == status


def test_a_list_is_taken_away_as_csv(api: Any) -> None:
    """Whose data is in it is on record, and nothing in it is computed by a spreadsheet."""
    api.accounts.page = Page(accounts=[found(email="=1+1@example.com"), found("r-82", email=None)], next_after=None)
    reply = api.call("GET", "/v1/support/accounts.csv", key=READ, query_string={"plan": "annual"})
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.text.splitlines() == [
        "reader_id,email,customer_id,status,plan,in_trial,past_due,cancelling,created_at",
        "r-81,'=1+1@example.com,cus_1,active,annual,no,no,no,2026-11-10T09:00:00Z",
        "r-82,,cus_1,active,annual,no,no,no,2026-11-10T09:00:00Z",
    ]
    (entry,) = api.audit.entries
    assert (entry.act, entry.subjects, entry.detail) == (
        "accounts.export",
        ("r-81", "r-82"),
        {"plan": "annual", "status": 200},
    )


def test_what_cannot_be_recorded_is_not_taken_away(api: Any) -> None:
    """The log is written before the first line goes out."""
    api.audit.failure = RuntimeError("no log")
    assert api.call("GET", "/v1/support/accounts.csv", key=READ).status_code == 500


def test_a_list_on_its_way_out_holds_its_slot(api: Any) -> None:
    """Of two slots both are taken until the last line is out: decisions keep their threads."""
    api.accounts.page = Page(accounts=[found()], next_after=None)
    asked = {"key": READ, "buffered": False}
    both = [api.call("GET", "/v1/support/accounts.csv", **asked) for _ in range(2)]
    assert api.call("GET", "/v1/support/accounts.csv", **asked).status_code == 503
    for each in both:
        each.close()
    assert api.call("GET", "/v1/support/accounts", key=READ).status_code == 200
