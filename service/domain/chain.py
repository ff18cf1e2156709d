"""A chain of records: each holds the digest of the one before, so that no change to the past goes unseen.

What may be personal stands apart, in details of which a link holds only a salted digest: details can be erased, and the
chain stays whole. An erasure is a link too, and names what it erased; details missing without one are a fault.

Details about several people are digested part by part: one of them can be taken out, and the others still stand there
as it was written. What is taken out leaves its salted digest, whose salt goes with it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from service.domain.erasure import ERASED

BEFORE_ALL = bytes(32)
"""What the first link has for the digest of the one before."""


@dataclass(frozen=True, kw_only=True)
class Details:
    """What a link says that may be personal; `salt` is random, so that erased details can't be guessed back.

    Where parts can be taken out one by one, `salts` has one for each subject, and the last for reason and detail; it is
    empty where the part is gone.
    """

    salt: bytes
    subjects: tuple[str, ...]
    reason: str | None
    detail: Mapping[str, Any]
    salts: tuple[bytes, ...] = ()

    @property
    def parts_gone(self) -> int:
        """Return how many parts were taken out."""
        return sum(not salt for salt in self.salts)

    def digest(self) -> bytes:
        """Return what the link holds of these details."""
        whole = {"subjects": list(self.subjects), "reason": self.reason, "detail": self.detail}
        return hashlib.sha256(self.salt + canonical({"parts": self._parts()} if self.salts else whole)).digest()

    def without(self, subjects: Collection[str]) -> Details:
        """Return them without these subjects, and without what was said, which may be about them."""
        parts = self._parts()
        leaves = [bool(salt) and each not in subjects for salt, each in zip(self.salts, self.subjects, strict=False)]
        named = zip(leaves, self.subjects, parts, strict=False)
        return Details(
            salt=self.salt,
            subjects=tuple(each if left else part for left, each, part in named),
            reason=None,
            detail={ERASED: parts[-1]},
            salts=(*(salt if left else b"" for left, salt in zip(leaves, self.salts, strict=False)), b""),
        )

    def _parts(self) -> list[Any]:
        """Return each part's digest; of one that is gone, what was left in its place."""
        # Whoever adds or takes a salt has edited the details: then the lists differ in length, and so do the digests.
        return [_part(salt, value) for salt, value in zip_longest(self.salts, [*self.subjects, self._said()])]

    def _said(self) -> object:
        """Return reason and detail; of what is gone its digest, which stands there alone or was edited."""
        if self.salts[-1] or self.reason is not None or len(self.detail) > 1:
            return {"reason": self.reason, "detail": self.detail}
        return self.detail.get(ERASED)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One record. `seq` counts from 1 without a gap; `erases` names earlier links whose details this one erased.

    `strips` names those of which it took parts out: once for each part, so that nobody takes out another unseen.
    """

    seq: int
    at: datetime
    actor: str
    act: str
    request_id: str | None
    erases: tuple[int, ...]
    details_digest: bytes
    previous: bytes
    digest: bytes
    strips: tuple[int, ...] = ()

    def computed(self) -> bytes:
        """Return the digest that these contents have."""
        content = {
            "seq": self.seq,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": self.actor,
            "act": self.act,
            "request_id": self.request_id,
            "erases": list(self.erases),
            "details": self.details_digest.hex(),
        } | ({"strips": list(self.strips)} if self.strips else {})
        return hashlib.sha256(self.previous + canonical(content)).digest()


@dataclass(frozen=True, kw_only=True)
class Head:
    """How far the chain went at a moment: the newest link's number and digest, (0, `BEFORE_ALL`) before the first."""

    seq: int
    digest: bytes


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was written; `seq` is where."""

    seq: int
    says: str

    def __str__(self) -> str:
        return f"{self.seq}: {self.says}"


def _part(salt: bytes | None, value: object) -> object:
    """Return a part's digest, worded as what stands in its place when it is gone; without a salt it is that already."""
    return f"{ERASED}:{hashlib.sha256(salt + canonical(value)).hexdigest()}" if salt else value


def canonical(value: object) -> bytes:
    """Return the one spelling of a JSON value: keys in order, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def refuse_floats(value: object) -> None:
    """Raise TypeError for a value with a float in it: PostgreSQL may hand back 1e3 as 1000, and no digest would fit."""
    if isinstance(value, float):
        raise TypeError("a float has more than one spelling: say it in whole units")
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for each in inner:
        refuse_floats(each)


def faults(links: Iterable[tuple[Link, Details | None]], heads: Iterable[Head] = ()) -> Iterator[Fault]:
    """Yield what is wrong with a whole chain, oldest first, given heads that were noted elsewhere at the time.

    Without `heads` a chain that was cut short, or written anew from some link on, looks whole.
    """
    noted: dict[int, set[bytes]] = {}
    for head in heads:
        noted.setdefault(head.seq, set()).add(head.digest)
    last = Head(seq=0, digest=BEFORE_ALL)
    missing: set[int] = set()
    unnamed: Counter[int] = Counter()
    for link, details in links:
        yield from _faults_of(link, details, last)
        if any(link.digest != digest for digest in noted.pop(link.seq, ())):
            yield Fault(link.seq, "is not what was noted outside when it was written: the chain was written anew")
        missing -= set(link.erases)
        unnamed.subtract(link.strips)
        if details is None:
            missing.add(link.seq)
        else:
            unnamed[link.seq] += details.parts_gone
        last = Head(seq=link.seq, digest=link.digest)
    yield from (Fault(seq, "its details are gone, and no erasure names them") for seq in sorted(missing))
    more = sorted(seq for seq, parts in unnamed.items() if parts > 0)
    yield from (Fault(seq, "more of its details is gone than erasures name") for seq in more)
    yield from (Fault(seq, f"was noted outside, but the chain ends at {last.seq}") for seq in sorted(noted) if seq)


def _faults_of(link: Link, details: Details | None, before: Head) -> Iterator[Fault]:
    if link.seq != before.seq + 1:
        yield Fault(link.seq, f"follows {before.seq}: links are missing in between")
    elif link.previous != before.digest:
        yield Fault(link.seq, "does not continue the link before")
    if link.digest != link.computed():
        yield Fault(link.seq, "was edited")
    if details is not None and details.digest() != link.details_digest:
        yield Fault(link.seq, "its details were edited")
