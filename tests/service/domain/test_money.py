"""Money is exact, in minor units, and reads as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.money import Money


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [("2.90", "usd", 290), ("2.9", "usd", 290), ("19.90", "eur", 1990), ("3", "usd", 300), ("0.01", "chf", 1),
     ("300", "jpy", 300), ("999999.99", "usd", 99999999)],
)  # fmt: skip
def test_a_decimal_is_taken_exactly(written, currency, minor):
    """What a person writes becomes minor units without a float in between."""
    assert Money.from_decimal(written, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("written", "currency"),
    [("2.905", "usd"), ("-2.90", "usd"), ("2,90", "usd"), ("$2.90", "usd"), ("", "usd"), (".90", "usd"), ("2.", "usd"),
     ("1e3", "usd"), ("٢", "usd"), ("1000000", "usd"), ("2.90\n", "usd"), ("300.5", "jpy"), ("1.234", "kwd"),
     ("1.23", "kwd")],
)  # fmt: skip
def test_anything_else_is_refused(written, currency):
    """Another notation, too many digits, and currencies with thousandths are refused, not rounded."""
    with pytest.raises(ValueError, match=r"amount|decimals|thousandths"):
        Money.from_decimal(written, currency)


@pytest.mark.parametrize(
    ("money", "shown"),
    [(Money(290, "usd"), "$2.90"), (Money(0, "usd"), "$0.00"), (Money(5, "eur"), "€0.05"), (Money(300, "jpy"), "¥300"),
     (Money(400, "chf"), "CHF 4.00"), (Money(-290, "usd"), "-$2.90")],
)  # fmt: skip
def test_money_is_shown_as_people_read_it(money, shown):
    """Symbol or code, and as many decimals as the currency has."""
    assert money.display == shown
    assert money.to_json() == {"amount": money.amount_minor, "currency": money.currency, "display": shown}


@given(st.integers(0, 99_999_999), st.sampled_from(["usd", "jpy", "chf"]))
def test_what_is_shown_reads_back(minor, currency):
    """Display and reading are each other's inverse."""
    if currency == "jpy":
        minor //= 100
    shown = Money(minor, currency).display
    assert Money.from_decimal(shown.lstrip("$¥CHF "), currency) == Money(minor, currency)
