"""The console's two cookies, and the token that proves a form to be from one of our own pages in the same browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import Request, Response

_RANDOM_BYTES = 32


class Cookies:
    """`session` names a session, `browser` a browser that is signing in; neither says anything by itself.

    Over https both have the `__Host-` prefix: no sub-domain and no plain-http page can set or read them. The sandbox is
    plain http, where browsers refuse that prefix and `Secure`.
    """

    def __init__(self, *, secure: bool) -> None:
        prefix = "__Host-" if secure else ""
        self._secure = secure
        self.session = f"{prefix}newsstand-staff"
        self.browser = f"{prefix}newsstand-sign-in"

    def read(self, request: Request, name: str) -> str | None:
        return request.cookies.get(name) or None

    def write(self, response: Response, name: str, value: str) -> None:
        """Set a cookie that ends with the browser; how long it is good for is kept in the database."""
        response.set_cookie(name, value, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def csrf_token(cookie: str) -> str:
    """Return the token of every form shown under this cookie; nobody else can compute it, so it need not be kept."""
    return hmac.new(cookie.encode("utf-8", "surrogatepass"), b"newsstand console form", hashlib.sha256).hexdigest()


def csrf_fits(cookie: str, given: str | None) -> bool:
    """Tell, in constant time, whether a form was shown under this cookie."""
    return given is not None and hmac.compare_digest(csrf_token(cookie).encode(), given.encode("utf-8", "replace"))
