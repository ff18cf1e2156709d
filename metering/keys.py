"""Where a subject's data lies in Redis: keyed hashes instead of ids, and buckets of about 64 subjects each.

Every key of one subject starts with the same hash tag, such as `{16384.b17}`, so one script call never leaves its
Redis Cluster slot. The tag names the number of buckets: data laid out for another number is never mistaken for ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from metering.meter import Subject, SubjectKind
from metering.window import Window

SUBJECT_BYTES = 8
FIELD_BYTES, MARK_BYTES = 6, 4
"""Of the subject's hash; its last bytes tell the bucket, so a field need not hold them once more."""
ARTICLE_BYTES = 6
ARTICLES_KNOWN = 10_000
"""Whose hashes a process remembers, some megabytes: a paper's readers all ask about the same few articles."""
READERS_PER_BUCKET = 64
"""Above 128 entries Redis 7.0 turns a packed hash into a hash table of three times the size."""


def buckets_for(expected_readers: int) -> int:
    """Return the number of buckets, a power of two, that leaves at most 64 of `expected_readers` in each."""
    full_buckets = -(-expected_readers // READERS_PER_BUCKET)
    return 1 << max(full_buckets - 1, 0).bit_length()


class Place(NamedTuple):
    """One subject's field, and the keys of its bucket. By `hash` another place, or number of buckets, leads here."""

    tag: str
    field: bytes
    hash: bytes

    @property
    def passes(self) -> str:
        return f"{self.tag}:passes"

    @property
    def aliases(self) -> str:
        return f"{self.tag}:aliases"

    def absent(self, epoch: int) -> str:
        """Return the key of the readers found to be unknown to the record during minute `epoch` of wall time."""
        return f"{self.tag}:absent:{epoch}"

    @property
    def mark(self) -> int:
        """Return the number by which a visitor is known in the next window: a packed set keeps it in four bytes."""
        return int.from_bytes(self.hash[:MARK_BYTES], signed=True)

    def marks(self, period: str) -> str:
        """Return the key of the marks of visitors with reads in that period (window.py), which outlives the reads.

        Short on purpose: from 30 characters on Valkey takes 16 bytes more for each, a quarter of a byte a visitor.
        """
        return f"{self.tag}@{period}"

    def meters(self, window: Window) -> list[str]:
        """Return the keys of the subject's reads, newest first: one, or two in a rolling window."""
        newest = f"{self.tag}:meter:{window.id}"
        return [newest] if window.earlier_id is None else [newest, f"{self.tag}:meter:{window.earlier_id}"]

    def hashes(self, windows: Sequence[Window]) -> list[str]:
        """Return every key that may hold the field and is not gone by itself in minutes, as of these windows."""
        return [self.passes, self.aliases, *(key for window in windows for key in self.meters(window))]

    def all_marks(self, windows: Sequence[Window]) -> list[str]:
        """Return every key that may hold the mark, as of these windows."""
        return [self.marks(period) for window in windows for period in (window.marked_in, window.marked_before)]


class Keys:
    """Turns ids into places. `subject_key` is the secret that keeps ids from being guessed back."""

    def __init__(self, subject_key: str, buckets: int) -> None:
        self._buckets = buckets
        # BLAKE2 takes keys of at most 64 bytes; the setting may be longer.
        secret = hashlib.blake2b(subject_key.encode(), digest_size=32, person=b"newsstand-meter").digest()
        self._hashers = {
            kind: hashlib.blake2b(key=secret, digest_size=SUBJECT_BYTES, person=kind.value.encode())
            for kind in SubjectKind
        }
        article_hasher = hashlib.blake2b(key=secret, digest_size=ARTICLE_BYTES, person=b"article")
        self._article = lru_cache(maxsize=ARTICLES_KNOWN)(partial(digest_of, article_hasher))

    def place(self, subject: Subject) -> Place:
        """Return where `subject` is kept."""
        return self.place_of(digest_of(self._hashers[subject.kind], subject.id))

    def place_of(self, subject_hash: bytes) -> Place:
        """Return where the subject with this hash is kept."""
        bucket = int.from_bytes(subject_hash) % self._buckets
        return Place(f"{{{self._buckets}.b{bucket}}}", subject_hash[:FIELD_BYTES], subject_hash)

    def article(self, article_id: str) -> bytes:
        """Return the 6 bytes that stand for an article."""
        return self._article(article_id)

    def articles(self, article_ids: Iterable[str]) -> bytes:
        """Return the bytes of all these, one after the other."""
        return b"".join(map(self._article, article_ids))


def digest_of(prepared: hashlib.blake2b, text: str) -> bytes:
    """Return the text's keyed hash, by a hasher made beforehand: making one takes as long again."""
    hasher = prepared.copy()
    # JSON may carry half a surrogate pair; it is an id like any other, not a reason to fail.
    hasher.update(text.encode(errors="surrogatepass"))
    return hasher.digest()
