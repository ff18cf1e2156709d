"""Keys open what their scopes say, within seconds of a change, and also while PostgreSQL is down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from service.api.auth import FRESH_SECONDS, RETRY_SECONDS, KeyChecker
from service.api.operations import Open
from service.api.paths import rule_of, shown
from service.api.routes import OPERATIONS
from service.errors import Unavailable
from service.store.api_keys import ApiKey, ApiKeyStore, Scope

PROTECTED = [each for each in OPERATIONS if isinstance(each.access, Scope)]


class Desk:
    """A table of keys whose reading is counted and can be made to fail."""

    def __init__(self, store: ApiKeyStore) -> None:
        self.store = store
        self.reads = 0
        self.down = False

    def live(self) -> list[ApiKey]:
        self.reads += 1
        if self.down:
            raise OperationalError("select", {}, Exception("down"))
        return list(self.store.live())


@pytest.fixture(scope="module")
def api(build_api: Callable[..., Any]) -> Any:
    """One application for all: a refused request changes nothing."""
    return build_api()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(ApiKeyStore(engine))


@pytest.fixture
def checker(desk: Desk, hand_clock: Any) -> KeyChecker:
    return KeyChecker(desk.live, hand_clock)


def path_of(operation: Any) -> str:
    return str(operation.path.replace("{reader_id}", "r-81").replace("{checkout_id}", "chk_1"))


@pytest.mark.parametrize("operation", PROTECTED, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic c2l0ZS1rZXk6", "site-key", "Bearer\u00a0site-key"]
)
def test_without_a_key_nothing_opens(api: Any, operation: Any, header: str | None) -> None:
    """401 with a challenge, before anything else is looked at."""
    headers = {} if header is None else {"Authorization": header}
    answer = api.call(operation.method, path_of(operation), key=None, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "missing_key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="newsstand"'


@pytest.mark.parametrize("operation", PROTECTED, ids=lambda each: each.name)
@pytest.mark.parametrize("plain", ["nsk_00000000_" + "A" * 43, "site-key2", "é", "x" * 5000, "site-key site-key"])
def test_an_unknown_key_opens_nothing(api: Any, operation: Any, plain: str) -> None:
    """401; the challenge says that a key was seen and is not valid."""
    answer = api.call(operation.method, path_of(operation), key=plain)
    assert (answer.status_code, answer.json["code"]) == (401, "unknown_key")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("operation", PROTECTED, ids=lambda each: each.name)
def test_a_key_opens_the_routes_of_its_scope_alone(api: Any, operation: Any, scope: Scope) -> None:
    """Every route against every scope: 403 names the scope that is missing."""
    answer = api.call(operation.method, path_of(operation), key=f"{scope}-key", json={})
    if scope is operation.access:
        assert answer.status_code not in {401, 403}
        return
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
    assert operation.access.value in answer.json["detail"]
    assert f'scope="{operation.access}"' in answer.headers["WWW-Authenticate"]


def test_every_registered_route_is_classified(api: Any) -> None:
    """A route that says nobody may call it, or everybody, must have said so in the table."""
    declared = {(each.method, rule_of(each.path, [])) for each in OPERATIONS}
    rules = api.app.url_map.iter_rules()
    served = {(method, shown(each.rule)) for each in rules for method in each.methods - {"HEAD"}}
    assert served == declared


def test_the_open_routes_are_these() -> None:
    """What asks for no key is written down here too, so that nobody opens a door by a slip."""
    opened = {each.path: each.access for each in OPERATIONS if isinstance(each.access, Open)}
    assert opened == {
        "/webhooks/stripe": Open.STRIPE_SIGNATURE,
        "/health/live": Open.PUBLIC,
        "/health/ready": Open.PUBLIC,
        "/metrics": Open.PUBLIC,
        "/openapi.json": Open.PUBLIC,
        "/docs": Open.PUBLIC,
    }


def test_known_keys_cost_no_query(desk: Desk, checker: KeyChecker) -> None:
    """A thousand requests within the fresh seconds read the table once."""
    plain = desk.store.create_key("site", [Scope.DECIDE])
    assert all(checker.find(plain) for _ in range(1000))
    assert desk.reads == 1


def test_a_revoked_key_is_refused_within_five_seconds(desk: Desk, checker: KeyChecker, hand_clock: Any) -> None:
    """The copy is never trusted for longer than that."""
    plain = desk.store.create_key("site", [Scope.DECIDE])
    found = checker.find(plain)
    assert found is not None
    desk.store.revoke(found.id)
    hand_clock.advance(timedelta(seconds=5))
    assert checker.find(plain) is None
    assert FRESH_SECONDS < 5


def test_a_new_key_works_at_once(desk: Desk, checker: KeyChecker, hand_clock: Any) -> None:
    """An unknown key makes the copy be read again, but a flood of guesses does not flood PostgreSQL."""
    assert checker.find("guess") is None
    hand_clock.advance(timedelta(seconds=0.2))
    assert checker.find(desk.store.create_key("site", [Scope.DECIDE])) is not None
    before = desk.reads
    assert not any(checker.find(f"guess {number}") for number in range(500))
    assert desk.reads == before


def test_keys_are_honoured_while_postgresql_is_down(desk: Desk, checker: KeyChecker, hand_clock: Any) -> None:
    """Payers are let in; and one request a second, not each, finds out whether it still is down."""
    plain = desk.store.create_key("site", [Scope.DECIDE])
    assert checker.find(plain)
    desk.down = True
    hand_clock.advance(timedelta(hours=3))
    before = desk.reads
    assert all(checker.find(plain) for _ in range(100))
    assert checker.find("guess") is None
    assert desk.reads == before + 1
    desk.down = False
    hand_clock.advance(timedelta(seconds=RETRY_SECONDS))
    assert checker.find(plain)
    assert desk.reads == before + 2


def test_nobody_waits_for_a_reading_that_is_known_to_fail(desk: Desk, hand_clock: Any) -> None:
    """While one thread waits for a frozen PostgreSQL, the others answer from the copy."""
    reading, go_on = threading.Event(), threading.Event()
    plain = desk.store.create_key("site", [Scope.DECIDE])
    checker = KeyChecker(desk.live, hand_clock)
    checker.find(plain)
    desk.down = True
    hand_clock.advance(timedelta(seconds=10))
    checker.find(plain)
    hand_clock.advance(timedelta(seconds=10))
    failing = desk.live

    def frozen() -> list[ApiKey]:
        reading.set()
        go_on.wait(timeout=10)
        return failing()

    checker._read = frozen
    waiting = threading.Thread(target=checker.find, args=(plain,))
    waiting.start()
    assert reading.wait(timeout=10)
    assert checker.find(plain) is not None
    go_on.set()
    waiting.join()


def test_before_any_key_was_read_the_service_says_so(
    desk: Desk, checker: KeyChecker, build_api: Callable[..., Any]
) -> None:
    """503: a caller with a good key must not be told that it is bad."""
    desk.down = True
    with pytest.raises(Unavailable):
        checker.find("anything")
    assert not checker.loaded
    answer = build_api(keys=checker).call("GET", "/v1/plans")
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")


def test_a_clock_set_back_does_not_freeze_the_keys(desk: Desk, checker: KeyChecker, hand_clock: Any) -> None:
    """A copy from the future counts as old."""
    plain = desk.store.create_key("site", [Scope.DECIDE])
    found = checker.find(plain)
    assert found is not None
    desk.store.revoke(found.id)
    hand_clock.advance(timedelta(hours=-1))
    assert checker.find(plain) is None
