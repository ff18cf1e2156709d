"""Making one thing at Stripe, once, although Stripe may have kept a failure under the key that was to ensure it.

Stripe answers a repeated idempotency key with its first answer for a day, a 500 included; whether that 500 made the
thing nobody can tell from it (https://docs.stripe.com/error-low-level). So Stripe is asked for the thing itself, and
only if there is none the next key of a fixed sequence is used, which parallel requests share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import stripe

from service.billing.stripe_client import is_transient

MOST_KEYS = 20
MOST_FAILURES = 2
PAUSE_SECONDS = 0.3
_Thing = TypeVar("_Thing")


def make_once(make: Callable[[stripe.RequestOptions], _Thing], find: Callable[[], _Thing | None], key: str) -> _Thing:
    """Return what `make(options)` makes, or what `find` finds of an earlier attempt that seemed to fail.

    Raises stripe.StripeError as `make` does; after that the same call may be repeated safely.
    """
    failures = 0
    number = 1
    while True:
        try:
            return make(_options(key, number))
        except stripe.StripeError as error:
            if is_kept(error) and number < MOST_KEYS:
                found = find()
                if found is not None:
                    return found
                number += 1
            elif is_transient(error) and failures < MOST_FAILURES:
                failures += 1
                time.sleep(PAUSE_SECONDS * failures)
            else:
                raise


def is_kept(error: stripe.StripeError) -> bool:
    """Tell whether this failure was kept under its key, so that repeating the call gives nothing but it."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return error.http_status == 500 and headers.get("idempotent-replayed") == "true"


def _options(key: str, number: int) -> stripe.RequestOptions:
    # Not the SDK's own repetitions: it cannot tell a kept failure, and would spend the request's time on it.
    return {"idempotency_key": key if number == 1 else f"{key}-{number}", "max_network_retries": 0}
