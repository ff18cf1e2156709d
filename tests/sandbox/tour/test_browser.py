"""A browser without a screen, on real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from sandbox.tour.browser import Browser, Left, choose
from sandbox.tour.forms import Page
from sandbox.tour.steps import Unexpected


class _Pages(BaseHTTPRequestHandler):
    """`/form` asks for a card, `/pay` sends to the site or declines, `/portal` confirms on a page of its own."""

    def do_GET(self) -> None:
        pages = {
            "/form": '<form method="post" action="/pay"><input type="hidden" name="t" value="7">'
            '<input name="card"><button name="act" value="pay">Subscribe</button></form>',
            "/done": f"<p>Cookie: {self.headers.get('Cookie')}</p>",
        }
        self._answer(200 if self.path in pages else 404, pages.get(self.path, "<p>no such page</p>"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        if sent.get("card") == "declined":
            self._answer(402, "<p>Your card was declined.</p>")
        elif sent == {"t": "7", "card": "4242", "act": "pay"}:
            self._redirect("http://127.0.0.1:1/welcome?checkout_id=chk_1")
        else:
            self._redirect("/done")

    def _answer(self, status: int, html: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(html.encode())

    def _redirect(self, address: str) -> None:
        self.send_response(303)
        self.send_header("Location", address)
        self.send_header("Set-Cookie", "seen=1")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> Iterator[str]:
    """The address of a few pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_is_sent_with_its_hidden_fields_and_the_button_pressed(pages: str) -> None:
    """The browser stops where the page leaves for another host, and says where that is: nothing need answer there."""
    browser = Browser()
    form, button = choose(browser.open(f"{pages}/form"), "subscribe")
    assert browser.submit(form, button, {"card": "4242"}) == Left("http://127.0.0.1:1/welcome?checkout_id=chk_1")


def test_a_redirect_on_the_same_host_is_followed_with_its_cookies(pages: str) -> None:
    """A page that confirms on another page is read to its end."""
    browser = Browser()
    form, button = choose(browser.open(f"{pages}/form"), "subscribe")
    arrived = browser.submit(form, button, {"card": "other"})
    assert isinstance(arrived, Page)
    assert (arrived.address, arrived.text) == (f"{pages}/done", "Cookie: seen=1")


def test_an_error_page_is_told_in_its_own_words(pages: str) -> None:
    """A declined card is a failure that says what the page said."""
    browser = Browser()
    form, button = choose(browser.open(f"{pages}/form"), "subscribe")
    with pytest.raises(Unexpected, match=r"402: Your card was declined\."):
        browser.submit(form, button, {"card": "declined"})
    with pytest.raises(Unexpected, match="404: no such page"):
        browser.open(f"{pages}/nowhere")


def test_a_missing_button_is_told_with_those_there_are(pages: str) -> None:
    """Whoever changes a page learns which button the tour looked for."""
    with pytest.raises(Unexpected, match=r"no button like 'cancel'.*Subscribe"):
        choose(Browser().open(f"{pages}/form"), "cancel")
