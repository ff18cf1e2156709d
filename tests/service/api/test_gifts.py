"""`/v1/readers/{reader_id}/gifts`: translation alone; the gifts themselves have tests on PostgreSQL."""

from __future__ import annotations

from typing import Any

from service.errors import Conflict

GIFT = {
    "token": "1795510800.all-1.s",
    "article": "a-1",
    "given_at": "2026-11-10T09:00:00Z",
    "expires_at": "2026-11-24T09:00:00Z",
}
BOX = {"per_month": 5, "remaining": 4, "resets_at": "2026-12-01T00:00:00+01:00"}


def test_a_new_gift_is_201_and_an_old_one_200(api: Any) -> None:
    """With the token, its end, and what is left of the month."""
    new = api.call("POST", "/v1/readers/r-81/gifts", json={"article": "a-1"})
    assert (new.status_code, new.json) == (201, GIFT | BOX)
    api.services.gifts.created = False
    old = api.call("POST", "/v1/readers/r-81/gifts", json={"article": "a-1"})
    assert (old.status_code, old.json) == (200, new.json)
    assert api.services.gifts.asked == [("r-81", "a-1")] * 2


def test_what_is_open_and_left_is_listed(api: Any) -> None:
    """For a button that says how many are left, and an account page that shows the links again."""
    answer = api.call("GET", "/v1/readers/r-81/gifts")
    assert (answer.status_code, answer.json) == (200, BOX | {"data": [GIFT]})


def test_a_refusal_is_a_problem_with_its_code(api: Any) -> None:
    """None left, not entitled, nothing given away here: 409 and which of them."""
    for code in ("no_gifts_left", "no_entitlement", "gifts_off"):
        api.services.gifts.failure = Conflict("No.", code=code)
        answer = api.call("POST", "/v1/readers/r-81/gifts", json={"article": "a-1"})
        assert (answer.status_code, answer.json["code"]) == (409, code)
