"""A browser without a screen: opens Stripe's hosted pages, fills their forms, follows them until they leave Stripe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from sandbox.tour.forms import Button, Form, Page, read_page
from sandbox.tour.steps import Unexpected

TIMEOUT_SECONDS = 15.0
MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Left:
    """The page sent the browser to another host; the site need not run for us to see where."""

    address: str


class Browser:
    """One reader's browser, with its own cookies."""

    def __init__(self) -> None:
        self._session = direct_session()

    def open(self, address: str) -> Page:
        """Return the page at `address`; raise Unexpected when there is none."""
        arrived = self._go("GET", address)
        if isinstance(arrived, Left):
            raise Unexpected(f"{address} leads away to {arrived.address}")
        return arrived

    def submit(self, form: Form, button: Button, filled: Mapping[str, str]) -> Page | Left:
        """Send the form by `button` with `filled` in place of its own values; raise Unexpected for an error page."""
        sent = form.fields | dict(filled) | ({button.name: button.value} if button.name else {})
        return self._go(form.method.upper(), form.action, sent)

    def _go(self, method: str, address: str, sent: Mapping[str, str] | None = None) -> Page | Left:
        answer = self._request(method, address, sent)
        for _ in range(MOST_REDIRECTS):
            if not answer.is_redirect:
                return _page(answer)
            onwards = urljoin(answer.url, answer.headers["Location"])
            if urlsplit(onwards).netloc != urlsplit(address).netloc:
                return Left(onwards)
            answer = self._request("GET", onwards, None)
        raise Unexpected(f"{address} redirects without end")

    def _request(self, method: str, address: str, sent: Mapping[str, str] | None) -> requests.Response:
        params, data = (sent, None) if method == "GET" else (None, sent)
        return self._session.request(
            method, address, params=params, data=data, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )


def choose(page: Page, label: str) -> tuple[Form, Button]:
    """Return the form and button whose text matches `label` (a regular expression); raise Unexpected without one."""
    for form in page.forms:
        for button in form.buttons:
            if re.search(label, button.text, re.IGNORECASE):
                return form, button
    found = [button.text for form in page.forms for button in form.buttons]
    raise Unexpected(f"no button like {label!r} on {page.address}, only {found}")


def form_with(page: Page, field: str) -> tuple[Form, Button]:
    """Return the form that has `field`, and its first button; raise Unexpected without one."""
    for form in page.forms:
        if field in form.fields and form.buttons:
            return form, form.buttons[0]
    raise Unexpected(f"no form with {field} on {page.address}, which says: {page.text[:200]}")


def direct_session() -> requests.Session:
    """Return a session that goes straight to 127.0.0.1, whatever proxy the machine is set to."""
    session = requests.Session()
    session.trust_env = False
    return session


def _page(answer: requests.Response) -> Page:
    page = read_page(answer.url, answer.text)
    if answer.status_code >= 400:
        raise Unexpected(f"{answer.request.method} {answer.url} answered {answer.status_code}: {page.text[:200]}")
    return page
