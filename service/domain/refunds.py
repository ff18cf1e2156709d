"""How much of a payment can be given back, and which earlier refund a request repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from service.domain.holds import REFUNDED

REQUEST_KEY = "newsstand_refund"
"""The refund's metadata at Stripe that tells which request it answers."""


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """What staff ask for: all that is left of an invoice's payment (`amount_minor` None), or a part of it."""

    reader_id: str
    invoice_id: str
    amount_minor: int | None
    reason: str
    asked_by: str
    """Who, as the audit names them: `key:3`. Whoever asks, the same request is the same refund."""

    @property
    def digest(self) -> str:
        """Return the request's identity: the same invoice, amount and reason is the same refund."""
        asked = [self.reader_id, self.invoice_id, self.amount_minor, self.reason]
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:32]


def earlier(refunds: Iterable[Mapping[str, Any]], request: RefundRequest) -> Mapping[str, Any] | None:
    """Return the refund (Stripe's JSON) that this very request made before and that counts, or None."""
    return next(
        (
            each
            for each in refunds
            if each["status"] in REFUNDED and (each.get("metadata") or {}).get(REQUEST_KEY) == request.digest
        ),
        None,
    )


def refundable_minor(charge: Mapping[str, Any], refunds: Iterable[Mapping[str, Any]]) -> int:
    """Return what is left of a charge (Stripe's JSON)."""
    returned: int = sum(each["amount"] for each in refunds if each["status"] in REFUNDED)
    return max(0, int(charge["amount_captured"]) - returned)
