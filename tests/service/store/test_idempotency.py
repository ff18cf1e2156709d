"""Idempotency keys on a real PostgreSQL; `now` is turned by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from service.store.idempotency import KEPT, LEASE, Answered, Claimed, IdempotencyStore, InFlight, OtherRequest

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ONE, OTHER = b"one", b"other"
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(engine: Engine) -> IdempotencyStore:
    return IdempotencyStore(engine)


def claimed(store: IdempotencyStore, now: datetime = NOW) -> Claimed:
    outcome = store.claim(1, "k", ONE, now)
    assert isinstance(outcome, Claimed)
    return outcome


def test_the_same_request_gets_the_kept_answer_to_the_byte(store: IdempotencyStore) -> None:
    """Names keep their order, spaces their place."""
    body = '{"z": 1,  "a":"é"}'
    store.finish(claimed(store), 201, body)
    assert store.claim(1, "k", ONE, NOW + KEPT) == Answered(status=201, body=body)


def test_another_request_under_the_key_is_told_apart(store: IdempotencyStore) -> None:
    """In flight or answered, a key stands for one request."""
    claim = claimed(store)
    assert store.claim(1, "k", OTHER, NOW) == OtherRequest()
    store.finish(claim, 200, "{}")
    assert store.claim(1, "k", OTHER, NOW) == OtherRequest()


def test_keys_of_different_callers_never_meet(store: IdempotencyStore) -> None:
    """The same text under another API key is another key."""
    claimed(store)
    assert isinstance(store.claim(2, "k", OTHER, NOW), Claimed)


def test_a_claim_in_flight_holds_until_its_lease_ends(store: IdempotencyStore) -> None:
    """A process that died while acting blocks its key for a minute, not for a day."""
    claimed(store)
    assert store.claim(1, "k", ONE, NOW + LEASE) == InFlight()
    assert isinstance(store.claim(1, "k", ONE, NOW + LEASE + SECOND), Claimed)


def test_a_slow_process_cannot_record_over_its_successor(store: IdempotencyStore) -> None:
    """Only the holder of the present ticket may finish or release."""
    slow = claimed(store)
    successor = claimed(store, NOW + LEASE + SECOND)
    store.finish(slow, 500, "late")
    store.release(slow)
    assert store.claim(1, "k", ONE, NOW + LEASE + SECOND) == InFlight()
    store.finish(successor, 200, "{}")
    assert store.claim(1, "k", ONE, NOW + LEASE + SECOND) == Answered(status=200, body="{}")


def test_a_released_key_may_act_again(store: IdempotencyStore) -> None:
    """Nothing final came of it; but what is finished cannot be released."""
    claim = claimed(store)
    store.release(claim)
    again = claimed(store)
    store.finish(again, 200, "{}")
    store.release(again)
    assert isinstance(store.claim(1, "k", ONE, NOW), Answered)


def test_after_a_day_a_key_is_new(store: IdempotencyStore) -> None:
    """Kept 24 hours: then another request may use it, whether or not the old row was pruned."""
    store.finish(claimed(store), 200, "{}")
    assert isinstance(store.claim(1, "k", OTHER, NOW + KEPT + SECOND), Claimed)


def test_pruning_deletes_what_is_older_than_a_day(store: IdempotencyStore) -> None:
    """And nothing younger."""
    claimed(store)
    assert store.prune(NOW + KEPT) == 0
    assert store.prune(NOW + KEPT + SECOND) == 1


def test_of_many_at_once_exactly_one_acts(store: IdempotencyStore) -> None:
    """The claim is one statement; PostgreSQL decides."""
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: store.claim(1, "k", ONE, NOW), range(32)))
    assert sum(isinstance(each, Claimed) for each in outcomes) == 1
    assert sum(each == InFlight() for each in outcomes) == 31
