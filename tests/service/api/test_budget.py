"""At most half of a process's threads are inside a slow call; decisions never wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from service.api.budget import ThreadBudget
from service.api.routes import OPERATIONS
from service.errors import Unavailable


def test_slow_calls_share_their_slots_and_decisions_need_none(
    build_api: Callable[..., Any], checkout_body: dict[str, str]
) -> None:
    """With the only slot taken, every other slow route says busy at once, and a decision is answered."""
    api = build_api(slow_calls_at_once=1)
    api.checkouts.go_on.clear()
    holder = threading.Thread(target=lambda: api.call("POST", "/v1/checkouts", json=checkout_body))
    holder.start()
    assert api.checkouts.inside.wait(timeout=10)
    body = {"reader_id": "r-81", "return_url": "https://www.example.com/a"}
    for busy in (
        api.call("POST", "/v1/portals", json=body),
        api.call("DELETE", "/v1/readers/r-81/cancellation"),
        api.call("GET", "/v1/support/accounts", key="support:read-key"),
    ):
        assert (busy.status_code, busy.json["code"], busy.headers["Retry-After"]) == (503, "busy", "1")
    assert api.call("POST", "/v1/decisions", json={"article": {"id": "a"}}).status_code == 200
    api.checkouts.go_on.set()
    holder.join()
    assert api.call("POST", "/v1/portals", json=body).status_code == 200


def test_a_failure_gives_its_slot_back() -> None:
    """Otherwise a few errors would close the shop."""
    budget = ThreadBudget(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.slot():
            raise ZeroDivisionError
    with budget.slot(), pytest.raises(Unavailable), budget.slot():
        pass


def test_what_calls_stripe_or_searches_is_slow() -> None:
    """Every billing and support route; nothing of the hot path."""
    slow = {each.name for each in OPERATIONS if each.slow}
    assert slow == {
        each.name for each in OPERATIONS if str(each.access) in {"billing", "support:read", "support:write", "privacy"}
    }
    assert {each.name for each in OPERATIONS if each.idempotent} <= slow
