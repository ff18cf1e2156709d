"""The newspaper as a Flask application, made from what is passed in."""

from __future__ import annotations

import hashlib
import logging
import secrets
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException

from newsstand_client import Newsstand, NewsstandError
from sandbox.site import browsers
from sandbox.site.account import Account
from sandbox.site.articles import load_articles
from sandbox.site.buying import Buying
from sandbox.site.clock import SandboxClock
from sandbox.site.clock_panel import ClockPanel
from sandbox.site.gifts import Gifts
from sandbox.site.offers import OfferShelf
from sandbox.site.reading import Reading
from sandbox.site.today import EXTENSION, sandbox_now, today
from sandbox.site.told import ZONE, day

NAME = "The International Daily"
STATIC = Path(__file__).with_name("static")
YEAR_SECONDS = 365 * 24 * 3600
_log = logging.getLogger("sandbox.site")
CANNOT = "We cannot do that just now. Nothing was bought or changed; please try again in a moment."


def create_app(newsstand: Newsstand, clock: SandboxClock, *, site_url: str, stripe_url: str) -> Flask:
    """Return the newspaper at `site_url`; its portal forms lead on to `stripe_url`."""
    app = Flask("sandbox.site")
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),  # of this run: a restart signs everybody out, and keeps no secret on disk
        SESSION_COOKIE_NAME=browsers.SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    app.extensions[EXTENSION] = clock
    articles, shelf = load_articles(), OfferShelf(newsstand.offer)
    app.register_blueprint(Reading(articles, newsstand, shelf, site_url).blueprint())
    app.register_blueprint(Gifts(articles, newsstand, site_url).blueprint())
    app.register_blueprint(Buying(articles, newsstand, site_url).blueprint())
    app.register_blueprint(Account(newsstand, site_url).blueprint())
    app.register_blueprint(ClockPanel(clock).blueprint())
    app.add_url_rule("/health", view_func=lambda: Response("up\n", content_type="text/plain"))
    app.before_request(browsers.check_csrf)
    app.after_request(browsers.set_visitor_cookie)
    app.after_request(_guard(stripe_url))
    app.context_processor(_context)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(NewsstandError, _newsstand_error)
    return app


def _guard(stripe_url: str) -> Any:
    """Return what gives every response its headers."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {stripe_url}"  # a form that answers with a redirect to the portal
    )

    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        if request.endpoint == "static":
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        else:  # made for one reader: kept neither by a CDN nor by the browser of whoever comes next
            response.headers["Cache-Control"] = "private, no-store"
            response.vary.add("Cookie")
        return response

    return guard


def _context() -> dict[str, Any]:
    reader = browsers.reader()
    return {
        "newspaper": NAME,
        "reader": reader,
        "csrf": browsers.csrf_token,
        "asset": _asset,
        "day": day,
        "today": today().astimezone(ZONE),
        "clock_runs": sandbox_now() is not None,
        "meanwhile": session.pop("meanwhile", None),
        "back": request.path,
    }


@cache
def _asset(name: str) -> str:
    """Return the address of a static file, which changes with its content: so it may be cached for ever."""
    return url_for("static", filename=name, v=hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10])


def _http_error(error: HTTPException) -> Any:
    code = error.code or 500
    if code < 400:
        return error
    words = {
        400: ("That form is out of date", "Please go back, reload the page and try again."),
        404: ("There is no such page", "It may have moved, or never have been."),
    }
    title, text = words.get(code, ("That did not work", CANNOT))
    return render_template("message.html", title=title, text=text), code


def _newsstand_error(error: NewsstandError) -> Any:
    """Answer for the paywall or Stripe out of reach; reading goes on, for decisions have their fallback."""
    _log.warning("%s %s: %s", request.method, request.endpoint, error)
    return render_template("message.html", title="Please try again", text=CANNOT), 503
