"""What can go wrong in asking Stripe, and how long to wait before asking again.

StripeFailure
├── TransientFailure    no connection, a timeout, 429, 5xx: the same call may well succeed soon
└── PermanentFailure    any other answer (a wrong key, a missing object): asking again seldom helps
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import stripe


class StripeFailure(Exception):
    """Stripe did not give what was asked for. Its text is the error's class and Stripe's code: no personal data."""

    def __init__(self, summary: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(summary)
        self.status = status
        self.code = code


class TransientFailure(StripeFailure):
    """Not answered, or told to come back."""


class PermanentFailure(StripeFailure):
    """Answered, with a refusal."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors raised inside into StripeFailure, dropping their messages, which may quote an e-mail."""
    try:
        yield
    except stripe.StripeError as error:
        kind = TransientFailure if _is_transient(error) else PermanentFailure
        summary = ":".join(filter(None, (type(error).__name__, error.code)))
        raise kind(summary, status=error.http_status, code=error.code) from None


def _is_transient(error: stripe.StripeError) -> bool:
    status = error.http_status
    if status is None or status < 400:  # never answered, or an answer cut short
        return True
    return status in {409, 429} or status >= 500


def summary_of(error: Exception) -> str:
    """Return what may be kept of an error: its class, and Stripe's code where there is one."""
    return str(error) if isinstance(error, StripeFailure) else type(error).__name__


@dataclass(frozen=True, kw_only=True)
class Setback:
    """A failure's consequence: how many failures there were, and how long to leave it alone."""

    attempts: int
    delay: timedelta


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Doubles the wait from `first_seconds` up to a cap, less up to half of it by chance.

    A transient failure is Stripe's fault, not the customer's: its cap is low, so that all recover soon after Stripe
    does, and it never counts up to `park_after`. What has failed `park_after` times is shown as quarantined.
    """

    first_seconds: float = 2
    transient_cap_seconds: float = 60
    cap_seconds: float = 900
    park_after: int = 8
    chance: Callable[[], float] = random.random

    def after(self, attempts: int, error: Exception) -> Setback:
        """Return the setback for one more failure after `attempts` of them."""
        transient = isinstance(error, TransientFailure)
        cap_seconds = self.transient_cap_seconds if transient else self.cap_seconds
        # The exponent is bounded: a row that failed for a year must not overflow a float.
        whole_seconds = min(cap_seconds, self.first_seconds * 2 ** min(attempts, 30))
        delay = timedelta(seconds=whole_seconds * (1 - self.chance() / 2))
        if transient:
            return Setback(attempts=max(attempts, min(attempts + 1, self.park_after - 1)), delay=delay)
        return Setback(attempts=attempts + 1, delay=delay)
