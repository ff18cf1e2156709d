"""Texts are filled from the offer's numbers, and none may state another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.domain.money import Money
from service.domain.texts import Facts, contradictions, fill, free_articles

PRICE, YEAR, SAVING = Money(290, "usd"), Money(3480, "usd"), Money(1490, "usd")
FACTS = Facts(
    rates=frozenset([(PRICE, "month"), (YEAR, "year")]),
    amounts=frozenset([PRICE, YEAR, SAVING]),
    trial_days=frozenset([30]),
    free_articles=frozenset([1]),
    percents=frozenset([42]),
)
NO_TRIAL = Facts(
    rates=FACTS.rates, amounts=FACTS.amounts, trial_days=frozenset([0]), free_articles=FACTS.free_articles,
    percents=frozenset(),
)  # fmt: skip


def test_placeholders_are_filled():
    """Each known name is replaced, as often as it stands."""
    assert fill("{a} and {b}, {a}", {"a": "1", "b": "2"}) == "1 and 2, 1"


@pytest.mark.parametrize(
    ("template", "reason"),
    [("{c}", r"\{c\} has no meaning here; use \{a\}"), ("{a.__class__}", "no meaning"), ("{}", "no meaning"),
     ("{a", "brace"), ("a}", "brace"), ("{{a}}", "brace"), ("{a!r}", "no meaning")],
)  # fmt: skip
def test_other_placeholders_are_refused(template, reason):
    """A misspelt name, a lone brace and Python's own format tricks are refused with what may be used."""
    with pytest.raises(ValueError, match=reason):
        fill(template, {"a": "1"})


@pytest.mark.parametrize(
    ("limit", "words"),
    [(0, "no free articles"), (1, "one free article"), (3, "three free articles"), (20, "twenty free articles"),
     (21, "21 free articles"),
     (25, "25 free articles")],
)  # fmt: skip
def test_the_limit_is_said_in_words(limit, words):
    """One is singular, small numbers are words."""
    assert free_articles(limit) == words


@pytest.mark.parametrize(
    "text",
    [
        "30 days free, then $2.90 per month",
        "Thirty days free, then 2.90 USD a month",
        "A 30-day free trial",
        "$2.90/month",
        "$2.9 monthly",
        "US$2.90 each month ($34.80 per year)",
        "Save $14.90 compared to monthly",
        "Save 42%",
        "$14.90.",
        "one free article",
        "1 free story a month",
        "9 daily & weekly newsletters",
        "Delivered 7 days a week",
        "100% independent journalism since 1887",
        "Our 12 correspondents in 2026",
        "You can cancel anytime.",
        "In May 5 new podcasts",
        "",
    ],
)
def test_true_texts_pass(text):
    """Numbers that the offer states, and numbers that are about something else, are no contradiction."""
    assert list(contradictions(text, FACTS)) == []


@pytest.mark.parametrize(
    "text",
    [
        "30 days free, then $3.90 per month",
        "$2.90 per year",
        "$2.90 yearly",
        "$2.90 a week",
        "$34.80 per month",
        "$14.90 per month",
        "€2.90 per month",
        "2,90 € per month",
        "2.90 EUR",
        "$290",
        "$2.905",
        "$ 3",
        "3 dollars a month",
        "Only 2 euros",
        "$1,234.50",
        "USD 3.50",
        "＄3.50",
        "Save $15",
        "Save 43%",
        "Save up to 50 %",
        "50% off",
        "20% cheaper",
        "14 days free",
        "Fourteen days free",
        "14-day free trial",
        "14 free days",
        "Two weeks free",
        "Your first month free",
        "A free month",
        "twelve months free",
        "two free articles",
        "3 free stories a month",
        "no free articles",
    ],
)
def test_false_texts_are_told(text):
    """Another amount, currency, rate, saving, number of free days or articles is told, as it stands."""
    assert list(contradictions(text, FACTS))


def test_a_free_trial_needs_one():
    """The words `free trial` contradict a plan without trial days, and only that."""
    assert list(contradictions("Free trial", FACTS)) == []
    assert list(contradictions("Free Trial", NO_TRIAL)) == ["says 'free trial', but there are no free days"]
    assert list(contradictions("30 days free", NO_TRIAL)) == ["says '30 days', but there are no free days"]
    assert list(contradictions("Save 10%", NO_TRIAL)) == ["says 'save 10%', but it is nothing"]


def test_a_contradiction_says_what_is_true():
    """The message holds what was said, and what the prices give."""
    assert list(contradictions("$3 a month", FACTS)) == [
        "says '$3 a month', but the prices give $2.90 per month, $34.80 per year, $14.90"
    ]


def test_yen_have_no_cents():
    """Amounts are read in their currency's own units."""
    yen = Facts(
        rates=frozenset([(Money(300, "jpy"), "month")]), amounts=frozenset([Money(300, "jpy")]),
        trial_days=frozenset(), free_articles=frozenset(), percents=frozenset(),
    )  # fmt: skip
    assert list(contradictions("¥300 per month", yen)) == []
    assert list(contradictions("¥30 per month", yen))


def test_weeks_are_counted_in_days():
    """Two weeks are fourteen days, and one trial day is no week."""
    fortnight = replace(FACTS, trial_days=frozenset([14]))
    assert list(contradictions("Two weeks free", fortnight)) == []
    assert list(contradictions("14 days free", fortnight)) == []
    assert list(contradictions("Two weeks free", replace(FACTS, trial_days=frozenset([2]))))


def test_what_is_wrong_with_a_template_is_said():
    """The message names what may be written instead, and quotes what was."""
    with pytest.raises(ValueError, match=r"plain text$"):
        fill("{price}", {})
    with pytest.raises(ValueError, match=r"^has a brace without its partner$"):
        fill("}{price}{", {"price": "$1"})
    assert next(contradictions("two free articles", FACTS)).startswith("says 'two free articles', but the meter gives ")
