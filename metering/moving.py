"""Moving house: what another number of buckets put elsewhere is brought along, subject by subject, when asked for.

Counts, links and marks come; passes do not, for the record has them. Both layouts may be written to meanwhile, by
processes that still run with the old setting: what they add is found at the next question.
"""

from __future__ import annotations

from metering.connections import Connections
from metering.keys import SUBJECT_BYTES, Keys, Place
from metering.layout import head_of, over_at
from metering.linking import link_in, link_places, unite
from metering.script import Script
from metering.window import Window

_TAKE, _DROP = Script("take", after=("reads",)), Script("drop")
SLACK_SECONDS = 86_400
"""What anything outlives its window by, so that no clock's error ends it early."""


class Moving:
    """Brings a subject from where `earlier` keys put it to where the present ones do; every step may be repeated."""

    def __init__(self, redis: Connections, *, earlier: Keys, present: Keys) -> None:
        self._redis = redis
        self._earlier = earlier
        self._present = present

    def bring(self, subject_hash: bytes, window: Window) -> None:
        """Bring what there is of the subject with this hash: one round trip, and a few more the first time."""
        old, new = self._earlier.place_of(subject_hash), self._present.place_of(subject_hash)
        if old.tag == new.tag:
            return
        marks, hashes = old.all_marks([window]), [old.aliases, *old.meters(window)]
        alias, reads, *marked = self._redis.run(
            _TAKE, [*marks, *hashes], old.field, head_of(window), over_at(window), old.mark
        )
        if not (alias or reads or any(marked)):
            return
        for key, new_key, is_marked in zip(marks, new.all_marks([window]), marked, strict=True):
            if is_marked:
                self._redis.command("SADD", new_key, new.mark)
                self._redis.command("EXPIRE", new_key, _marked_seconds(window))
                self._redis.command("SREM", key, old.mark)
        if reads:
            unite(self._redis, new, reads, window, ttl_seconds=_kept_seconds(window))
        # Reads that arrive behind an alias belong to the reader it names, not to the next who signs in.
        for each in (alias, self._redis.command("HGET", new.aliases, new.field)):
            if each:
                self._link(new, each, window)
        self._redis.run(_DROP, hashes, old.field, alias, reads)

    def _link(self, visitor: Place, alias: bytes, window: Window) -> None:
        link, day = link_in(alias)
        reader = self._present.place_of(alias[:SUBJECT_BYTES])
        link_places(self._redis, visitor, reader, link, window, today=day, ttl_seconds=_kept_seconds(window))


def _kept_seconds(window: Window) -> int:
    return int(window.length.total_seconds()) + SLACK_SECONDS


def _marked_seconds(window: Window) -> int:
    """Return how long a mark is kept: this window and the next, which may be longer by an eighth (February)."""
    return int(window.length.total_seconds() * 17 / 8) + SLACK_SECONDS
