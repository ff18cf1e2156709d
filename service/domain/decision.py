"""One rule: may this subject read this article, and what does the site show if not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from metering.meter import Reading
from service.domain.entitlement import Entitlement


class Access(StrEnum):
    """How the site sells an article."""

    METERED = "metered"
    FREE = "free"
    SUBSCRIBERS = "subscribers"


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


@dataclass(frozen=True, kw_only=True)
class Article:
    """What is asked for. `feature` is one the article needs, such as `archives`."""

    id: str
    access: Access = Access.METERED
    feature: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wall:
    """What the site shows when refused: `register` or `subscribe`, with the plans on offer."""

    kind: str
    offers: tuple[str, ...]
    trial_eligible: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer. `reading` is None where no meter was asked (a free article, a subscriber, an outage)."""

    granted: bool
    reason: Reason
    counted: bool
    reading: Reading | None
    entitlement: Entitlement | None
    wall: Wall | None
    decided_at: datetime
