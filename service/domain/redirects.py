"""Where a reader may be sent back to: only to the configured origins, however the address is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

LONGEST = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Letters, digits, dots and hyphens: no user@, no %2e, no non-ASCII look-alikes (an origin with an international
# name is configured, and sent, in its xn-- form), no backslash, which browsers read as a slash.
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def redirect_fault(url: str, origins: Iterable[str]) -> str | None:
    """Return why a reader may not be sent to `url`, or None when its origin is one of `origins`.

    `origins` look like `https://www.example.com`, with a port where it is not the scheme's own.
    """
    if len(url) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return "holds a character that has no place in an address"
    parts = _split(url)
    if parts is None:
        return "is not an absolute http or https address"
    allowed = {_origin(found) for found in map(_split, origins) if found is not None}
    return None if _origin(parts) in allowed else "is outside the configured site origins"


def _split(url: str) -> SplitResult | None:
    """Return the parts of a plain absolute web address, or None."""
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in _DEFAULT_PORTS and parts.port != 0  # .port raises when above 65535
    except ValueError:
        return None
    return parts if well_formed and _HOST_AND_PORT.fullmatch(parts.netloc) else None


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
