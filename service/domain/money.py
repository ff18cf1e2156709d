"""Money: an int of the currency's minor units, and how people read and write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
"""Currencies whose minor unit is the unit itself (https://docs.stripe.com/currencies#zero-decimal)."""
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
"""Currencies with thousandths (https://docs.stripe.com/currencies#three-decimal); not supported here."""
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
_DECIMAL = re.compile(r"(?P<units>[0-9]{1,6})(?:\.(?P<cents>[0-9]{1,2}))?")


@dataclass(frozen=True)
class Money:
    """An amount of `currency` (three lower-case letters) in minor units."""

    amount_minor: int
    currency: str

    @classmethod
    def from_decimal(cls, text: str, currency: str) -> Money:
        """Return what a person wrote as `2.90`, exactly; raise ValueError for anything but a plain decimal."""
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an amount such as 2.90")
        if currency in THREE_DECIMAL:
            raise ValueError(f"{currency} has thousandths, which are not supported")
        if currency not in ZERO_DECIMAL:
            return cls(int(match["units"]) * 100 + int((match["cents"] or "0").ljust(2, "0")), currency)
        if match["cents"]:
            raise ValueError(f"{currency} has no decimals, but the amount is {text}")
        return cls(int(match["units"]), currency)

    @property
    def display(self) -> str:
        """Return the amount as people read it: `$2.90`, `¥300`, `CHF 4.00`."""
        sign = "-" if self.amount_minor < 0 else ""
        amount = abs(self.amount_minor)
        digits = f"{amount}" if self.currency in ZERO_DECIMAL else f"{amount // 100}.{amount % 100:02}"
        symbol = SYMBOLS.get(self.currency, f"{self.currency.upper()} ")
        return f"{sign}{symbol}{digits}"

    def to_json(self) -> dict[str, Any]:
        """Return the contract's shape: `{"amount": 290, "currency": "usd", "display": "$2.90"}`."""
        return {"amount": self.amount_minor, "currency": self.currency, "display": self.display}
