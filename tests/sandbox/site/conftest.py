"""A reader's browser without a screen on the running newsroom's newspaper, and a newspaper with nobody behind it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from newsstand_client import Newsstand
from sandbox.processes import free_port
from sandbox.site.app import create_app
from sandbox.site.clock import SandboxClock
from sandbox.tour.browser import Browser, direct_session, form_with
from sandbox.tour.trip import fresh_card


class Visit:
    """One browser on the newspaper at `site`; follows redirects, sends each form with the page's own token."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.session = direct_session()
        self.page: requests.Response | None = None

    def get(self, path: str, **headers: str) -> str:
        """Open a page and return its HTML, unescaped."""
        return self._keep(self.session.get(f"{self.site}{path}", headers=headers, timeout=30))

    def post(self, path: str, **fields: str) -> str:
        """Send a form of the page that is open, follow it, and return the HTML, unescaped."""
        assert self.page is not None, "open a page first: its forms carry the token"
        token = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        assert token is not None
        sent = {"csrf": token[1], **fields}
        return self._keep(self.session.post(f"{self.site}{path}", data=sent, timeout=60))

    def sign_in(self, name: str) -> str:
        """Sign in by name."""
        self.get("/sign-in")
        return self.post("/sign-in", name=name)

    def buy(self, plan: str, article: str = "") -> str:
        """Choose a plan, read the terms, pay at Stripe, and return the page that the reader comes back to."""
        terms = self.post("/checkout", plan=plan, article=article)
        address = re.search(r'href="([^"]+)">Continue to payment', terms)
        assert address is not None, terms[:400]
        stripe = Browser()
        form, button = form_with(stripe.open(address[1]), "card_number")
        back = stripe.submit(form, button, fresh_card())
        return self.get(back.address.removeprefix(self.site))  # type: ignore[union-attr]

    def _keep(self, answer: requests.Response) -> str:
        self.page = answer
        return unescape(answer.text)


@pytest.fixture
def visit(newsroom: Any) -> Visit:
    """A browser that never came before."""
    return Visit(newsroom.at.site_url)


@pytest.fixture
def new_visit(newsroom: Any) -> Callable[[], Visit]:
    """Make more browsers."""
    return lambda: Visit(newsroom.at.site_url)


@pytest.fixture
def name() -> str:
    """The name of a reader nobody has seen before."""
    return f"Reader {secrets.token_hex(5)}"


@pytest.fixture
def alone() -> FlaskClient:
    """The newspaper while neither the service nor Stripe can be reached."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    newsstand = Newsstand(nowhere, "a-key", call_seconds=0.5)
    clock = SandboxClock(nowhere, "sk_test_x", newsstand)
    app = create_app(newsstand, clock, site_url="http://127.0.0.1:1", stripe_url=nowhere)
    app.testing = True
    return app.test_client()
