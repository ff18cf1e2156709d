"""Two accounts of one person made one: what goes along, whose customer stays, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.domain.staff import Role
from webhooks.facts import READER_KEY


def test_a_subscriber_and_an_old_account_become_one(faces: Any, read_words: Any) -> None:
    """The subscription's customer moves; courtesy, notes and browsers go along; no second trial; the other is empty."""
    faces.shop.subscribe("r-2")
    faces.api("POST", "r-2/notes", body="prefers letters")
    until = (faces.now() + timedelta(days=60)).isoformat()
    faces.api("POST", "r-1/grants", until=until, reason="late paper")
    faces.shop.services.readers.link("r-2", "v-2")
    faces.reads("r-2")
    customer = faces.account("r-2")["customer_id"]
    admin = faces.colleague(Role.ADMIN)
    words = read_words(admin.preview("merge", other="r-2", reason="one person"))
    assert f"r-1 has the customer {customer} at Stripe (until now of the other account)." in words
    assert words[-1] == "Afterwards: Trial until 16 December, then $2.90 a month; card ending 4242."
    assert faces.account("r-2")["customer_id"] == customer
    assert admin.act("merge", other="r-2", reason="one person").location.endswith("?done=merge")
    one, other = faces.account("r-1"), faces.account("r-2")
    assert (one["customer_id"], one["state"]["status"], other["customer_id"]) == (customer, "trialing", None)
    assert ([each["body"] for each in one["notes"]], len(one["grants"])) == (["prefers letters"], 1)
    assert ([each["visitor_id"] for each in one["visitors"]], other["visitors"]) == (["v-2"], [])
    assert {each["kind"] for each in one["trial_ledger"]} == {"reader", "customer", "email", "card"}
    assert (one["state"]["trial_eligible"], other["state"]["trial_eligible"]) == (False, False)
    assert (faces.reads("r-1").reason, faces.reads("r-2").reason) == ("trial", "metered")
    assert other["merges"][0]["reader_id"] == "r-1"
    assert "was merged into" in admin.get("/support/accounts/r-2").text
    assert faces.shop.client.v1.customers.retrieve(customer).metadata[READER_KEY] == "r-1"
    faces.shop.services.staff_sync.sync("r-1")
    assert (faces.shop.status("r-1"), faces.shop.status("r-2")) == ("trialing", "none")


def test_of_two_customers_the_running_ones_stays(faces: Any) -> None:
    """The other stays at Stripe under no account, told by its id; an event of it brings no account back to life."""
    faces.shop.subscribe("r-1")
    faces.shop.subscribe("r-2", plan="annual")
    faces.api("POST", "r-1/cancellation", when="now", reason="double")
    gone, kept = faces.account("r-1")["customer_id"], faces.account("r-2")["customer_id"]
    done = faces.api("POST", "r-1/merges", other="r-2", reason="one person")
    assert (done.status_code, done.json["reader_status"]) == (200, "active")
    one = faces.account("r-1")
    assert (one["customer_id"], one["merges"][0]["gone_customer_id"]) == (kept, gone)
    faces.shop.core.syncs.sync(gone)
    faces.shop.core.syncs.sync(kept)
    assert (faces.account("r-1")["customer_id"], faces.account("r-2")["customer_id"]) == (kept, None)
    assert faces.shop.status("r-1") == "active"


def test_who_signs_in_under_the_account_that_went_can_buy(faces: Any) -> None:
    """Stripe gives the same customer for the same key for a day, and that one is the other account's now."""
    shop = faces.shop
    shop.subscribe("r-2")
    until = (faces.now() + timedelta(days=1)).isoformat()
    faces.api("POST", "r-1/grants", until=until, reason="late paper")
    customer = faces.account("r-2")["customer_id"]
    assert faces.api("POST", "r-1/merges", other="r-2", reason="one person").status_code == 200
    shop.pay(shop.open("r-2", plan="annual"), card_number="5555 5555 5555 4444")
    shop.core.sync_now(faces.account("r-2")["customer_id"])
    assert (shop.status("r-1"), shop.status("r-2")) == ("trialing", "active")
    assert (faces.account("r-1")["customer_id"], faces.account("r-2")["customer_id"] != customer) == (customer, True)


def test_a_checkout_opened_meanwhile_stops_the_merge(faces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened while Stripe is told whose the customers are, it could be paid for an account that is empty by then."""
    faces.shop.subscribe("r-1")
    faces.shop.open("r-2")
    faces.shop.services.checkouts.close("r-2")
    merge = faces.shop.services.acts.merge
    tell = merge._tell_stripe

    def tell_while_the_reader_clicks(two: Any) -> None:
        tell(two)
        faces.shop.open("r-2")

    monkeypatch.setattr(merge, "_tell_stripe", tell_while_the_reader_clicks)
    answer = faces.api("POST", "r-1/merges", other="r-2", reason="one person")
    assert (answer.status_code, answer.json["code"]) == (409, "checkout_open")
    assert faces.account("r-2")["customer_id"] is not None


def test_what_would_lose_money_or_a_hold_is_refused(faces: Any) -> None:
    """Two running subscriptions, an open checkout, a hold left behind, oneself, and nobody."""
    faces.shop.subscribe("r-1", plan="annual")
    faces.shop.subscribe("r-2", plan="annual")

    def code(other: str = "r-2", reader_id: str = "r-1") -> str:
        return str(faces.api("POST", f"{reader_id}/merges", other=other, reason="x").json["code"])

    assert code() == "both_subscribed"
    assert (code("r-1"), code("r-404"), code("r-2", "r-404")) == ("same_account", "no_account", "no_account")
    invoice = faces.account("r-2")["invoices"][0]["id"]
    faces.api("POST", "r-2/refunds", invoice=invoice, reason="double")
    faces.api("POST", "r-2/cancellation", when="now", reason="double")
    assert code() == "customer_held"
    faces.shop.open("r-3")
    assert code("r-3") == "checkout_open"
    assert [faces.shop.status(each) for each in ("r-1", "r-2")] == ["active", "none"]
    assert faces.colleague(Role.LEAD).preview("merge", other="r-3", reason="x").status_code == 403
