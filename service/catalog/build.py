"""From checked fields to a Catalog: savings computed, texts filled, and what contradicts itself refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from service.catalog.numbers import facts_of_all, facts_of_plan, saving_of, values_of
from service.catalog.schema import WEEKDAYS
from service.catalog.yaml_file import Fault
from service.domain.catalog import (
    Catalog,
    CrawlerTerms,
    ExemptionTerms,
    Feature,
    GiftTerms,
    Grace,
    InstitutionTerms,
    Meter,
    Plan,
)
from service.domain.texts import Facts, contradictions, fill, free_articles


def build_catalog(data: dict[str, Any], version: str) -> tuple[Catalog, list[Fault]]:
    """Return the catalog that `CatalogSchema` loaded as `data`, with everything that is wrong with its texts.

    `reference_faults` must have found nothing in `data`.
    """
    faults: list[Fault] = []
    return _Builder(data, faults).catalog(version), faults


def reference_faults(data: dict[str, Any]) -> list[Fault]:
    """Return what stands twice, refers to nothing, or saves nothing."""
    crawlers = data["exemptions"]["crawlers"]
    twice = [
        *_twice(data["features"], "features", "id"),
        *_twice(data["plans"], "plans", "id"),
        *_twice(crawlers, "exemptions.crawlers", "name"),
    ]
    return [*twice, *_unknown_features(data), *_contradicting_savings(data)]


def _twice(entries: list[dict[str, Any]], where: str, key: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry[key] in seen:
            yield f"{where}[{index}].{key}", f"{entry[key]!r} stands twice"
        seen.add(entry[key])


def _unknown_features(data: dict[str, Any]) -> Iterator[Fault]:
    known = {feature["id"] for feature in data["features"]}
    for where, entry in _with_features(data):
        for number, feature in enumerate(entry["features"] or ()):
            if feature not in known:
                yield f"{where}.features[{number}]", f"{feature!r} is none of the features above"


def _with_features(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((f"plans[{index}]", plan) for index, plan in enumerate(data["plans"]))
    exemptions = data["exemptions"]
    if exemptions["institutions"]:
        yield "exemptions.institutions", exemptions["institutions"]
    yield from ((f"exemptions.crawlers[{index}]", each) for index, each in enumerate(exemptions["crawlers"]))


def _contradicting_savings(data: dict[str, Any]) -> Iterator[Fault]:
    plans = {plan["id"]: plan for plan in data["plans"]}
    for index, plan in enumerate(data["plans"]):
        reason = _saving_fault(plan, plans)
        if reason is not None:
            yield f"plans[{index}].saving.against", reason


def _saving_fault(plan: dict[str, Any], plans: dict[str, dict[str, Any]]) -> str | None:
    if plan["saving"] is None:
        return None
    name = plan["saving"]["against"]
    against = plans.get(name)
    if against is None or name == plan["id"]:
        return f"{name!r} is no other plan"
    if against["price"].currency != plan["price"].currency:
        return f"{name!r} is sold in another currency"
    if saving_of(plan, against).amount_minor <= 0:
        return f"a year of {plan['id']!r} costs no less than a year of {name!r}"
    return None


class _Builder:
    """Builds the parts of one catalog, noting what is wrong with each text in `faults`."""

    def __init__(self, data: dict[str, Any], faults: list[Fault]) -> None:
        self._data = data
        self._plans = {plan["id"]: plan for plan in data["plans"]}
        self._facts = facts_of_all(data)
        self._faults = faults

    def catalog(self, version: str) -> Catalog:
        data = self._data
        return Catalog(
            version=version,
            publication=data["publication"],
            zone=data["timezone"],
            meter=self._meter(),
            features=tuple(self._feature(index, each) for index, each in enumerate(data["features"])),
            plans=tuple(self._plan(f"plans[{index}]", each) for index, each in enumerate(data["plans"])),
            grace=Grace(
                renewal=timedelta(days=data["grace"]["renewal_days"]),
                first_payment=timedelta(days=data["grace"]["first_payment_days"]),
            ),
            cancel_line=self._text("cancel_line", data["cancel_line"], {}, self._facts),
            repeated_card=data["trial"]["on_repeated_card"],
            full_refund_revokes=data["refund"]["on_full_refund"] == "end_access",
            early_warning=data["fraud"]["on_early_warning"],
            fraud_hold=timedelta(days=data["fraud"]["hold_days"]),
            exemptions=self._exemptions(),
            newcomers_per_hour=data["scraper_guard"] and data["scraper_guard"]["newcomers_per_hour"],
        )

    def _exemptions(self) -> ExemptionTerms:
        given = self._data["exemptions"]
        gifts, institutions = given["gifts"], given["institutions"]
        return ExemptionTerms(
            gifts=gifts and GiftTerms(per_month=gifts["per_month"], life=timedelta(days=gifts["days"])),
            institutions=institutions
            and InstitutionTerms(file=institutions["file"], features=self._features_of(institutions)),
            crawlers=tuple(CrawlerTerms(**{**each, "features": self._features_of(each)}) for each in given["crawlers"]),
        )

    def _meter(self) -> Meter:
        meter = self._data["meter"]
        visitor, reader = (
            self._text("meter.headline", meter["headline"], {"limit_articles": free_articles(limit)}, self._facts)
            for limit in (meter["visitor_articles"], meter["reader_articles"])
        )
        return Meter(
            limit_visitor=meter["visitor_articles"],
            limit_reader=meter["reader_articles"],
            window=meter["window"],
            first_weekday=WEEKDAYS.index(meter["week_starts_on"] or WEEKDAYS[0]),
            rolling_days=meter["rolling_days"] or 0,
            headline=visitor,
            headline_reader=reader,
        )

    def _feature(self, index: int, feature: dict[str, Any]) -> Feature:
        where = f"features[{index}]"
        badge = feature["badge"]
        return Feature(
            id=feature["id"],
            label=self._text(f"{where}.label", feature["label"], {}, self._facts),
            badge=badge and self._text(f"{where}.badge", badge, {}, self._facts),
        )

    def _plan(self, where: str, plan: dict[str, Any]) -> Plan:
        saving = plan["saving"]
        against = self._plans[saving["against"]] if saving else None
        facts, values = facts_of_plan(self._data, plan, against), values_of(plan, against)
        return Plan(
            id=plan["id"],
            label=self._text(f"{where}.label", plan["label"], values, facts),
            badge=plan["badge"] and self._text(f"{where}.badge", plan["badge"], values, facts),
            price=plan["price"],
            interval=plan["interval"],
            trial_days=plan["trial_days"],
            terms=self._text(f"{where}.terms", plan["terms"], values, facts),
            saving=saving_of(plan, against) if against else None,
            saving_against=saving["against"] if saving else None,
            saving_text=self._text(f"{where}.saving.text", saving["text"], values, self._facts) if saving else None,
            features=self._features_of(plan),
        )

    def _features_of(self, entry: dict[str, Any]) -> tuple[str, ...]:
        """Return a plan's (or an exemption's) features in the offer's order; null stands for all."""
        every = tuple(feature["id"] for feature in self._data["features"])
        return every if entry["features"] is None else tuple(each for each in every if each in entry["features"])

    def _text(self, where: str, template: str, values: dict[str, str], facts: Facts) -> str:
        try:
            text = fill(template, values)
        except ValueError as error:
            self._faults.append((where, str(error)))
            return template
        for reason in contradictions(text, facts):
            if (where, reason) not in self._faults:  # the headline is filled twice
                self._faults.append((where, reason))
        return text
