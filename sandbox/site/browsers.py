"""What the newspaper keeps in a browser: a first-party visitor id, and a signed session (who is signed in, CSRF)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

VISITOR_COOKIE = "daily_visitor"
SESSION_COOKIE = "daily_session"
VISITOR_SECONDS = 395 * 24 * 3600
"""Thirteen months, the longest that European regulators accept for a cookie that measures an audience."""
LONGEST_NAME = 60


@dataclass(frozen=True)
class SignedIn:
    """A reader of this newspaper, known by name alone: it is a demonstration."""

    name: str

    @property
    def reader_id(self) -> str:
        """Return the stable id under which the service knows them."""
        return f"daily-{_slug(self.name)}"

    @property
    def email(self) -> str:
        """Return an address that nobody can have (RFC 2606)."""
        slug = _slug(self.name)
        local = slug if slug.isascii() else hashlib.sha256(slug.encode()).hexdigest()[:12]
        return f"{local}@example.com"


def reader() -> SignedIn | None:
    """Return who is signed in, or None."""
    name = session.get("name")
    return SignedIn(name) if name else None


def signed_in() -> SignedIn:
    """Return who is signed in, on a page that `require_reader` guards."""
    return SignedIn(session["name"])


def require_reader() -> AnyResponse | None:
    """Send whoever is not signed in to do so first."""
    return None if reader() else see(url_for("buying.sign_in_page"))


def see(address: str) -> AnyResponse:
    """Return a redirect that is followed with GET."""
    return redirect(address, 303)


def sign_in(raw_name: str) -> SignedIn | None:
    """Sign in whoever gives a name with a letter or digit in it; None for what is no name. The session begins anew."""
    name = " ".join(unicodedata.normalize("NFKC", raw_name).split())
    if not _slug(name) or len(name) > LONGEST_NAME:
        return None
    session.clear()
    session["name"] = name
    return SignedIn(name)


def sign_out() -> None:
    """Forget the reader, not the browser: its articles stay counted."""
    session.clear()


def who() -> dict[str, Any]:
    """Return the ids to decide by; with both, the service links the browser to the reader."""
    found = reader()
    return {"reader_id": found.reader_id if found else None, "visitor_id": visitor_id()}


def came_with() -> dict[str, Any]:
    """Return what else a decision is judged by. Behind a proxy the address is the one that the proxy tells."""
    return {
        "client_ip": request.remote_addr,
        "user_agent": request.headers.get("User-Agent"),
        "gift": request.args.get("gift"),
        "link": request.args.get("link"),
    }


def visitor_id() -> str | None:
    """Return this browser's id: given a moment ago, or brought along; what is no id of ours is none."""
    given: str | None = g.get("visitor_id")
    brought = request.cookies.get(VISITOR_COOKIE, "")
    return given or (brought if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", brought) else None)


def remember_visitor(given: str | None) -> None:
    """Keep the id that the service made for a browser that never came before."""
    if given is not None:
        g.visitor_id = given


def set_visitor_cookie(response: Response) -> Response:
    """Set the cookie where the id is new. In production add `secure=True` and name it `__Host-…`: here is no TLS."""
    given = g.get("visitor_id")
    if given is not None and given != request.cookies.get(VISITOR_COOKIE):
        response.set_cookie(VISITOR_COOKIE, given, max_age=VISITOR_SECONDS, httponly=True, samesite="Lax", path="/")
    return response


def csrf_token() -> str:
    """Return this session's token, which every form carries."""
    return str(session.setdefault("csrf", secrets.token_urlsafe(24)))


def check_csrf() -> None:
    """Refuse a form that this session was not given, with 400."""
    if request.method == "POST":
        sent, expected = request.form.get("csrf", ""), str(session.get("csrf", ""))
        if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
            abort(400)


def _slug(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.casefold()).strip("-_")
