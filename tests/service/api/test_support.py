"""Support's routes: what is asked reaches the desk, what it knows goes out whole."""

from __future__ import annotations

from typing import Any

from service.api.cursors import cursor_of
from service.support.accounts import AccountDetail, AccountQuery, FoundAccount, Page

KEY = "support:read-key"


def test_a_search_passes_on_what_is_asked(api: Any) -> None:
    """All of it is optional; the cursor is ours to understand."""
    api.call("GET", "/v1/support/accounts", key=KEY)
    asked = {"q": "Ada@", "status": "grace", "plan": "monthly", "cursor": cursor_of("r-80")}
    api.call("GET", "/v1/support/accounts", key=KEY, query_string=asked)
    assert api.accounts.queries == [
        AccountQuery(),
        AccountQuery(prefix="Ada@", status="grace", plan="monthly", after="r-80"),
    ]


def test_a_page_leads_to_the_next(api: Any) -> None:
    """`next` handed back as `cursor` continues where the page ended."""
    ada = FoundAccount(reader_id="r-81", email="ada@example.com", customer_id="cus_1", status="active", plan="annual")
    api.accounts.page = Page(accounts=[ada], next_after="r-81")
    first = api.call("GET", "/v1/support/accounts", key=KEY).json
    assert first["data"] == [
        {"reader_id": "r-81", "email": "ada@example.com", "customer_id": "cus_1", "status": "active", "plan": "annual"}
    ]
    api.call("GET", "/v1/support/accounts", key=KEY, query_string={"cursor": first["next"]})
    assert api.accounts.queries[-1].after == "r-81"


def test_the_last_page_has_no_next(api: Any) -> None:
    """Lists are `{"data": [...], "next": null}` at their end."""
    assert api.call("GET", "/v1/support/accounts", key=KEY).json == {"data": [], "next": None}


def test_an_account_is_shown_whole(api: Any, account: AccountDetail) -> None:
    """State as the site sees it, and every row behind it; identities of the trial ledger stay inside."""
    api.accounts.known = account
    shown = api.call("GET", "/v1/support/accounts/r-81", key=KEY).json
    assert shown["state"] == api.call("GET", "/v1/readers/r-81").json
    assert shown["invoices"][0]["paid"] == {"amount": 290, "currency": "usd", "display": "$2.90"}
    assert shown["grants"][0]["until_at"] == "2026-11-17T09:00:00Z"
    assert shown["holds"][0]["blocks"] is True
    assert shown["trial_ledger"] == [
        {"kind": "email", "subscription_id": "sub_1", "recorded_at": "2026-11-10T09:00:00Z"}
    ]


def test_a_reader_without_an_account_is_not_found(api: Any) -> None:
    """404: there is nothing to show that the reader's own route does not tell."""
    answer = api.call("GET", "/v1/support/accounts/r-404", key=KEY)
    assert (answer.status_code, answer.json["code"]) == (404, "no_account")
