"""What the wall shows, made from `GET /v1/plans` alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from newsstand_client import Decision, Feature, NewsstandError, Offer, Plan
from sandbox.site.told import plan_label, price_terms

FRESH_SECONDS = 30.0


class OfferShelf:
    """The offer, asked for now and then; while the service does not answer, the last one known."""

    def __init__(self, ask: Callable[[], Offer], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._offer: Offer | None = None
        self._asked_at = float("-inf")

    def get(self) -> Offer | None:
        """Return the offer, or None when it was never heard."""
        if self._monotonic() - self._asked_at >= FRESH_SECONDS:
            try:
                self._offer = self._ask()
                self._asked_at = self._monotonic()
            except NewsstandError:
                return self._offer
        return self._offer


@dataclass(frozen=True, kw_only=True)
class PlanCard:
    """One plan as the wall shows it to this reader."""

    id: str
    label: str
    badge: str | None
    terms: str
    saving: str | None
    action: str


@dataclass(frozen=True, kw_only=True)
class WallView:
    """A wall, ready to be shown."""

    headline: str
    features: tuple[Feature, ...]
    plans: tuple[PlanCard, ...]
    cancel_line: str
    registering_helps: bool


def wall_for(decision: Decision, offer: Offer, *, signed_in: bool, feature: str | None) -> WallView:
    """Return the wall for a refusal; with the plans, and the trial, that the decision offers."""
    wall = decision.wall
    offered = wall.offers if wall else tuple(each.id for each in offer.plans)
    return WallView(
        headline=_headline(decision.reason, offer, signed_in=signed_in, feature=feature),
        features=offer.features,
        plans=_cards(offer, offered, trial_eligible=wall is None or wall.trial_eligible),
        cancel_line=offer.cancel_line,
        registering_helps=wall is not None and wall.kind == "register",
    )


def offer_page(offer: Offer, *, trial_eligible: bool) -> WallView:
    """Return the whole offer, for a page of its own."""
    return WallView(
        headline=f"Subscribe to {offer.publication}",
        features=offer.features,
        plans=_cards(offer, tuple(each.id for each in offer.plans), trial_eligible=trial_eligible),
        cancel_line=offer.cancel_line,
        registering_helps=False,
    )


def _headline(reason: str, offer: Offer, *, signed_in: bool, feature: str | None) -> str:
    if reason == "meter_exhausted":
        return offer.meter.headline_reader if signed_in else offer.meter.headline
    needed = next((each.label for each in offer.features if each.id == feature), None)
    if reason == "feature_missing" and needed:
        return f"Part of a subscription: {needed[0].lower()}{needed[1:]}."
    return "This article is for subscribers."


def _cards(offer: Offer, offered: tuple[str, ...], *, trial_eligible: bool) -> tuple[PlanCard, ...]:
    plans = (offer.plan(each) for each in offered)
    return tuple(_card(each, trial_eligible=trial_eligible) for each in plans if each is not None)


def _card(plan: Plan, *, trial_eligible: bool) -> PlanCard:
    on_trial = trial_eligible and plan.trial_days > 0
    return PlanCard(
        id=plan.id,
        label=plan_label(plan, trial_eligible=trial_eligible),
        badge=plan.badge,
        terms=price_terms(plan, trial_eligible=trial_eligible),
        saving=plan.saving.text if plan.saving else None,
        action=f"Start {plan.trial_days} days free" if on_trial else "Subscribe",
    )
