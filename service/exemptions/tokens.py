"""Signed tokens that open one article until an instant: checked with a key alone, without a database. Pure.

A token is `<expires>.<name>.<signature>`: Unix seconds; a gift's id or a link's label, which may be empty; and, in
base64url without padding, the first 16 bytes of HMAC-SHA256 over four lines: `newsstand-<kind>`, expires, name, article
id. The article is named by whoever asks, so it need not travel in the token.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LONGEST_LIFE = timedelta(days=400)
"""A token that claims to open for longer opens nothing, so that no slip of a site's own minting lasts for ever."""
GIFT_OF_ALL, GIFT_OF_SOME = "all-", "some-"
"""How a gift's id begins: its giver may use every feature, or not; the latter opens no article that needs one."""
MOST_NAME = 40
NAME = re.compile(rf"[A-Za-z0-9_-]{{0,{MOST_NAME}}}")
_SIGNATURE_BYTES = 16
_SHAPE = re.compile(rf"([1-9][0-9]{{0,10}})\.({NAME.pattern})\.([A-Za-z0-9_-]{{22}})")


class TokenKind(StrEnum):
    """What was signed; a token of one kind is none of the other."""

    GIFT = "gift"
    LINK = "link"


@dataclass(frozen=True)
class Token:
    """A token that opens the article. `name` is the gift's id, or the link's label."""

    name: str
    expires_at: datetime


class Tokens:
    """Signs with the first of `keys` and believes all of them: a new key is put in front, the old one removed later."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("tokens need a key")
        self._keys = [key.encode() for key in keys]

    def sign(self, kind: TokenKind, article_id: str, expires_at: datetime, name: str = "") -> str:
        """Return a token that opens the article before `expires_at`, cut to the whole second.

        Raises ValueError for a name with anything but letters, digits, `_` and `-`, or longer than 40 characters.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"not a token's name: {name!r}")
        claim = f"{int(expires_at.timestamp())}.{name}"
        return f"{claim}.{_signature(self._keys[0], kind, claim, article_id)}"

    def read(self, kind: TokenKind, token: str, article_id: str, now: datetime) -> Token | None:
        """Return what the token says when it opens this article at `now`; None for any other text."""
        shape = _SHAPE.fullmatch(token)
        if shape is None or not self._is_signed(kind, token, article_id):
            return None
        expires_at = _instant(int(shape[1]))
        return Token(shape[2], expires_at) if now < expires_at <= now + LONGEST_LIFE else None

    def _is_signed(self, kind: TokenKind, token: str, article_id: str) -> bool:
        # The texts are compared, not the bytes they stand for: base64 writes the same bytes in several ways.
        claim, _, given = token.rpartition(".")
        return any(hmac.compare_digest(_signature(key, kind, claim, article_id), given) for key in self._keys)


def _signature(key: bytes, kind: TokenKind, claim: str, article_id: str) -> str:
    expires, name = claim.split(".")
    message = f"newsstand-{kind}\n{expires}\n{name}\n{article_id}".encode(errors="surrogatepass")
    digest = hmac.digest(key, message, "sha256")[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _instant(seconds: int) -> datetime:
    """Return the instant, or the last that a datetime can hold: it is further off than any token may be."""
    return datetime.fromtimestamp(min(seconds, 253_402_300_799), UTC)
