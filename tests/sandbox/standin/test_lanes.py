"""Which delivery goes next: one at a time for each customer, many in all, and one in all while the dice are seeded."""

from __future__ import annotations

from sandbox.standin.faults import Faults
from sandbox.standin.lanes import AT_A_TIME, Lanes

NOW = 100.0


def queued(*pairs: tuple[str, str]) -> Lanes:
    lanes = Lanes()
    for identifier, lane in pairs:
        lanes.put(identifier, lane, NOW)
    return lanes


def taken(lanes: Lanes, faults: Faults) -> list[str]:
    return list(iter(lambda: lanes.take(NOW, faults) or "", ""))


def test_a_customer_s_next_waits_for_the_one_before() -> None:
    """Until a delivery is released nothing else of its customer goes; others do."""
    lanes = queued(("a1", "a"), ("a2", "a"), ("b1", "b"))
    assert taken(lanes, Faults()) == ["a1", "b1"]
    lanes.drop("a1")
    lanes.release("a1")
    assert taken(lanes, Faults()) == ["a2"]


def test_a_delivery_that_failed_lets_the_next_one_go_first() -> None:
    """Stripe does not hold a customer's later events back for one that is to be repeated."""
    lanes = queued(("a1", "a"), ("a2", "a"))
    assert taken(lanes, Faults()) == ["a1"]
    lanes.put("a1", "a", NOW + 1)
    lanes.release("a1")
    assert taken(lanes, Faults()) == ["a2"]


def test_an_endpoint_gets_no_more_than_so_many_at_once() -> None:
    """However many customers wait."""
    lanes = queued(*((f"{n}", f"customer-{n}") for n in range(2 * AT_A_TIME)))
    assert len(taken(lanes, Faults())) == AT_A_TIME


def test_seeded_and_shuffled_deliveries_go_one_at_a_time() -> None:
    """So that the dice fall in the same order whenever a seed is repeated."""
    pairs = [(f"{n}", f"customer-{n}") for n in range(3)]
    assert len(taken(queued(*pairs), Faults(seed=1))) == 1
    lanes = Lanes()
    for identifier, lane in pairs:
        lanes.put(identifier, lane, NOW - 1)
    assert len(taken(lanes, Faults(shuffle=True))) == 1
