"""Money: an int of the currency's minor units, and how people read it."""

from __future__ import annotations

from dataclasses import dataclass

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
"""Currencies whose minor unit is the unit itself (https://docs.stripe.com/currencies#zero-decimal)."""
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


@dataclass(frozen=True)
class Money:
    """An amount of `currency` (three lower-case letters) in minor units."""

    amount_minor: int
    currency: str

    @property
    def display(self) -> str:
        """Return the amount as people read it: `$2.90`, `¥300`, `CHF 4.00`."""
        sign = "-" if self.amount_minor < 0 else ""
        amount = abs(self.amount_minor)
        digits = f"{amount}" if self.currency in ZERO_DECIMAL else f"{amount // 100}.{amount % 100:02}"
        symbol = SYMBOLS.get(self.currency, f"{self.currency.upper()} ")
        return f"{sign}{symbol}{digits}"
