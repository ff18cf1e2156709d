"""Refunds by staff: whole or in part, once however often it is pressed, never more than was paid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from service.domain.refunds import RefundRequest
from service.errors import InvalidRequest, NotFound
from service.store.money_tables import staff_refunds


@pytest.fixture
def wanted(shop: Any) -> RefundRequest:
    """The whole of a year that was paid for."""
    shop.subscribe(plan="annual")
    invoice = shop.services.readers.state("r-1").snapshot.invoices[0]
    return RefundRequest(
        reader_id="r-1", invoice_id=invoice.id, amount_minor=None, reason="moved abroad", asked_by="key:1"
    )


def made(shop: Any) -> list[int]:
    customer = shop.services.readers.state("r-1").snapshot.customer_id
    charge = shop.client.v1.charges.list({"customer": customer}).data[0].id
    return [each.amount for each in shop.client.v1.refunds.list({"charge": charge}).data]


def test_a_part_keeps_access_and_the_rest_ends_it(shop: Any, wanted: RefundRequest) -> None:
    """Known with the answer, not a webhook later."""
    part = shop.services.refunds.refund(replace(wanted, amount_minor=500))
    assert (part.amount.amount_minor, part.left.amount_minor, part.created) == (500, 1490, True)
    assert shop.status() == "active"
    rest = shop.services.refunds.refund(wanted)
    assert (rest.amount.amount_minor, rest.left.amount_minor) == (1490, 0)
    assert shop.status() == "held"
    assert shop.client.v1.subscriptions.retrieve(shop.services.readers.state("r-1").subscription.id).status == "active"


def test_pressing_again_gives_the_same_refund(shop: Any, wanted: RefundRequest) -> None:
    """One after the other, also of a part that would fit twice; another reason is another refund."""
    half = replace(wanted, amount_minor=700)
    first, again = shop.services.refunds.refund(half), shop.services.refunds.refund(half)
    assert (again.id, again.created, again.left) == (first.id, False, first.left)
    assert shop.services.refunds.refund(replace(half, reason="late delivery")).id != first.id
    assert made(shop) == [700, 700]


def test_every_refund_leaves_a_trace(shop: Any, wanted: RefundRequest) -> None:
    """Who, what, why and what Stripe made of it; a repeat leaves none of its own, a refusal says why."""
    part = replace(wanted, amount_minor=500)
    made_id = shop.services.refunds.refund(part).id
    shop.services.refunds.refund(replace(part, asked_by="key:2"))
    charge = shop.client.v1.charges.list({"customer": shop.services.readers.state("r-1").snapshot.customer_id}).data[0]
    shop.lever("disputes", charge=charge.id)
    with pytest.raises(InvalidRequest):
        shop.services.refunds.refund(replace(wanted, asked_by="key:3"))
    with shop.core.engine.connect() as connection:
        columns = staff_refunds.c["reader_id", "amount_minor", "currency", "reason", "asked_by", "refund_id", "outcome"]
        rows = connection.execute(select(*columns).order_by(staff_refunds.c.asked_at)).all()
    assert list(rows) == [
        ("r-1", 500, "usd", "moved abroad", "key:1", made_id, "succeeded"),
        ("r-1", 1490, "usd", "moved abroad", "key:3", None, "refused:charge_disputed"),
    ]


def test_two_presses_at_once_are_one_refund(shop: Any, wanted: RefundRequest) -> None:
    """Eight at once: one refund at Stripe, one answer."""
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: shop.services.refunds.refund(replace(wanted, amount_minor=100)).id, range(8)))
    assert (len(found), made(shop)) == (1, [100])


def test_never_more_than_is_left(shop: Any, wanted: RefundRequest) -> None:
    """The amount at fault is named; when nothing is left, that is said."""
    with pytest.raises(InvalidRequest) as refused:
        shop.services.refunds.refund(replace(wanted, amount_minor=1991))
    assert (refused.value.code, refused.value.errors) == (
        "refund_too_large", {"amount": ["Only $19.90 is left to give back."]},
    )  # fmt: skip
    shop.services.refunds.refund(wanted)
    with pytest.raises(InvalidRequest) as nothing:
        shop.services.refunds.refund(replace(wanted, reason="again"))
    assert nothing.value.code == "nothing_to_refund"


def test_a_refund_that_failed_may_be_tried_again(shop: Any, wanted: RefundRequest) -> None:
    """The bank sent it back: the same request makes a new one."""
    first = shop.services.refunds.refund(wanted)
    shop.lever(f"refunds/{first.id}", status="failed")
    again = shop.services.refunds.refund(wanted)
    assert (again.created, again.id == first.id, shop.status()) == (True, False, "held")


def test_what_cannot_be_refunded_is_said_so(shop: Any, wanted: RefundRequest) -> None:
    """Another reader's invoice, an unknown one, a stranger, and a trial's invoice of nothing."""
    shop.subscribe("r-2")
    trial = shop.services.readers.state("r-2").snapshot.invoices[0].id
    for request, kind, code in (
        (replace(wanted, reader_id="r-2"), NotFound, "no_invoice"),
        (replace(wanted, invoice_id="in_unknown"), NotFound, "no_invoice"),
        (replace(wanted, reader_id="r-9"), NotFound, "no_account"),
        (replace(wanted, reader_id="r-2", invoice_id=trial), InvalidRequest, "nothing_to_refund"),
    ):
        with pytest.raises(kind) as refused:
            shop.services.refunds.refund(request)
        assert refused.value.code == code
