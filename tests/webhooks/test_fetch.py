"""Fetching through the unmodified SDK over HTTP: paging, deletion, failures, and when the clock is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.failures import PermanentFailure, StripeFailure, TransientFailure
from webhooks.fetch import StripeFetch

Shape = Callable[..., dict[str, Any]]


@pytest.fixture
def fetcher(recorded_stripe: Any, clock: Any) -> StripeFetch:
    return StripeFetch(recorded_stripe.client, clock, max_subscriptions=120, max_invoices=150)


@pytest.fixture
def customer(recorded_stripe: Any, shape: Shape) -> None:
    """A customer with a card, one subscription and one invoice."""
    card = {"default_payment_method": "pm_1"}
    recorded_stripe.put("/v1/payment_methods/pm_1", shape("payment_method", id="pm_1"))
    metadata = {"newsstand_reader_id": "r-81"}
    recorded_stripe.put(
        "/v1/customers/cus_1",
        shape("customer", id="cus_1", email="r@example.com", metadata=metadata, invoice_settings=card),
    )
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id="sub_1")])
    recorded_stripe.put_list("/v1/invoices", [shape("invoice", id="in_1")])
    recorded_stripe.put_list("/v1/charges", [])


@pytest.mark.usefixtures("customer")
def test_a_customer_is_fetched_whole(fetcher: StripeFetch, recorded_stripe: Any, clock: Any) -> None:
    """Customer, card, subscriptions of every status and invoices, in five calls."""
    snapshot = fetcher.fetch("cus_1")
    assert (snapshot.customer_id, snapshot.deleted, snapshot.email) == ("cus_1", False, "r@example.com")
    assert (snapshot.reader_id, snapshot.fetched_at) == ("r-81", clock())
    assert snapshot.card is not None
    assert snapshot.card.last4 == "4242"
    assert [each.id for each in snapshot.subscriptions] == ["sub_1"]
    assert [each.id for each in snapshot.invoices] == ["in_1"]
    assert recorded_stripe.asked == [
        ("/v1/customers/cus_1", {}),
        ("/v1/payment_methods/pm_1", {}),
        ("/v1/subscriptions", {"customer": "cus_1", "status": "all", "limit": "100",
                               "expand[0]": "data.default_payment_method"}),
        ("/v1/invoices", {"customer": "cus_1", "limit": "100", "expand[0]": "data.payments"}),
        ("/v1/charges", {"customer": "cus_1", "limit": "100"}),
    ]  # fmt: skip


@pytest.mark.usefixtures("customer")
def test_the_clock_is_read_before_the_first_call(recorded_stripe: Any, clock: Any, shape: Shape) -> None:
    """A snapshot dates from before the fetch, however long that takes."""
    began = clock.now

    def slow(_: dict[str, str]) -> tuple[int, Any]:
        clock.move(30)
        return 200, shape("customer", id="cus_1")

    recorded_stripe.answers["/v1/customers/cus_1"] = slow
    assert StripeFetch(recorded_stripe.client, clock).fetch("cus_1").fetched_at == began


@pytest.mark.usefixtures("customer")
def test_every_subscription_is_fetched(fetcher: StripeFetch, recorded_stripe: Any, shape: Shape) -> None:
    """They are paged to their end."""
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id=f"sub_{n}") for n in range(120)])
    snapshot = fetcher.fetch("cus_1")
    assert [each.id for each in snapshot.subscriptions] == [f"sub_{n}" for n in range(120)]
    assert (snapshot.incomplete, len(recorded_stripe.asked)) == ((), 2 + 2 + 1 + 1)


def ours(shape: Shape, subscription_id: str) -> dict[str, Any]:
    """Return a subscription to a plan of ours."""
    items = shape("subscription")["items"]
    items["data"][0]["price"]["metadata"] = {"newsstand_plan": "monthly"}
    return shape("subscription", id=subscription_id, items=items)


def billed(shape: Shape, invoice_id: str, subscription_id: str, created: int) -> dict[str, Any]:
    """Return a paid invoice of a subscription."""
    parent = {"type": "subscription_details", "subscription_details": {"subscription": subscription_id}}
    return shape("invoice", id=invoice_id, parent=parent, created=created, amount_paid=290, status="paid")


def put_invoices(recorded_stripe: Any, newest_first: list[dict[str, Any]]) -> None:
    """Answer for these invoices as Stripe does, narrowed by subscription."""
    of_subscription: dict[str, list[dict[str, Any]]] = {}
    for each in newest_first:
        of_subscription.setdefault(each["parent"]["subscription_details"]["subscription"], []).append(each)
    answers = {}
    for name, some in {"": newest_first, **of_subscription}.items():
        recorded_stripe.put_list("/v1/invoices", some)
        answers[name] = recorded_stripe.answers["/v1/invoices"]
    recorded_stripe.answers["/v1/invoices"] = lambda query: answers[query.get("subscription", "")](query)


@pytest.mark.usefixtures("customer")
def test_our_invoices_are_found_behind_whatever_else_is_billed(
    fetcher: StripeFetch, recorded_stripe: Any, shape: Shape
) -> None:
    """A hundred newer ones of another product's push none of ours out, and are not asked for themselves."""
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id="sub_other"), ours(shape, "sub_our")])
    others = [billed(shape, f"in_other_{n}", "sub_other", 9_000 - n) for n in range(130)]
    own = [billed(shape, f"in_our_{n}", "sub_our", 500 - n) for n in range(120)]
    put_invoices(recorded_stripe, [*others, *own])
    snapshot = fetcher.fetch("cus_1")
    assert [each.id for each in snapshot.invoices] == [
        *(f"in_other_{n}" for n in range(100)), *(f"in_our_{n}" for n in range(120)),
    ]  # fmt: skip
    assert snapshot.incomplete == ()
    asked = [query.get("subscription") for path, query in recorded_stripe.asked if path == "/v1/invoices"]
    assert asked == [None, "sub_our", "sub_our"]


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(("count", "incomplete"), [(150, ()), (151, ("invoices",))])
def test_more_of_our_invoices_than_are_taken_is_said(
    count: int, incomplete: tuple[str, ...], fetcher: StripeFetch, recorded_stripe: Any, shape: Shape
) -> None:
    """The newest are taken, and the snapshot says that there were more."""
    recorded_stripe.put_list("/v1/subscriptions", [ours(shape, "sub_our")])
    put_invoices(recorded_stripe, [billed(shape, f"in_{n}", "sub_our", 900 - n) for n in range(count)])
    snapshot = fetcher.fetch("cus_1")
    assert [each.id for each in snapshot.invoices] == [f"in_{n}" for n in range(150)]
    assert snapshot.incomplete == incomplete


@pytest.mark.usefixtures("customer")
def test_a_charge_is_ours_by_what_paid_our_invoice(
    fetcher: StripeFetch, recorded_stripe: Any, shape: Shape, clock: Any
) -> None:
    """The payments that come with the invoices are sought where a page of charges lacks them; old ones are not."""
    now = int(clock.now.timestamp())
    recorded_stripe.put_list("/v1/subscriptions", [ours(shape, "sub_our"), shape("subscription", id="sub_other")])
    invoices = [
        billed(shape, f"in_{name}", of, at)
        | {"payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": f"pi_{name}"}}]}}
        for name, of, at in (
            ("new", "sub_our", now), ("other", "sub_other", now), ("old", "sub_our", now - 541 * 86_400),
        )
    ]  # fmt: skip
    recorded_stripe.put_list("/v1/invoices", invoices)
    recorded_stripe.put_list("/v1/charges", [shape("charge", id=f"ch_{n}", status="failed") for n in range(101)])
    fetcher.fetch("cus_1")
    sought = [query["payment_intent"] for path, query in recorded_stripe.asked if "payment_intent" in query]
    assert sought == ["pi_new"]


@pytest.mark.usefixtures("customer")
def test_too_many_subscriptions_are_no_answer(fetcher: StripeFetch, recorded_stripe: Any, shape: Shape) -> None:
    """A part of the truth is refused rather than projected."""
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id=f"sub_{n}") for n in range(121)])
    with pytest.raises(PermanentFailure, match="TooManySubscriptions"):
        fetcher.fetch("cus_1")


@pytest.mark.usefixtures("customer")
def test_an_invoice_with_many_lines_is_asked_for_all(fetcher: StripeFetch, recorded_stripe: Any, shape: Shape) -> None:
    """The line that ends last may be on a later page."""
    lines = [
        {"id": f"il_{n}", "object": "line_item", "period": {"start": n, "end": n + 10},
         "parent": {"type": "subscription_item_details"}}
        for n in range(120)
    ]  # fmt: skip
    first = {"object": "list", "data": lines[:10], "has_more": True, "url": "/v1/invoices/in_1/lines"}
    recorded_stripe.put_list("/v1/invoices", [shape("invoice", id="in_1", lines=first)])
    recorded_stripe.put_list("/v1/invoices/in_1/lines", lines)
    assert fetcher.fetch("cus_1").invoices[0].period_end_at == datetime.fromtimestamp(129, UTC)


@pytest.mark.usefixtures("customer")
def test_a_deleted_customer_is_an_answer(fetcher: StripeFetch, recorded_stripe: Any, shape: Shape) -> None:
    """It has no e-mail, reader or card any more, but its subscriptions still show that they ended."""
    recorded_stripe.put("/v1/customers/cus_1", shape("deleted_customer", id="cus_1"))
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id="sub_1", status="canceled")])
    snapshot = fetcher.fetch("cus_1")
    assert (snapshot.deleted, snapshot.email, snapshot.reader_id, snapshot.card) == (True, None, None, None)
    assert [each.status for each in snapshot.subscriptions] == ["canceled"]


def error(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": "about canary@example.com"}}


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    "path", ["/v1/customers/cus_1", "/v1/payment_methods/pm_1", "/v1/subscriptions", "/v1/invoices", "/v1/charges"]
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, TransientFailure), (503, TransientFailure), (429, TransientFailure), (409, TransientFailure),
     (400, PermanentFailure), (401, PermanentFailure), (403, PermanentFailure), (404, PermanentFailure)],
)  # fmt: skip
def test_a_failing_call_fails_the_fetch(
    path: str, status: int, kind: type[StripeFailure], fetcher: StripeFetch, recorded_stripe: Any
) -> None:
    """Whichever call fails, nothing is half fetched, the failure says if it may pass, and quotes nobody."""
    recorded_stripe.put(path, error("api_error"), status)
    with pytest.raises(kind) as caught:
        fetcher.fetch("cus_1")
    assert "canary" not in repr(caught.value)


def test_nobody_there_is_transient(recorded_stripe: Any, clock: Any) -> None:
    """A refused connection may well be accepted soon."""
    recorded_stripe.close()
    with pytest.raises(TransientFailure, match="APIConnectionError"):
        StripeFetch(recorded_stripe.client, clock).fetch("cus_1")
