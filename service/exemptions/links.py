"""Signed links for newsletters and social posts: whoever follows one reads that article, until a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.clocks import Clock
from service.errors import InvalidRequest
from service.exemptions.tokens import LONGEST_LIFE, TokenKind, Tokens


@dataclass(frozen=True, kw_only=True)
class SignedLink:
    """A token for the site to put into an address, and what it opens until when."""

    token: str
    article_id: str
    label: str
    expires_at: datetime


class SignedLinks:
    """Mints links; nothing is stored, because the signature says it all."""

    def __init__(self, tokens: Tokens, *, business_clock: Clock) -> None:
        self._tokens = tokens
        self._business_clock = business_clock

    def mint(self, article_id: str, *, label: str, expires_at: datetime | None, days: int | None) -> SignedLink:
        """Return a link that lives until `expires_at` or for `days`; raises InvalidRequest unless one is given."""
        now = self._business_clock()
        if (expires_at is None) == (days is None):
            raise _refused("Give either expires_at or days.")
        until = (expires_at or now + timedelta(days=days or 0)).replace(microsecond=0)
        if not now < until <= now + LONGEST_LIFE:
            raise _refused(f"Must be in the future, and at most {LONGEST_LIFE.days} days from now.")
        token = self._tokens.sign(TokenKind.LINK, article_id, until, label)
        return SignedLink(token=token, article_id=article_id, label=label, expires_at=until)


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest("The link's end is not right.", errors={"expires_at": [why]})
