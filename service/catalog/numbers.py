"""The numbers of the offer that its texts may state, from the fields `CatalogSchema` loaded."""

from __future__ import annotations

from typing import Any

from service.domain.money import Money
from service.domain.texts import Facts

_PER_YEAR = {"month": 12, "year": 1}


def saving_of(plan: dict[str, Any], against: dict[str, Any]) -> Money:
    """Return a year of `against` less a year of `plan`; both in one currency."""
    return Money(_yearly(against).amount_minor - _yearly(plan).amount_minor, plan["price"].currency)


def values_of(plan: dict[str, Any], against: dict[str, Any] | None) -> dict[str, str]:
    """Return the plan's placeholders; those that have no meaning for it are missing."""
    values = {"price": plan["price"].display, "interval": plan["interval"]}
    if plan["trial_days"]:
        values["trial_days"] = str(plan["trial_days"])
    if against:
        values["saving"] = saving_of(plan, against).display
    return values


def facts_of_plan(data: dict[str, Any], plan: dict[str, Any], against: dict[str, Any] | None) -> Facts:
    """Return what this plan's own texts may state."""
    amounts = {plan["price"], _yearly(plan)}
    percents = set()
    if against:
        saving = saving_of(plan, against)
        amounts.add(saving)
        percents.add(saving.amount_minor * 100 // _yearly(against).amount_minor)
    return Facts(
        rates=frozenset([(plan["price"], plan["interval"]), (_yearly(plan), "year")]),
        amounts=frozenset(amounts),
        trial_days=frozenset([plan["trial_days"]]),
        free_articles=frozenset([data["meter"]["visitor_articles"], data["meter"]["reader_articles"]]),
        percents=frozenset(percents),
    )


def facts_of_all(data: dict[str, Any]) -> Facts:
    """Return what a text about no single plan may state: anything that is true of one of them."""
    plans = {plan["id"]: plan for plan in data["plans"]}
    found = [
        facts_of_plan(data, plan, plans[plan["saving"]["against"]] if plan["saving"] else None)
        for plan in plans.values()
    ]
    return Facts(
        rates=frozenset().union(*(each.rates for each in found)),
        amounts=frozenset().union(*(each.amounts for each in found)),
        trial_days=frozenset().union(*(each.trial_days for each in found)),
        free_articles=found[0].free_articles,
        percents=frozenset().union(*(each.percents for each in found)),
    )


def _yearly(plan: dict[str, Any]) -> Money:
    return Money(plan["price"].amount_minor * _PER_YEAR[plan["interval"]], plan["price"].currency)
