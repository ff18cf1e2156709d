"""What a reader is told before paying: due today, the first charge and its day, the renewal, how to cancel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.domain.catalog import Catalog, Plan
from service.domain.money import Money
from service.domain.trials import TrialEligibility
from service.domain.vocabulary import RepeatedCard

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """The terms as told, kept with the checkout as the record of consent. Days are the publication's."""

    due_today: Money
    first_charge: Money
    first_charge_at: datetime
    renewal: str
    cancel: str

    def to_json(self) -> dict[str, Any]:
        """Return the contract's shape; instants as RFC 3339."""
        return {
            "due_today": self.due_today.to_json(),
            "first_charge": self.first_charge.to_json(),
            "first_charge_at": self.first_charge_at.isoformat(),
            "renewal": self.renewal,
            "cancel": self.cancel,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Disclosure:
        """Return what `to_json` wrote."""
        return cls(
            due_today=Money(value["due_today"]["amount"], value["due_today"]["currency"]),
            first_charge=Money(value["first_charge"]["amount"], value["first_charge"]["currency"]),
            first_charge_at=datetime.fromisoformat(value["first_charge_at"]),
            renewal=value["renewal"],
            cancel=value["cancel"],
        )


def disclosure(plan: Plan, trial: TrialEligibility, now: datetime, catalog: Catalog) -> Disclosure:
    """Return what buying `plan` at `now` costs and when; a trial that is not on offer changes nothing."""
    rate = f"{plan.price.display} per {plan.interval}"
    if not trial.eligible:
        return Disclosure(
            due_today=plan.price, first_charge=plan.price, first_charge_at=now,
            renewal=f"Renews automatically at {rate} until you cancel.", cancel=catalog.cancel_line,
        )  # fmt: skip
    charged_at = now + timedelta(days=trial.days)
    day = _day(charged_at, catalog)
    return Disclosure(
        due_today=Money(0, plan.price.currency), first_charge=plan.price, first_charge_at=charged_at,
        renewal=" ".join([f"From {day}, renews automatically at {rate} until you cancel.", *_repeats(plan, catalog)]),
        cancel=f"{catalog.cancel_line} Cancel before {day} and you will not be charged.",
    )  # fmt: skip


def _repeats(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Yield what follows if a trial turns out to have been had: said before, because found only afterwards."""
    consequence = {
        RepeatedCard.END_TRIAL: f"the first {plan.price.display} is charged today",
        RepeatedCard.CANCEL: "the subscription is cancelled and nothing is charged",
    }.get(catalog.repeated_card)
    if consequence is not None:
        yield f"One trial per reader, e-mail address and card: if yours has had a trial before, {consequence}."


def _day(instant: datetime, catalog: Catalog) -> str:
    local = instant.astimezone(catalog.zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
