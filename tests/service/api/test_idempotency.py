"""`Idempotency-Key` over HTTP: the same request acts once, whatever goes wrong between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from service.errors import Conflict, StripeUnavailable

KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
def api(build_api: Callable[..., Any], engine: Engine, hand_clock: Any) -> Any:
    return build_api(engine, wall_clock=hand_clock)


def buy(api: Any, body: dict[str, str], **headers: str) -> Any:
    return api.call("POST", "/v1/checkouts", json=body, headers=KEY | headers)


def test_the_same_request_gets_the_same_answer_and_acts_once(api: Any, checkout_body: dict[str, str]) -> None:
    """To the byte, with the same status; a header tells that it was kept. The order of names does not matter."""
    first = buy(api, checkout_body)
    again = buy(api, dict(reversed(checkout_body.items())))
    assert (again.status_code, again.data) == (first.status_code, first.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.checkouts.requests) == 1


def test_another_request_under_the_key_is_refused(api: Any, checkout_body: dict[str, str]) -> None:
    """422 for another body and for another route."""
    buy(api, checkout_body)
    other = buy(api, checkout_body | {"plan": "annual"})
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    route = api.call("DELETE", "/v1/readers/r-81/cancellation", headers=KEY)
    assert (route.status_code, api.cancellations.undone) == (422, [])


def test_a_plan_change_is_made_once(api: Any) -> None:
    """Also with a preview's instant in its body."""
    body = {"plan": "annual", "quoted_at": "2026-11-10T09:00:00Z"}
    answers = [api.call("POST", "/v1/readers/r-81/plan-changes", json=body, headers=KEY) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert len(api.plan_changes.asked) == 1


def test_a_key_is_kept_for_a_day(api: Any, checkout_body: dict[str, str], hand_clock: Any) -> None:
    """Then the same request acts again."""
    buy(api, checkout_body)
    hand_clock.advance(timedelta(hours=24, seconds=1))
    assert buy(api, checkout_body).json["id"] == "chk_2"


def test_while_the_first_is_in_flight_the_second_is_told_so(api: Any, checkout_body: dict[str, str]) -> None:
    """409, and only one of them acts."""
    api.checkouts.go_on.clear()
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(buy(api, checkout_body)))
    first.start()
    assert api.checkouts.inside.wait(timeout=10)
    second = buy(api, checkout_body)
    assert (second.status_code, second.json["code"]) == (409, "request_in_flight")
    api.checkouts.go_on.set()
    first.join()
    assert answers[0].status_code == 201
    assert len(api.checkouts.requests) == 1


def test_a_final_refusal_is_kept(api: Any, checkout_body: dict[str, str]) -> None:
    """A repeat learns what the first learnt, even if it would succeed by now."""
    api.checkouts.failure = Conflict("This reader already has a subscription.", code="already_subscribed")
    first = buy(api, checkout_body)
    api.checkouts.failure = None
    again = buy(api, checkout_body)
    assert (again.status_code, again.json) == (409, first.json)
    assert again.mimetype == "application/problem+json"


@pytest.mark.parametrize("failure", [StripeUnavailable("timeout"), RuntimeError("bug")])
def test_what_is_not_final_may_be_tried_again(api: Any, checkout_body: dict[str, str], failure: Exception) -> None:
    """After a 5xx the same key acts: safe to repeat is what a 503 promises."""
    api.checkouts.failure = failure
    assert buy(api, checkout_body).status_code >= 500
    api.checkouts.failure = None
    assert buy(api, checkout_body).status_code == 201


def test_a_malformed_request_uses_no_key_up(api: Any, checkout_body: dict[str, str]) -> None:
    """What never reached the use case leaves the key free for the corrected request."""
    assert buy(api, checkout_body | {"email": "x"}).status_code == 422
    assert buy(api, checkout_body).status_code == 201


def test_an_empty_answer_is_kept_too(api: Any) -> None:
    """204 has no body, and is repeated as such."""
    answers = [api.call("DELETE", "/v1/readers/r-81/cancellation", headers=KEY) for _ in range(2)]
    assert [(each.status_code, each.data) for each in answers] == [(204, b"")] * 2
    assert api.cancellations.undone == ["r-81"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(api: Any, checkout_body: dict[str, str], key: str) -> None:
    """422 naming the header."""
    answer = buy(api, checkout_body, **{"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json["errors"]


def test_decisions_ignore_the_header(api: Any) -> None:
    """They are idempotent by themselves, and must not wait for PostgreSQL."""
    for _ in range(2):
        api.call("POST", "/v1/decisions", json={"article": {"id": "a"}}, headers=KEY)
    assert len(api.gate.questions) == 2


def test_without_postgresql_a_write_is_refused_clearly(
    build_api: Callable[..., Any], engine: Engine, checkout_body: dict[str, str]
) -> None:
    """503 before anything was done: acting without the claim could act twice."""
    engine.dispose()
    broken = build_api(engine)
    url = "postgresql://newsstand@127.0.0.1:1/nowhere"
    from service.store.database import make_engine
    from service.store.idempotency import IdempotencyStore

    services = replace(broken.services, idempotency=IdempotencyStore(make_engine(url)))
    api = build_api(idempotency=services.idempotency)
    answer = buy(api, checkout_body)
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert "Retry-After" in answer.headers
    assert api.checkouts.requests == []


def test_an_answer_outlives_a_write_that_fails(api: Any, engine: Engine, checkout_body: dict[str, str]) -> None:
    """Stripe was called: losing the answer because it could not be kept would make it worse."""
    with engine.begin() as connection:
        connection.execute(text("alter table idempotency_keys add check (status is null)"))
    assert buy(api, checkout_body).status_code == 201
