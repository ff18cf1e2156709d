"""Links that open one article, signed by the site itself with a key from the service's `LINK_KEYS`: no call is made."""

from __future__ import annotations

import base64
import hmac
import re
from datetime import datetime


def sign_link(key: str, article_id: str, expires_at: datetime, label: str = "") -> str:
    """Return the token that `POST /v1/links` would give, for `link` of a decision.

    `expires_at` is aware, at most 400 days off, and cut to the whole second. Raises ValueError for a label that is not
    0 to 40 letters, digits, `_` and `-`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,40}", label):
        raise ValueError(f"not a link's label: {label!r}")
    expires = int(expires_at.timestamp())
    message = f"newsstand-link\n{expires}\n{label}\n{article_id}".encode()
    signature = hmac.digest(key.encode(), message, "sha256")[:16]
    return f"{expires}.{label}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
