"""One inbox, one trial: an e-mail address in the form in which its variants are equal, and its keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

_GMAIL = frozenset(["gmail.com", "googlemail.com"])


def normalise_email(email: str) -> str:
    """Return the address folded: case, a `+tag`, and for Gmail dots, which its server ignores.

    Only for comparing: mail is sent to the address as given.
    """
    folded = unicodedata.normalize("NFKC", email.strip()).casefold()
    local, at, domain = folded.rpartition("@")
    if not at:
        return folded
    local = local.split("+", 1)[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain.rstrip('.')}"


def email_digest(email: str, key: str) -> str:
    """Return the normalised address's HMAC-SHA256 under `key`, as hex: what the trial ledger keeps of it."""
    return hmac.new(key.encode(), b"trial-email\0" + normalise_email(email).encode(), hashlib.sha256).hexdigest()
