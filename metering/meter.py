"""The meter's vocabulary: what is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from metering.window import Window


class SubjectKind(StrEnum):
    READER = "reader"
    VISITOR = "visitor"


class Subject(NamedTuple):
    """Whom a decision is about: a signed-in reader, else an anonymous visitor."""

    kind: SubjectKind
    id: str


class Guarding(StrEnum):
    """How the scraper guard stands to a visitor; each is also a role in admit.lua.

    `ASK`: somebody seen neither in this window nor in the one before gets `NEWCOMER`, uncounted. `VOUCHED`: the guard
    has let them in. `JUDGED`: like `ASK`, but the guard judges a newcomer in the same round trip, and `NEWCOMER` is who
    was refused. With these three a counted read leaves a mark, by which a visitor is known in the next window too.
    `OFF`: none of it.
    """

    OFF = "visitor"
    ASK = "guest"
    VOUCHED = "vouched"
    JUDGED = "judged"


class Outcome(StrEnum):
    """What the script found."""

    PASS = "pass"  # noqa: S105 - the word of the trade, not a secret
    SEEN = "seen"
    ROOM = "room"
    FULL = "full"
    UNKNOWN = "unknown"
    NEWCOMER = "newcomer"
    NO_PASS = "no_pass"  # noqa: S105 - ditto


class Pass(NamedTuple):
    """An entitlement's copy. `payload` means nothing here.

    `version` 0 with `absent` says "PostgreSQL knows nothing of this reader"; a higher version with `absent` is a
    tombstone. An absent pass is believed for at most 60 s of wall time after `refreshed_at`. `valid_until` is
    business time; past it the answer is `unknown`, and the record is asked again.
    """

    version: int
    valid_until: datetime
    refreshed_at: datetime
    absent: bool
    payload: bytes
    extra: int = 0
    """Of a tombstone: as many articles (at most 127) beyond the limit, until `valid_until`."""


class Reading(NamedTuple):
    """The meter's answer about one article. `used` counts distinct articles, this one included once added.

    With `PASS`, nothing was counted and `carried` is the pass. With `UNKNOWN`, nothing was counted: ask the record,
    publish, and ask again. With `NEWCOMER` neither: ask the guard, and if it admits them, ask again as `VOUCHED`.
    `ROOM` with `consume` means the article was added just now. `NO_PASS` answers an unmetered question: only a pass
    would open this article, and there is none. `used` is the whole count, also above `limit`: a linked browser is asked
    about with less than its reader has, linking unites more, and a site lowers its limit. It is 0 with `PASS`,
    `UNKNOWN` and `NEWCOMER`. A rolling `window` is the subject's own; before the first read it is the one that an
    article read now would begin.
    """

    outcome: Outcome
    used: int
    limit: int
    """What was asked with, and the extra of a reader's tombstone."""
    window: Window
    carried: Pass | None = None

    @property
    def spent(self) -> int:
        """Return how much of the allowance is used up, never more than there is: what people are shown."""
        return min(self.used, self.limit)


class Readings(NamedTuple):
    """The meter's answers about many articles, as one by one would have given them.

    `standing` is the answer for an article that only a pass opens: `PASS`, `UNKNOWN` or `NO_PASS`. `each` has one for
    every article, in order. Equal answers are one object. `let_in` tells of a newcomer whom the guard let in here.
    """

    standing: Reading
    each: Sequence[Reading]
    let_in: bool = False


class MeterUnavailable(Exception):
    """Redis did not answer within the deadline, or answered with a fault; the failure policy decides."""
