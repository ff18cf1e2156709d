"""One reader, a hundred checkouts at once, over HTTP and several processes: one session that can be paid, one trial."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

AT_ONCE = 100
READER = "r-race"
CARD = {"email": "r@example.com", "card_number": "4242 4242 4242 4242", "card_expiry": "12/34", "card_cvc": "123"}
COME_BACK = {409, 503}
"""Another request of the same reader's is at it, or this process has its hands full, or Stripe does not answer."""


def insist(room: Any, first: list[int]) -> requests.Response:
    """Ask until there is a checkout, as a site does; note the first answer's status."""
    for attempt in range(150):
        answer: requests.Response = room.checkout(READER)
        if attempt == 0:
            first.append(answer.status_code)
        if answer.status_code not in COME_BACK:
            return answer
        time.sleep(1)  # what Retry-After asks for
    raise AssertionError(answer.text)


def race(room: Any) -> tuple[list[Any], Counter[int]]:
    first: list[int] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: insist(room, first), range(AT_ONCE)))
    assert {each.status_code for each in answers} <= {200, 201}, [each.text for each in answers][:3]
    return [each.json() for each in answers], Counter(first)


def open_sessions(room: Any) -> list[str]:
    """Return the addresses of whatever the reader could still pay, of all customers that are this reader's."""
    customers = [
        each.id
        for each in room.client.v1.customers.list({"limit": 100}).data
        if each.metadata["newsstand_reader_id"] == READER
    ]
    assert len(customers) == 1
    found = room.client.v1.checkout.sessions.list({"customer": customers[0], "status": "open", "limit": 100}).data
    return [each.url for each in found]


def pay_twice(room: Any, url: str) -> None:
    """Press the button in two tabs; exactly one subscription, one trial, and a second is not sold."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: requests.post(url, CARD, allow_redirects=False, timeout=20), range(2)))
    (subscription,) = room.client.v1.subscriptions.list({"status": "all"}).data
    assert subscription.status == "trialing"
    assert room.checkout(READER).json()["code"] == "already_subscribed"
    room.settle()
    kinds = room.rows("select kind, count(*) from trial_ledger group by kind order by kind")
    assert kinds == [("card", 1), ("customer", 1), ("email", 1), ("reader", 1)]


def test_a_hundred_at_once_open_one_checkout(room: Any, tell: Any) -> None:
    """Whoever asks gets the same page, and what is paid there is one trial."""
    answers, first = race(room)
    assert open_sessions(room) == [answers[0]["url"]]
    assert {each["url"] for each in answers} == {answers[0]["url"]}
    pay_twice(room, answers[0]["url"])
    tell(f"{AT_ONCE} checkouts at once, first answers {dict(first)}: open sessions 1, trials 1")


@pytest.mark.parametrize(
    "faults",
    [
        {"status": 500, "status_rate": 0.2, "seed": 4},
        {"status": 500, "status_rate": 0.2, "seed": 4, "saved": True},
        {"status": 429, "status_rate": 0.2, "seed": 4},
    ],
    ids=["500", "kept-500", "429"],
)
def test_a_stripe_that_fails_every_fifth_time_makes_no_second_checkout(
    room: Any, tell: Any, faults: dict[str, Any]
) -> None:
    """Refused, repeated, refused for good under a key: still one page."""
    room.standin("faults", faults)
    answers, first = race(room)
    room.standin("faults", {})
    assert open_sessions(room) == [answers[0]["url"]]
    pay_twice(room, answers[0]["url"])
    tell(f"{AT_ONCE} checkouts at once, {faults}, first answers {dict(first)}: open sessions 1, trials 1")


def test_a_stripe_that_answers_too_late_makes_no_second_checkout(room: Any, tell: Any) -> None:
    """Every answer comes after the service has given up, the work done; when Stripe is quick again, it is found."""
    room.standin("faults", {"api_delay_seconds": 6})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        early = Counter(each.status_code for each in pool.map(lambda _: room.checkout(READER), range(AT_ONCE)))
    assert set(early) <= COME_BACK
    room.standin("faults", {})
    answers, _ = race(room)
    assert open_sessions(room) == [answers[0]["url"]]
    pay_twice(room, answers[0]["url"])
    tell(f"{AT_ONCE} checkouts at a Stripe 6 s late {dict(early)}, then in time: open sessions 1, trials 1")
