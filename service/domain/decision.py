"""One rule: may this subject read this article, and what does the site show if not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from metering.meter import Outcome, Reading
from service.domain.catalog import Catalog
from service.domain.vocabulary import Entitlement


class Access(StrEnum):
    """How the site sells an article."""

    METERED = "metered"
    FREE = "free"
    SUBSCRIBERS = "subscribers"


_METERED = Access.METERED  # looking it up in the class takes longer than comparing it, 500 times in a batch


class Reason(StrEnum):
    """Why a decision fell as it did; stable, part of the contract."""

    FREE_ARTICLE = "free_article"
    METERED = "metered"
    ALREADY_READ = "already_read"
    SUBSCRIPTION = "subscription"
    TRIAL = "trial"
    GRACE = "grace"
    COURTESY = "courtesy"
    GIFT = "gift"
    SIGNED_LINK = "signed_link"
    INSTITUTION = "institution"
    CRAWLER = "crawler"
    OUTAGE = "outage"
    METER_EXHAUSTED = "meter_exhausted"
    SUBSCRIBERS_ONLY = "subscribers_only"
    FEATURE_MISSING = "feature_missing"
    NETWORK_LIMITED = "network_limited"


class Article(NamedTuple):
    """What is asked for. `feature` is one the article needs, such as `archives`."""

    id: str
    access: Access = Access.METERED
    feature: str | None = None

    @property
    def is_metered(self) -> bool:
        """Tell whether the free allowance may open it."""
        return self.access is _METERED and self.feature is None


class Wall(NamedTuple):
    """What the site shows when refused: `register` or `subscribe`, with the plans on offer."""

    kind: str
    offers: tuple[str, ...]
    trial_eligible: bool


class Decision(NamedTuple):
    """The answer. `reading` is None where no meter was asked (a free article, a subscriber, an outage)."""

    granted: bool
    reason: Reason
    counted: bool
    reading: Reading | None
    entitlement: Entitlement | None
    wall: Wall | None
    decided_at: datetime


_REFUSALS = frozenset([Reason.METER_EXHAUSTED, Reason.SUBSCRIBERS_ONLY, Reason.FEATURE_MISSING, Reason.NETWORK_LIMITED])
_BY_OUTCOME = {
    Outcome.ROOM: Reason.METERED,
    Outcome.SEEN: Reason.ALREADY_READ,
    Outcome.FULL: Reason.METER_EXHAUSTED,
    Outcome.NEWCOMER: Reason.NETWORK_LIMITED,  # whom the guard admits is asked for again, and is no newcomer any more
}


def decide(
    article: Article,
    reading: Reading | None,
    entitlement: Entitlement | None,
    catalog: Catalog,
    *,
    consume: bool,
    signed_in: bool,
    trial_eligible: bool,
    now: datetime,
) -> Decision:
    """Return whether this subject may read this article at `now`.

    `reading` matters only to a metered article without a feature, asked for by someone without an entitlement;
    there, raises ValueError for one that is missing or UNKNOWN (ask the record first, then the meter again).
    """
    if entitlement is not None and not _is_in_force(entitlement, reading, now):
        entitlement = None
    reason = _without_meter(article, entitlement)
    if reason is None:
        reason = _by_meter(reading)
    else:
        reading = None
    return _decision(
        article, reason, reading, entitlement, catalog,
        counted=consume and reason is Reason.METERED, signed_in=signed_in, trial_eligible=trial_eligible, now=now,
    )  # fmt: skip


def outage(
    article: Article,
    catalog: Catalog,
    *,
    allow: bool,
    now: datetime,
    signed_in: bool = True,
    trial_eligible: bool = True,
    maybe_entitled: bool = True,
) -> Decision:
    """Return the failure policy's answer, for a subject of whom the meter or the record cannot tell.

    With `maybe_entitled` False (a visitor, or a reader whom the record does know) only the count is in doubt, so an
    article for subscribers stays theirs.
    """
    reason = _without_meter(article, None)
    if reason is not Reason.FREE_ARTICLE and allow and (reason is None or maybe_entitled):
        reason = Reason.OUTAGE
    return _decision(
        article, reason or Reason.METER_EXHAUSTED, None, None, catalog,
        counted=False, signed_in=signed_in, trial_eligible=trial_eligible, now=now,
    )  # fmt: skip


def exempted(reason: Reason, now: datetime) -> Decision:
    """Return the answer to a request that reads without the meter, for `reason`."""
    return Decision(
        granted=True, reason=reason, counted=False, reading=None, entitlement=None, wall=None, decided_at=now
    )


def _is_in_force(entitlement: Entitlement, reading: Reading | None, now: datetime) -> bool:
    if entitlement.cause is None:
        return False
    # A pass is handed back uncounted while it is valid; its instants are coarser than the entitlement's, and a
    # payer in the last second of a period is let in rather than asked for a count that was never taken.
    return entitlement.grants_at(now) or (reading is not None and reading.outcome is Outcome.PASS)


def _without_meter(article: Article, entitlement: Entitlement | None) -> Reason | None:
    """Return the reason where no count is needed; `entitlement` is one in force, or None."""
    if article.access is Access.FREE:
        return Reason.FREE_ARTICLE
    if entitlement is not None and entitlement.cause is not None:
        lacking = article.feature is not None and article.feature not in entitlement.features
        return Reason.FEATURE_MISSING if lacking else Reason(entitlement.cause.value)
    if article.access is Access.SUBSCRIBERS:
        return Reason.SUBSCRIBERS_ONLY
    return None if article.feature is None else Reason.FEATURE_MISSING


def _by_meter(reading: Reading | None) -> Reason:
    if reading is None or reading.outcome not in _BY_OUTCOME:
        raise ValueError(f"a metered article needs the meter's answer, not {reading and reading.outcome}")
    return _BY_OUTCOME[reading.outcome]


def _decision(
    article: Article, reason: Reason, reading: Reading | None, entitlement: Entitlement | None, catalog: Catalog,
    *, counted: bool, signed_in: bool, trial_eligible: bool, now: datetime,
) -> Decision:  # fmt: skip
    wall = None
    if reason in _REFUSALS:
        kind = _wall_kind(reason, reading, catalog, signed_in)
        wall = Wall(kind, catalog.offers(article.feature), trial_eligible)
    return Decision(wall is None, reason, counted, reading, entitlement, wall, decided_at=now)


def _wall_kind(reason: Reason, reading: Reading | None, catalog: Catalog, signed_in: bool) -> str:
    """Return `register` only where signing in would open this very article: a reader's meter has room for it."""
    if reason not in (Reason.METER_EXHAUSTED, Reason.NETWORK_LIMITED) or signed_in or reading is None:
        return "subscribe"
    return "register" if reading.used < catalog.meter.limit_reader else "subscribe"
