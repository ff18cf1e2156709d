"""Bounded, exact about what it drops, and in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service.journal.buffer import Buffer


def test_a_full_buffer_drops_its_oldest_and_says_how_many(make_entry: Any) -> None:
    """The newest `bound` stay; the count is told once."""
    buffer, entries = Buffer(3), [make_entry() for _ in range(5)]
    for each in entries:
        buffer.add(each)
    assert (len(buffer), buffer.dropped(), buffer.dropped()) == (3, 2, 0)
    assert buffer.take(10) == entries[2:]


def test_what_is_given_back_is_the_oldest_again(make_entry: Any) -> None:
    """A batch that could not be written comes first next time; what finds no room is dropped from its old end."""
    buffer, entries = Buffer(4), [make_entry() for _ in range(6)]
    for each in entries[:4]:
        buffer.add(each)
    batch = buffer.take(3)
    buffer.give_back(batch)
    assert buffer.take(3) == entries[:3]
    for each in entries[4:]:
        buffer.add(each)
    buffer.give_back(batch)
    assert buffer.dropped() == 2
    assert buffer.take(9) == [entries[2], *entries[3:]]


def test_a_batch_that_finds_a_full_buffer_is_dropped_whole(make_entry: Any) -> None:
    """Newer entries are worth more than older ones."""
    buffer = Buffer(2)
    old, newer = [make_entry(), make_entry()], [make_entry(), make_entry()]
    for each in newer:
        buffer.add(each)
    buffer.give_back(old)
    assert (buffer.take(9), buffer.dropped()) == (newer, 2)


def test_a_batch_finds_no_room_where_somebody_is_just_adding(make_entry: Any) -> None:
    """Between an append and making room for it there is one too many; a batch that comes back then is dropped whole."""
    buffer, entries = Buffer(2), [make_entry() for _ in range(5)]
    buffer._entries.extend(entries[:3])
    buffer.give_back(entries[3:])
    assert (len(buffer), buffer.dropped()) == (3, 2)


def test_the_age_is_that_of_the_oldest(make_entry: Any) -> None:
    """None while nothing waits."""
    buffer, first = Buffer(2), make_entry()
    assert buffer.oldest_recorded_at() is None
    buffer.add(first)
    assert buffer.oldest_recorded_at() == first.recorded_at


def test_threads_lose_nothing_and_count_every_drop(make_entry: Any) -> None:
    """Added, taken and dropped add up, however they interleave."""
    buffer, one = Buffer(100), make_entry()
    taken = []
    with ThreadPoolExecutor(8) as pool:
        adding = [pool.submit(lambda: [buffer.add(one) for _ in range(500)]) for _ in range(8)]
        while not all(each.done() for each in adding):
            taken += buffer.take(7)
    assert len(taken) + len(buffer) + buffer.dropped() == 4000
