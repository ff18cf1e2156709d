"""Ids become keyed hashes, subjects of one bucket share a slot, and buckets stay small."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from metering.keys import ARTICLES_KNOWN, Keys, buckets_for
from metering.meter import Subject, SubjectKind
from metering.window import window_at

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
KEYS = Keys("a key that only the tests know, 32+", 64)


@given(st.integers(1, 100_000_000))
def test_buckets_are_a_power_of_two_with_32_to_64_readers_each(expected_readers: int) -> None:
    """Claim: no bucket is planned above 64 readers, and none below 32 once there is more than one."""
    buckets = buckets_for(expected_readers)
    assert buckets & (buckets - 1) == 0
    assert expected_readers / buckets <= 64
    assert buckets == 1 or expected_readers / buckets > 32


def test_a_million_readers_take_16384_buckets() -> None:
    """Claim: the default setting gives the layout whose memory was measured."""
    assert buckets_for(1_000_000) == 16_384


@given(st.text(st.characters(exclude_categories=()), min_size=1), st.sampled_from(SubjectKind))
def test_all_keys_of_a_subject_share_one_slot(subject_id: str, kind: SubjectKind) -> None:
    """Claim: whatever the id, even half a surrogate pair, one script call stays within one Redis Cluster slot."""
    place = KEYS.place(Subject(kind, subject_id))
    meters = place.meters(window_at("month", NOW, PARIS)) + place.meters(window_at("rolling", NOW, PARIS, days=30))
    keys = [place.passes, place.aliases, place.absent(29_000_000), *meters]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(place.field) == 6
    assert len(KEYS.article(subject_id)) == 6


def test_a_place_is_found_again_from_its_hash() -> None:
    """Claim: an alias, which holds only a hash, leads to the same bucket as the reader's id."""
    place = KEYS.place(Subject(SubjectKind.READER, "r-81"))
    assert KEYS.place_of(place.hash) == place


@given(st.integers(1, 100_000_000), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_field_and_bucket_together_tell_subjects_apart(expected_readers: int, one: int, other: int) -> None:
    """Claim: two subjects share a field only where their whole hashes agree in 48 bits and in the bucket's too."""
    keys = Keys("a key that only the tests know, 32+", buckets_for(expected_readers))
    other = one ^ (other & 0xFFFF)  # the worst case: alike in all that the field holds
    places = [keys.place_of(each.to_bytes(8)) for each in (one, other)]
    same_bucket = (one ^ other) % min(buckets_for(expected_readers), 1 << 16) == 0
    assert (places[0][:2] == places[1][:2]) is same_bucket


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (KEYS.place(Subject(SubjectKind.READER, "x")).field, KEYS.place(Subject(SubjectKind.VISITOR, "x")).field),
        (KEYS.place(Subject(SubjectKind.READER, "x")).field, KEYS.article("x")),
        (KEYS.article("x"), Keys("another key, of 32 characters or more", 64).article("x")),
    ],
    ids=["kind", "article", "secret"],
)
def test_hashes_differ_by_domain_and_by_secret(one: bytes, other: bytes) -> None:
    """Claim: the same id hashes differently as a reader, a visitor and an article, and under another secret."""
    assert one != other


def test_the_bucket_count_is_part_of_every_key() -> None:
    """Claim: after EXPECTED_READERS changes, no key of the former layout is read."""
    subject = Subject(SubjectKind.READER, "r-81")
    assert KEYS.place(subject).tag != Keys("a key that only the tests know, 32+", 128).place(subject).tag
    assert KEYS.place(subject).tag.startswith("{64.b")


def test_a_long_secret_counts_to_its_last_character() -> None:
    """Claim: a secret longer than BLAKE2's 64 bytes is not cut."""
    assert Keys("k" * 100 + "1", 64).article("x") != Keys("k" * 100 + "2", 64).article("x")


def test_the_next_release_finds_what_this_one_wrote() -> None:
    """Claim: for one secret, places and articles are these bytes for good; another hash would lose every count."""
    keys = Keys("a key that only the tests know, 32+", 64)
    assert [keys.place(Subject(kind, "r-81")).tag for kind in SubjectKind] == ["{64.b21}", "{64.b39}"]
    assert [keys.place(Subject(kind, "r-81")).hash.hex() for kind in SubjectKind] == [
        "c1513823bd8cd195", "8fe25f879c3df227",
    ]  # fmt: skip
    assert [keys.place(Subject(kind, "r-81")).field.hex() for kind in SubjectKind] == ["c1513823bd8c", "8fe25f879c3d"]
    assert [keys.place(Subject(kind, "r-81")).mark for kind in SubjectKind] == [-1051641821, -1880989817]
    assert keys.article("a-1").hex() == "349bbe8215cb"
    place = keys.place(Subject(SubjectKind.READER, "r-81"))
    assert (place.passes, place.aliases) == ("{64.b21}:passes", "{64.b21}:aliases")
    assert (place.absent(7), place.marks("w")) == ("{64.b21}:absent:7", "{64.b21}@w")
    assert place.meters(window_at("month", NOW, PARIS)) == ["{64.b21}:meter:month-2026-11"]


def test_no_more_articles_are_remembered_than_are_told() -> None:
    """Claim: a process that is asked about ever new articles does not grow, and hashes those it has forgotten alike."""
    keys = Keys("a key that only the tests know, 32+", 64)
    first = keys.article("a-0")
    for number in range(ARTICLES_KNOWN + 1):
        keys.article(f"a-{number}")
    assert keys._article.cache_info().currsize == ARTICLES_KNOWN
    assert keys.article("a-0") == first
