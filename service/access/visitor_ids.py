"""The ids that anonymous browsers get from us: random, and signed once the scraper guard has let the browser in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_RANDOM_CHARACTERS = 24  # of which two are the prefix
_SIGNATURE_CHARACTERS, _SIGNATURE_BYTES = 8, 6
"""48 bits, which nobody guesses over a network; in base64 without spare bits."""


class VisitorIds:
    """Signs ids that were minted here, and knows them again. The signature says: the guard has let this visitor in."""

    def __init__(self, subject_key: str) -> None:
        self._key = hashlib.blake2b(subject_key.encode(), digest_size=32, person=b"newsstand-visit").digest()

    def sign(self, minted: str) -> str:
        """Return a minted id with our signature; it is another id, under which nothing was counted yet."""
        return minted + self._signature(minted)

    def is_signed(self, visitor_id: str) -> bool:
        """Tell whether we signed this id; a site's own id, or one changed by a character, is not."""
        unsigned, signature = visitor_id[:_RANDOM_CHARACTERS], visitor_id[_RANDOM_CHARACTERS:]
        if len(signature) != _SIGNATURE_CHARACTERS:
            return False  # a site's own id, as most are
        expected = self._signature(unsigned).encode()
        return hmac.compare_digest(signature.encode(errors="surrogatepass"), expected)

    def _signature(self, unsigned: str) -> str:
        text = unsigned.encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, digest_size=_SIGNATURE_BYTES, key=self._key).digest()
        return base64.urlsafe_b64encode(digest).decode()


def mint_visitor_id() -> str:
    """Return a fresh first-party id for an anonymous browser."""
    return f"v_{secrets.token_urlsafe(16)}"
