"""docs/integration.md is true: every request in it is made, in order, to a running newsroom."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.newsroom import ROOT, STRIPE_KEY
from sandbox.processes import free_port
from sandbox.standin.server import StandIn
from sandbox.tour.browser import Browser, Left, form_with
from sandbox.tour.trip import fresh_card
from service.store.api_keys import Scope
from webhooks.concern import UNCONCERNED

GUIDE = "docs/integration.md"


class Walk:
    """One walk through the guide by readers nobody has seen before."""

    def __init__(self, room: Any, standin: StandIn, curl: Any, differing: Any) -> None:
        self._room, self._curl, self._differing = room, curl, differing
        self._fresh = secrets.token_hex(4)
        self._known = {"STRIPE_SECRET_KEY": STRIPE_KEY, "CHECKOUT_ID": "", "TOKEN": ""}
        self._addresses = {
            "http://127.0.0.1:8000": room.at.service_url, "http://127.0.0.1:8001": room.at.site_url,
            "https://api.stripe.com": standin.base_url,
        }  # fmt: skip
        self._checkout_url = ""
        self.answer: requests.Response | None = None

    def here(self, text: str) -> str:
        """Return a command with this newsroom's addresses, these readers' ids and what is known by now filled in."""
        for written, real in self._addresses.items():
            text = text.replace(written, real)
        for name, value in self._known.items():
            text = text.replace(f"${name}", value)
        text = text.replace("form-7f3a", f"form-{self._fresh}").replace("reader@", f"reader-{self._fresh}@")
        return re.sub(r"\b(r-81|v-\d)\b", rf"\1-{self._fresh}", text)

    def request(self, line: str) -> None:
        """Make the request; the answer is kept for the JSON that is printed next."""
        self.answer = self._curl(self.here(line)).send()
        assert self.answer.status_code < 400, self.answer.text
        if self.answer.url.startswith(self._room.at.service_url):
            assert self.answer.headers["Cache-Control"] == "no-store"
        value = self.answer.json() if self.answer.content else {}
        if "token" in value:
            self._known["TOKEN"] = value["token"]
        if str(value.get("id", "")).startswith("chk_"):
            self._known["CHECKOUT_ID"], self._checkout_url = value["id"], value["url"]

    def compare(self, printed: str) -> None:
        assert self.answer is not None
        assert self._differing(json.loads(self.here(printed)), self.answer.json()) == []

    def pay(self) -> None:
        """Be the reader on Stripe's page."""
        browser = Browser()
        form, button = form_with(browser.open(self._checkout_url), "card_number")
        arrived = browser.submit(
            form, button, {name: text for name, text in fresh_card().items() if name in form.fields}
        )
        assert isinstance(arrived, Left)
        assert f"checkout_id={self._known['CHECKOUT_ID']}" in arrived.address


@pytest.fixture
def walk(newsroom: Any, standin: StandIn, curl: Any, differing: Any) -> Walk:
    return Walk(newsroom, standin, curl, differing)


@pytest.mark.xdist_group("newsroom")
def test_every_request_is_answered_as_printed(walk: Walk, blocks: Callable[[str], list[Any]]) -> None:
    """From the first free article to the portal, and the webhook endpoint at Stripe."""
    tried = 0
    for block in blocks(GUIDE):
        try:
            if block.language == "sh":
                walk.request(block.text.replace("\\\n", " "))
                tried += 1
            elif block.language == "json":
                walk.compare(block.text)
            elif block.language == "run":
                assert block.text == "pay"
                walk.pay()
        except AssertionError as fault:
            raise AssertionError(f"{GUIDE}:{block.line}: {fault}") from fault
    assert tried > 12


@pytest.mark.xdist_group("newsroom")
def test_the_first_request_of_the_readme_is_answered_as_printed(walk: Walk, blocks: Callable[[str], list[Any]]) -> None:
    """What a newcomer tries first."""
    found = blocks("README.md")
    (at,) = [index for index, block in enumerate(found) if block.text.startswith("curl")]
    walk.request(found[at].text.replace("\\\n", " "))
    walk.compare(found[at + 1].text)


@pytest.mark.xdist_group("newsroom")
def test_the_python_is_answered_and_falls_back(walk: Walk, blocks: Callable[[str], list[Any]]) -> None:
    """The snippet works as it stands; with nobody at the address the article is rendered."""
    (snippet,) = [block.text for block in blocks(GUIDE) if block.language == "python"]
    # The deadline is the document's; a busy test machine gets more.
    slower = walk.here(snippet).replace('on_outage="allow"', 'on_outage="allow", decision_seconds=20')
    assert _decision(slower).reason == "metered"
    assert "decision_seconds=20" in slower
    away = snippet.replace(":8000", f":{free_port()}")
    assert (_decision(away).granted, _decision(away).reason) == (True, "outage")


def _decision(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(code, GUIDE, "exec"), names)  # noqa: S102 - our own document
    return names["decision"]


def test_the_cookie_is_safe_and_lasts(blocks: Callable[[str], list[Any]]) -> None:
    """HttpOnly, Secure, Lax, for the whole site, no longer than the 400 days browsers allow; and not cached."""
    (headers,) = [block.text for block in blocks(GUIDE) if block.language == "http"]
    given = dict(line.split(": ", 1) for line in headers.splitlines())
    ((name, cookie),) = SimpleCookie(given["Set-Cookie"]).items()
    assert name == "visitor"
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert int(cookie["max-age"]) == 400 * 86400
    assert given["Cache-Control"] == "private, no-store"


def test_the_markup_is_sound(blocks: Callable[[str], list[Any]]) -> None:
    """JSON-LD that parses, whose class selector finds the element that is shown."""
    (html,) = [block.text for block in blocks(GUIDE) if block.language == "html"]
    data = json.loads(html.partition('ld+json">')[2].partition("</script>")[0])
    assert data["isAccessibleForFree"] is False is data["hasPart"]["isAccessibleForFree"]
    assert data["hasPart"]["cssSelector"].startswith(".")
    assert f'class="{data["hasPart"]["cssSelector"][1:]}"' in html


def test_the_webhook_endpoint_is_the_codes(blocks: Callable[[str], list[Any]], curl: Any) -> None:
    """The API version is the SDK's own, the path is ours, and no listed event is one that we would ignore."""
    (line,) = [block.text for block in blocks(GUIDE) if block.language == "sh" and "webhook_endpoints" in block.text]
    fields = [part.partition("=") for part in curl(line.replace("\\\n", " ")).body.split("&")]
    assert ("api_version", "=", stripe.api_version) in fields
    assert any(name == "url" and value.endswith("/webhooks/stripe") for name, _, value in fields)
    listed = [value for name, _, value in fields if name == "enabled_events[]"]
    assert len(listed) == len(set(listed)) > 15
    assert not [each for each in listed if each.startswith(UNCONCERNED)]


def test_its_words_are_the_codes() -> None:
    """The scopes and the commands that it names exist."""
    text = (ROOT / GUIDE).read_text()
    assert set(re.findall(r"--scope ([\w:]+)", text)) <= {scope.value for scope in Scope}
    newsstand = Path(sys.executable).with_name("newsstand")
    for command in re.findall(r"`newsstand ([a-z ]+?)[`\"]", text):
        words = [newsstand, *command.split(), "--help"]
        assert subprocess.run(words, check=False, capture_output=True, timeout=60).returncode == 0, command
