"""The offer, as read from plans.yaml. Pure data; every text that states a price is computed from the price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from metering.window import Window, Windows
from service.domain.money import Money
from service.domain.vocabulary import EarlyWarning, Policy, RepeatedCard


@dataclass(frozen=True, kw_only=True)
class Meter:
    """How many distinct articles are free in each window (`day`, `week`, `month`, `rolling`).

    `first_weekday` (0 is Monday) begins a week; `rolling_days` is a rolling window's length, else 0.
    `headline` is what the wall says to a visitor, `headline_reader` to a signed-in reader: the numbers may differ.
    """

    limit_visitor: int
    limit_reader: int
    window: str
    headline: str
    headline_reader: str
    first_weekday: int = 0
    rolling_days: int = 0


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One benefit of subscribing. `badge` is a short mark such as NEW."""

    id: str
    label: str
    badge: str | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One thing on sale. `interval` is `month` or `year`; `trial_days` 0 means none."""

    id: str
    label: str
    badge: str | None
    price: Money
    interval: str
    trial_days: int
    terms: str
    saving: Money | None
    """A year of this plan against a year of `saving_against`, when the offer compares them."""
    saving_against: str | None
    saving_text: str | None
    features: tuple[str, ...]

    @property
    def lookup_key(self) -> str:
        """The Stripe Price's `lookup_key`; it moves to the new Price when the amount changes."""
        return f"newsstand_{self.id}"


@dataclass(frozen=True, kw_only=True)
class Grace:
    """How long an unpaid reader keeps access, counted from the last paid period."""

    renewal: timedelta
    first_payment: timedelta


@dataclass(frozen=True, kw_only=True)
class GiftTerms:
    """How many articles a subscriber may give away in a calendar month, and how long each gift opens its article."""

    per_month: int
    life: timedelta


@dataclass(frozen=True, kw_only=True)
class InstitutionTerms:
    """Whose networks read without the meter: `file` lists them. They may use `features`."""

    file: str
    features: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CrawlerTerms:
    """A crawler that reads without the meter: its user agent holds `user_agent`, its address is listed in `file`."""

    name: str
    user_agent: str
    file: str
    features: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExemptionTerms:
    """Who reads without the meter. Files are relative to plans.yaml."""

    gifts: GiftTerms | None = None
    institutions: InstitutionTerms | None = None
    crawlers: tuple[CrawlerTerms, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything plans.yaml says. `version` is a digest of the file, kept with each consent and decision.

    `source` is what the file means, as JSON: kept beside its version, so that old decisions can be made again.
    """

    version: str
    publication: str
    zone: ZoneInfo
    meter: Meter
    features: tuple[Feature, ...]
    plans: tuple[Plan, ...]
    grace: Grace
    cancel_line: str
    repeated_card: RepeatedCard
    full_refund_revokes: bool
    early_warning: EarlyWarning
    fraud_hold: timedelta
    exemptions: ExemptionTerms = ExemptionTerms()
    source: str = field(default="", repr=False)
    newcomers_per_hour: int | None = None
    """How many visitors nobody has seen before a network may send in an hour; None for any number."""

    def plan(self, plan_id: str) -> Plan | None:
        """Return the plan of that id, or None when it is not on sale."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)

    def window_at(self, now: datetime) -> Window:
        """Return the meter's window that holds `now`."""
        return self._windows.at(now)

    def offers(self, feature: str | None) -> tuple[str, ...]:
        """Return the plans that open what needs `feature`, in the order of the offer; all when none is known to."""
        opening = self._opening
        return opening.get(feature, opening[None])

    @cached_property
    def _opening(self) -> Mapping[str | None, tuple[str, ...]]:
        """Return the plans on offer for each feature that some have; for None all plans."""
        opening: dict[str | None, tuple[str, ...]] = {None: tuple(plan.id for plan in self.plans)}
        for feature in {each for plan in self.plans for each in plan.features}:
            opening[feature] = tuple(plan.id for plan in self.plans if feature in plan.features)
        return opening

    @cached_property
    def _windows(self) -> Windows:
        meter = self.meter
        return Windows(meter.window, self.zone, meter.first_weekday, meter.rolling_days)

    @property
    def policy(self) -> Policy:
        """Return the terms that `entitlement_from` needs."""
        return Policy(
            grace_renewal=self.grace.renewal,
            grace_first_payment=self.grace.first_payment,
            full_refund_revokes=self.full_refund_revokes,
            repeated_card=self.repeated_card,
            early_warning=self.early_warning,
            fraud_hold=self.fraud_hold,
            subscriber_features=tuple(feature.id for feature in self.features),
            plan_features={plan.id: plan.features for plan in self.plans},
        )
