"""Whatever is sent, the API answers in Stripe's words: never with a 500."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
import requests

from sandbox.standin.routing import ROUTES

SUFFIXES = ("", "[0]", "[]", "[a]", "[price]", "[0][price]", "[0][id]", "[0][quantity]", "[type]", "[behavior]",
            "[gte]", "[interval]", "[end_behavior][missing_payment_method]", "[subscription_cancel][mode]")  # fmt: skip
VALUES = ("", "0", "-1", "1", "99999999999999", "true", "now", "min_period_end", "usd", "month", "{}", "é\x00")


@pytest.mark.parametrize("seed", [1, 2])
def test_no_form_makes_a_500(shop: Any, seed: int) -> None:
    """Random members, shapes and values at every address: 200 or a 4xx with an error body."""
    dice = random.Random(seed)
    customer = shop.customer(shop.clock(), "pm_card_visa")
    bought = shop.buy(shop.monthly, customer=customer, trial_days=7)
    names = [customer, bought.id, bought["items"].data[0].id, str(bought.latest_invoice), shop.monthly, "nope"]
    for _ in range(300):
        each = dice.choice([route for route in ROUTES if route.method != "DELETE"])
        path = re.sub(r"\(\?P<\w+>\[\^/\]\+\)", lambda _: dice.choice(names), each.pattern.pattern.strip("^$"))
        wanted = [*each.required, *dice.sample(sorted(each.spec), min(3, len(each.spec)))]
        form = [(name + dice.choice(SUFFIXES), dice.choice([*VALUES, *names])) for name in wanted]
        sent: Any = {"params": form} if each.method == "GET" else {"data": form}
        answer = requests.request(each.method, shop.url + path, auth=("sk_test_sandbox", ""), timeout=10, **sent)
        assert answer.status_code < 500, (each.method, path, form)
        assert answer.status_code == 200 or answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"\xff\xfe=\xff", b"a=%FF&b=%", b"[=1", b"=1", b'{"json": true}'])
def test_bytes_that_are_no_form_are_refused(lasting_shop: Any, body: bytes) -> None:
    """Neither broken text nor JSON is taken for parameters."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(
        f"{lasting_shop.url}/v1/customers", body, headers=headers, auth=("sk_test_sandbox", ""), timeout=5
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'{"drop": "x"}', b'{"shuffle": 1}', b'{"nope": 1}'])
def test_faults_that_are_none_are_refused(lasting_shop: Any, body: bytes) -> None:
    """The fault switch says what it takes, and changes nothing."""
    before = requests.get(f"{lasting_shop.url}/_standin/faults", timeout=5).json()
    headers = {"Content-Type": "application/json"}
    assert requests.post(f"{lasting_shop.url}/_standin/faults", body, headers=headers, timeout=5).status_code == 400
    assert requests.get(f"{lasting_shop.url}/_standin/faults", timeout=5).json() == before
