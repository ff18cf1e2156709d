"""Who sent it: Stripe's signature over the raw bytes, with its age bounded on both sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import stripe

from webhooks.events import Refusal, RefusalCode, StripeEvent, parse

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_VISIBLE = re.compile(r"[!-~]+")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class Verifier:
    """Verifies deliveries against one or more signing secrets (two while one is being rolled).

    Raises ValueError for no secret, or one that is blank to the eye: the SDK takes a no-break space for a key, and
    whoever guesses that can forge events.
    """

    def __init__(self, secrets: Sequence[str], *, tolerance_seconds: int = TOLERANCE_SECONDS) -> None:
        if not secrets or not all(_VISIBLE.fullmatch(secret.removeprefix(_PREFIX)) for secret in secrets):
            raise ValueError("a webhook signing secret is missing, blank, or has invisible characters")
        if tolerance_seconds <= 0:
            raise ValueError("the tolerance must be above 0 seconds: a signature without an age can be replayed")
        self._secrets = tuple(secrets)
        self._tolerance_seconds = tolerance_seconds

    def verify(self, body: bytes, header: str | None, wall_now: datetime) -> StripeEvent | Refusal:
        """Return the event in `body` if Stripe signed these very bytes within the tolerance of `wall_now`.

        `header` is `Stripe-Signature` as received. Whatever the input, the outcome is a value; nothing is raised.
        """
        fault = self._fault(body, header, wall_now)
        return parse(body) if fault is None else Refusal(RefusalCode.INVALID_SIGNATURE, fault)

    def _fault(self, body: bytes, header: str | None, wall_now: datetime) -> str | None:
        if not header:
            return "header_missing"
        signed_at = _signed_at(header)
        if signed_at is None:
            return "header_malformed"
        if not any(_signed_with(secret, body, header) for secret in self._secrets):
            return "signature_mismatch"
        return self._age_fault(wall_now.timestamp() - signed_at)

    def _age_fault(self, age_seconds: float) -> str | None:
        # Only after the signature held: a genuine delivery that looks stale means our own clock is wrong.
        if age_seconds > self._tolerance_seconds:
            return "timestamp_too_old"
        return "timestamp_in_future" if age_seconds < -self._tolerance_seconds else None


def _signed_at(header: str) -> int | None:
    """Return the header's one timestamp, in Unix seconds; None when it has none, several, or no plain number."""
    if not header.isascii():  # the SDK's comparison raises TypeError on a non-ASCII signature
        return None
    found = [item[2:] for item in header.split(",") if item.startswith("t=")]
    return int(found[0]) if len(found) == 1 and _TIMESTAMP.fullmatch(found[0]) else None


def _signed_with(secret: str, body: bytes, header: str) -> bool:
    """Tell whether `secret` made one of the header's v1 signatures; age is not looked at."""
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):  # it decodes the body before it checks anything
        return False
