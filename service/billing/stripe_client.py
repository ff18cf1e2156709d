"""The one way to Stripe: the official SDK, with a deadline over every call and all of a request's calls together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import requests
import stripe
from requests.adapters import HTTPAdapter

from service.errors import StripeUnavailable

_give_up_at: ContextVar[float | None] = ContextVar("stripe_give_up_at", default=None)
"""Monotonic instant after which this context's calls are not worth making."""

TRANSIENT_STATUSES = frozenset({409, 429})


def _at_once() -> None:
    """Wait for nothing."""


def make_stripe_client(
    secret_key: str, *, api_base: str, timeout_seconds: float, wait: Callable[[], None] = _at_once
) -> stripe.StripeClient:
    """Return a client pinned to the SDK's own API version; each call takes at most `timeout_seconds`.

    `wait` is called before each attempt, repetitions included: long work keeps its pace there. Retries are stated,
    because a `StripeClient` makes a single attempt whatever the global setting says.
    """
    return stripe.StripeClient(
        secret_key,
        base_addresses={"api": api_base},
        http_client=stripe.RequestsClient(timeout=timeout_seconds, session=_DeadlineSession(timeout_seconds, wait)),
        max_network_retries=2,
    )


class _DeadlineSession(requests.Session):
    """A session that never waits past the current context's deadline (stock SDK: 80 s a call)."""

    def __init__(self, timeout_seconds: float, wait: Callable[[], None]) -> None:
        super().__init__()
        self._wait = wait
        self._timeout_seconds = timeout_seconds
        self.trust_env = False  # no proxy or .netrc of the machine between us and Stripe
        self.mount("https://", HTTPAdapter(pool_maxsize=32))
        self.mount("http://", HTTPAdapter(pool_maxsize=32))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self._wait()
        kwargs["timeout"] = self._remaining_seconds()
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)

    def _remaining_seconds(self) -> float:
        give_up_at = _give_up_at.get()
        if give_up_at is None:
            return self._timeout_seconds
        remaining = give_up_at - time.monotonic()
        if remaining <= 0:
            raise requests.Timeout("the time for this request is used up")
        return min(self._timeout_seconds, remaining)


@contextlib.contextmanager
def stripe_deadline(seconds: float) -> Iterator[None]:
    """Bound all Stripe calls inside to `seconds` together; raise StripeUnavailable for what is worth repeating.

    Whoever waits outside may have less time: that is not lengthened.
    """
    outer, inner = _give_up_at.get(), time.monotonic() + seconds
    token = _give_up_at.set(inner if outer is None else min(outer, inner))
    try:
        yield
    except stripe.StripeError as error:
        if is_transient(error):
            raise StripeUnavailable(type(error).__name__) from error
        raise
    finally:
        _give_up_at.reset(token)


def is_transient(error: stripe.StripeError) -> bool:
    """Tell whether the same call may succeed later: no answer, 5xx, 429, or the same key still in flight (409)."""
    status = error.http_status
    return (
        isinstance(error, stripe.APIConnectionError) or status is None or status >= 500 or status in TRANSIENT_STATUSES
    )
