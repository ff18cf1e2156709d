"""Failures: which are worth repeating, how soon, and that none carries personal data."""

from __future__ import annotations

import pytest
import stripe

from webhooks.failures import Backoff, PermanentFailure, StripeFailure, TransientFailure, summary_of, translated

CANARY = "canary@example.com"


def translate(error: stripe.StripeError) -> StripeFailure:
    with pytest.raises(StripeFailure) as caught, translated():
        raise error
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        stripe.APIConnectionError("timed out"),
        stripe.APIError("cut short", http_status=200),
        stripe.APIError("ours", http_status=500),
        stripe.APIError("busy", http_status=503),
        stripe.RateLimitError("slow down", http_status=429),
        stripe.InvalidRequestError("locked", None, code="lock_timeout", http_status=409),
    ],
)
def test_what_may_pass_is_transient(error: stripe.StripeError) -> None:
    """No answer, 409, 429 and 5xx are worth asking again."""
    assert isinstance(translate(error), TransientFailure)


@pytest.mark.parametrize(
    ("error", "summary"),
    [
        (stripe.InvalidRequestError("no", None, code="resource_missing", http_status=404),
         "InvalidRequestError:resource_missing"),
        (stripe.AuthenticationError("no", http_status=401), "AuthenticationError"),
        (stripe.PermissionError("no", http_status=403), "PermissionError"),
        (stripe.InvalidRequestError("no", "limit", http_status=400), "InvalidRequestError"),
    ],
)  # fmt: skip
def test_a_refusal_is_permanent(error: stripe.StripeError, summary: str) -> None:
    """Any other answer is final for now, and says its class and Stripe's code."""
    failure = translate(error)
    assert isinstance(failure, PermanentFailure)
    assert summary_of(failure) == summary
    assert (failure.status, failure.code) == (error.http_status, error.code)


def test_no_message_of_stripes_survives() -> None:
    """Stripe's messages may quote an e-mail; neither the failure nor its chain shows one."""
    failure = translate(stripe.InvalidRequestError(f"no such {CANARY}", None, http_status=400))
    assert CANARY not in repr(failure)
    assert failure.__suppress_context__
    assert summary_of(ValueError(CANARY)) == "ValueError"


def test_other_errors_pass_through() -> None:
    """Only the SDK's errors are translated."""
    with pytest.raises(KeyError), translated():
        raise KeyError("x")


def test_the_wait_doubles_to_its_cap() -> None:
    """Two seconds, doubling, at most fifteen minutes, and a minute when the fault is Stripe's."""
    plain = Backoff(chance=lambda: 0.0)
    delays = [plain.after(attempts, PermanentFailure("x")).delay.total_seconds() for attempts in (0, 1, 2, 8, 9, 9999)]
    assert delays == [2, 4, 8, 512, 900, 900]
    transient = [plain.after(attempts, TransientFailure("x")).delay.total_seconds() for attempts in (0, 4, 5, 9999)]
    assert transient == [2, 32, 60, 60]


def test_chance_takes_off_up_to_half() -> None:
    """Waits are spread, so that all do not return at once."""
    assert Backoff(chance=lambda: 1.0).after(2, ValueError()).delay.total_seconds() == 4
    assert Backoff(chance=lambda: 0.5).after(2, ValueError()).delay.total_seconds() == 6
    assert 4 <= Backoff().after(2, ValueError()).delay.total_seconds() <= 8


def test_an_outage_of_stripes_parks_nobody() -> None:
    """Transient failures count to one below `park_after`; anything else goes on counting."""
    backoff = Backoff(park_after=3)
    assert [backoff.after(attempts, TransientFailure("x")).attempts for attempts in (0, 1, 2, 3, 7)] == [1, 2, 2, 3, 7]
    assert [backoff.after(attempts, ValueError()).attempts for attempts in (0, 1, 2, 3, 7)] == [1, 2, 3, 4, 8]
