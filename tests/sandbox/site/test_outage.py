"""With the service and Stripe out of reach, the newspaper is still a newspaper."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from sandbox.site.articles import load_articles

pytestmark = pytest.mark.slow


def token(client: FlaskClient) -> str:
    """Return the token of the sign-in form."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
    assert found is not None
    return found[1]


def test_articles_are_let_in(alone: FlaskClient) -> None:
    """Every article opens, nothing is locked on the front page, and no clock is shown."""
    home = alone.get("/")
    assert home.status_code == 200
    assert "For subscribers" not in home.text
    assert "+30 days" not in home.text
    for each in load_articles().values():
        assert each.paragraphs[-1] in unescape(alone.get(f"/articles/{each.id}").text)


def test_what_needs_the_service_says_so(alone: FlaskClient) -> None:
    """Signing in works; the offer and the account answer 503 with a page for people."""
    signed_in = alone.post("/sign-in", data={"csrf": token(alone), "name": "Ada"})
    assert signed_in.status_code == 303
    for path in ("/subscribe", "/account"):
        answer = alone.get(path)
        assert answer.status_code == 503
        assert "Nothing was bought or changed" in answer.text
        assert "127.0.0.1" not in answer.text.split("<main", 1)[1]


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/checkout", "/account/cancel", "/account/undo", "/clock"])
def test_no_form_is_taken_without_its_token(alone: FlaskClient, path: str) -> None:
    """Neither without a token, nor with another's."""
    token(alone)
    assert alone.post(path, data={"name": "Eve", "step": "day"}).status_code == 400
    assert alone.post(path, data={"name": "Eve", "step": "day", "csrf": "guessed"}).status_code == 400
    assert alone.post(path, data={"name": "Eve", "csrf": "é" * 40}).status_code == 400


@pytest.mark.parametrize(
    ("back", "led"),
    [("//evil.example", "/"), ("https://evil.example/", "/"), ("/\\evil.example", "/"), ("/clock", "/"), ("", "/"),
     ("/account?x", "/"), ("/account\n", "/"), ("/account", "/account"),
     ("/articles/how-we-work", "/articles/how-we-work")],
)  # fmt: skip
def test_no_form_sends_a_reader_elsewhere(alone: FlaskClient, back: str, led: str) -> None:
    """Whatever the clock's form says, and though the clock is stuck, the reader stays on the newspaper."""
    answer = alone.post("/clock", data={"csrf": token(alone), "step": "day", "back": back})
    assert (answer.status_code, answer.headers["Location"]) == (303, led)
    assert "The clock could not be moved" in alone.get("/sign-in").text


@pytest.mark.parametrize("name", ["", "   ", "!?", "x" * 61, "\u200b"])
def test_what_is_no_name_is_said_beside_the_field(alone: FlaskClient, name: str) -> None:
    """422, with the message tied to the field."""
    answer = alone.post("/sign-in", data={"csrf": token(alone), "name": name})
    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="name-error"' in answer.text


def test_a_name_is_text_not_markup(alone: FlaskClient) -> None:
    """A script in a name is shown, not run."""
    alone.post("/sign-in", data={"csrf": token(alone), "name": "<script>alert(1)</script>"})
    home = alone.get("/").text
    assert "<script>alert" not in home
    assert "&lt;script&gt;" in home


@pytest.mark.parametrize("path", ["/nothing", "/articles/nothing", "/articles/../secrets", "/welcome/x"])
def test_an_unknown_page_is_a_page(alone: FlaskClient, path: str) -> None:
    """404, in the newspaper's own clothes."""
    answer = alone.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
