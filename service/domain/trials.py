"""One rule: who may have a plan's trial, and why not, told before checkout."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.domain.catalog import Plan


class TrialReason(StrEnum):
    """Why a trial is offered or not; stable, part of the contract."""

    FIRST_TRIAL = "first_trial"
    PLAN_WITHOUT_TRIAL = "plan_without_trial"
    USED_READER = "trial_used_reader"
    USED_CUSTOMER = "trial_used_customer"
    USED_EMAIL = "trial_used_email"
    USED_CARD = "trial_used_card"
    DISPUTED = "payment_disputed"


_BY_KIND = {
    "reader": TrialReason.USED_READER,
    "customer": TrialReason.USED_CUSTOMER,
    "email": TrialReason.USED_EMAIL,
    "card": TrialReason.USED_CARD,
    "dispute": TrialReason.DISPUTED,
}
"""The ledger's kinds of identity, the surest first: it is the one told. A chargeback rules a trial out as well."""


@dataclass(frozen=True, kw_only=True)
class TrialEligibility:
    """Whether the trial is on offer, for how many days (0 when not), and the reason."""

    eligible: bool
    days: int
    reason: TrialReason

    def to_json(self) -> dict[str, Any]:
        """Return the contract's shape: `{"eligible": true, "days": 30, "reason": "first_trial"}`."""
        return {"eligible": self.eligible, "days": self.days, "reason": self.reason.value}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrialEligibility:
        """Return what `to_json` wrote."""
        return cls(eligible=value["eligible"], days=value["days"], reason=TrialReason(value["reason"]))


def trial_eligibility(plan: Plan, *, used: Collection[str]) -> TrialEligibility:
    """Return whether `plan`'s trial is on offer; `used` holds what rules it out, by kind."""
    if plan.trial_days == 0:
        return TrialEligibility(eligible=False, days=0, reason=TrialReason.PLAN_WITHOUT_TRIAL)
    known = next((reason for kind, reason in _BY_KIND.items() if kind in used), None)
    if known is not None:
        return TrialEligibility(eligible=False, days=0, reason=known)
    return TrialEligibility(eligible=True, days=plan.trial_days, reason=TrialReason.FIRST_TRIAL)
