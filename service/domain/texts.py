"""Texts of the offer: templates filled from its numbers, and a check that no text states another number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from service.domain.money import SYMBOLS, ZERO_DECIMAL, Money

_WORDS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
]  # fmt: skip
_COUNTS = {word: number for number, word in enumerate(_WORDS)} | {
    "no": 0, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
_COUNT = rf"(?P<count>\d+|{'|'.join(_COUNTS)})"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# "7 days a week" is a rhythm, not a number of free days.
_DAYS = re.compile(rf"\b{_COUNT}[\s-]+(?:free[\s-]+)?(?P<unit>day|week)s?\b(?!\s+(?:a|per)\s+week)")
_FREE_MONTHS = re.compile(r"\b(?:month|year)s?[\s-]+free\b|\bfree[\s-]+(?:month|year)s?\b")
_FREE_ARTICLES = re.compile(rf"\b{_COUNT}[\s-]+free[\s-]+(?:article|stor(?:y|ie))s?\b")
_FREE_TRIAL = re.compile(r"\bfree[\s-]+trial\b")
_PERCENT_SAVED = re.compile(r"\bsav(?:e|ing)s?\s+(?:up to\s+)?(\d+)\s?%|\b(\d+)\s?%\s+(?:off|less|cheaper|discount)")
_CURRENCIES = {sign: code for code, sign in SYMBOLS.items()} | {
    "us$": "usd", "dollar": "usd", "dollars": "usd", "euro": "eur", "euros": "eur", "pound": "gbp", "pounds": "gbp",
    **{code: code for code in ("usd", "eur", "gbp", "jpy", "chf", "cad", "aud", "sek", "nok", "dkk", "pln")},
}  # fmt: skip
_NAMED = "|".join(re.escape(name) for name in sorted(_CURRENCIES, key=len, reverse=True))
_NUMBER = r"\d+(?:[.,' ]\d{3})*(?:[.,]\d{1,2})?(?![\d])"
_RATE = r"(?:\s*(?:/|per|an?|each|every)\s*(?P<unit>day|week|month|year)\b|\s+(?P<rhythm>monthly|yearly|annually)\b)?"
_AMOUNTS = (
    re.compile(rf"(?P<name>{_NAMED})\s?(?P<number>{_NUMBER}){_RATE}"),
    re.compile(rf"(?<![\d.,])(?P<number>{_NUMBER})\s?(?P<name>{_NAMED})(?!\w|\s?\d){_RATE}"),
)
_RHYTHMS = {"monthly": "month", "yearly": "year", "annually": "year"}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The numbers that a text may state: prices by interval, other computed amounts, free days, free articles."""

    rates: frozenset[tuple[Money, str]]
    amounts: frozenset[Money]
    trial_days: frozenset[int]
    free_articles: frozenset[int]
    percents: frozenset[int]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with each `{name}` replaced; raise ValueError naming what it may not use."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] not in values:
            usable = _listed(f"{{{name}}}" for name in values) or "plain text"
            raise ValueError(f"{match[0]} has no meaning here; use {usable}")
        return values[match[1]]

    filled = _PLACEHOLDER.sub(replacement, template)
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        raise ValueError("has a brace without its partner")
    return filled


def free_articles(limit: int) -> str:
    """Return `one free article`, `three free articles`, `25 free articles`, `no free articles`."""
    count = "no" if limit == 0 else _WORDS[limit] if limit < len(_WORDS) else str(limit)
    return f"{count} free article{'' if limit == 1 else 's'}"


def contradictions(text: str, facts: Facts) -> Iterator[str]:
    """Yield what the text states against `facts`, each as `says …`.

    Seen are amounts of money (with a rate such as `per month`), days and weeks, free months, free articles,
    percentages saved, and `free trial`.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    yield from _wrong_amounts(folded, facts)
    yield from _wrong_days(folded, facts)
    for match in _FREE_ARTICLES.finditer(folded):
        if _counted(match) not in facts.free_articles:
            yield f"says {match[0]!r}, but the meter gives {_listed(map(str, sorted(facts.free_articles)))}"
    for match in _PERCENT_SAVED.finditer(folded):
        if int(match[1] or match[2]) not in facts.percents:
            yield f"says {match[0]!r}, but it is {_listed(f'{each}%' for each in sorted(facts.percents)) or 'nothing'}"


def _wrong_amounts(text: str, facts: Facts) -> Iterator[str]:
    for match in (found for pattern in _AMOUNTS for found in pattern.finditer(text)):
        money = _money(match["number"], _CURRENCIES[match["name"]])
        interval = match["unit"] or _RHYTHMS.get(match["rhythm"] or "")
        known = money in facts.amounts if interval is None else (money, interval) in facts.rates
        if not known:
            yield f"says {match[0].strip()!r}, but the prices give {_prices(facts)}"


def _wrong_days(text: str, facts: Facts) -> Iterator[str]:
    trials = _listed(f"{days} free days" for days in sorted(facts.trial_days) if days) or "no free days"
    for match in _DAYS.finditer(text):
        if _counted(match) * (7 if match["unit"] == "week" else 1) not in facts.trial_days:
            yield f"says {match[0]!r}, but there are {trials}"
    for match in _FREE_MONTHS.finditer(text):
        yield f"says {match[0]!r}, but a trial is counted in days: there are {trials}"
    for match in _FREE_TRIAL.finditer(text):
        if not any(facts.trial_days):
            yield f"says {match[0]!r}, but there are {trials}"


def _money(number: str, currency: str) -> Money:
    """Return what `1,234.50`, `2,90` or `3` states: a last group of one or two digits is cents."""
    units, cents = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", number).groups()  # type: ignore[union-attr]
    whole = int(re.sub(r"\D", "", units))
    if currency in ZERO_DECIMAL:
        return Money(whole, currency)
    return Money(whole * 100 + int((cents or "0").ljust(2, "0")), currency)


def _counted(match: re.Match[str]) -> int:
    return _COUNTS[match["count"]] if match["count"] in _COUNTS else int(match["count"])


def _prices(facts: Facts) -> str:
    rates = sorted((money.amount_minor, f"{money.display} per {interval}") for money, interval in facts.rates)
    in_rates = {money for money, _ in facts.rates}
    others = sorted((money.amount_minor, money.display) for money in facts.amounts - in_rates)
    return _listed(text for _, text in [*rates, *others])


def _listed(values: Iterable[str]) -> str:
    return ", ".join(values)
