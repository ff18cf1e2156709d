"""What stays of somebody who was erased: keyed hashes, which recognise an id that is told and tell none."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

ERASED = "erased"
"""What stands in a record of money where its customer stood: the same for all, so that it joins nothing."""


def erased_digest(kind: str, value: str, key: str) -> str:
    """Return what an id (`kind`: reader, customer, card) is replaced by, under the key that only settings hold."""
    told = f"erased\0{kind}\0{value}".encode(errors="surrogatepass")
    return f"{ERASED}:{hmac.new(key.encode(), told, hashlib.sha256).hexdigest()}"


def spellings(identities: Mapping[str, str], key: str) -> list[tuple[str, str]]:
    """Return (kind, value) of each identity: as it is kept, and as it is kept of somebody erased."""
    return [pair for kind, value in identities.items() for pair in _both(kind, value, key)]


def _both(kind: str, value: str, key: str) -> list[tuple[str, str]]:
    return [(kind, value), (kind, erased_digest(kind, value, key))]
