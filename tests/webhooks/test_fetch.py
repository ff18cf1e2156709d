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
    return StripeFetch(recorded_stripe.client, clock, max_subscriptions=120, max_invoices=110)


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
        ("/v1/invoices", {"customer": "cus_1", "limit": "100"}),
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
def test_every_subscription_and_the_newest_invoices(fetcher: StripeFetch, recorded_stripe: Any, shape: Shape) -> None:
    """Subscriptions are paged to their end; invoices only as far as is allowed, newest first."""
    recorded_stripe.put_list("/v1/subscriptions", [shape("subscription", id=f"sub_{n}") for n in range(120)])
    recorded_stripe.put_list("/v1/invoices", [shape("invoice", id=f"in_{n}") for n in range(130)])
    snapshot = fetcher.fetch("cus_1")
    assert [each.id for each in snapshot.subscriptions] == [f"sub_{n}" for n in range(120)]
    assert [each.id for each in snapshot.invoices] == [f"in_{n}" for n in range(110)]
    assert len(recorded_stripe.asked) == 2 + 2 + 2 + 1


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
