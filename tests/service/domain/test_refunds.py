"""What can be given back, and which earlier refund a request repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.domain.refunds import REQUEST_KEY, RefundRequest, earlier, refundable_minor

ASKED = RefundRequest(reader_id="r-1", invoice_id="in_1", amount_minor=100, reason="moved away", asked_by="key:3")


def _refund(status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {"id": "re_1", "status": status, "amount": 100, "metadata": {REQUEST_KEY: ASKED.digest}} | changes


@pytest.mark.parametrize(
    "change", [{"reader_id": "r-2"}, {"invoice_id": "in_2"}, {"amount_minor": None}, {"reason": "another"}]
)
def test_another_request_is_another_refund(change: dict[str, Any]) -> None:
    """Reader, invoice, amount and reason make the request; whoever asks, with these the same it is the same one."""
    assert replace(ASKED, asked_by="staff:7").digest == ASKED.digest
    assert len(ASKED.digest) == 32
    assert replace(ASKED, **change).digest != ASKED.digest


def test_the_key_in_stripes_metadata_never_changes() -> None:
    """A refund made by an earlier release is recognised by this one."""
    assert REQUEST_KEY == "newsstand_refund"
    assert ASKED.digest == "781dfe66f55d2f4e5826ad2c6db430d1"


@pytest.mark.parametrize("status", ["succeeded", "pending", "requires_action"])
def test_a_repeated_request_finds_its_refund(status: str) -> None:
    """Among refunds of other requests and of none, the one this request made is found."""
    others = [_refund(metadata=None), _refund(metadata={}), _refund(metadata={REQUEST_KEY: "another"})]
    own = _refund(status, id="re_9")
    assert earlier([*others, own], ASKED) is own
    assert earlier(others, ASKED) is None
    assert earlier([], ASKED) is None


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_came_back_does_not_count(status: str) -> None:
    """It may be asked for again, and what it would have returned is still there."""
    assert earlier([_refund(status)], ASKED) is None
    assert refundable_minor({"amount_captured": 290}, [_refund(status)]) == 290


def test_what_is_left_is_what_was_captured_less_what_was_returned() -> None:
    """Every refund that counts is taken off, and never below nothing."""
    charge = {"amount": 999, "amount_captured": 290}
    assert refundable_minor(charge, []) == 290
    assert refundable_minor(charge, [_refund(), _refund("pending", amount=50)]) == 140
    assert refundable_minor(charge, [_refund(amount=290), _refund()]) == 0
