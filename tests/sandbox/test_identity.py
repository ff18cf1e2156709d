"""The sandbox's sign-in provider, as a process beside the service: a person is chosen, and is in the console."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def be(room: Any, person: str) -> requests.Response:
    """Do what somebody's browser does, from the console's first page to whatever the console answers."""
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(f"{room.at.service_url}/support/sign-in", timeout=10)
    assert "Sign in" in page.text
    choice = browser.get(f"{room.at.service_url}/support/sign-in/start?next=/support/sessions", timeout=10)
    assert choice.url.startswith(f"{room.at.identity_url}/authorize?"), choice.text
    return browser.post(choice.url, data={"person": person}, timeout=10)


@pytest.mark.parametrize(("person", "role"), [("ada", "admin"), ("vic", "viewer")])
def test_a_chosen_person_is_in_the_console(newsroom: Any, person: str, role: str) -> None:
    """With the role of their group, on the page that was asked for, under a cookie that plain http can hold."""
    page = be(newsroom, person)
    assert (page.status_code, page.url) == (200, f"{newsroom.at.service_url}/support/sessions")
    assert f", {role}" in page.text


def test_somebody_of_another_desk_is_not(newsroom: Any) -> None:
    """In words."""
    page = be(newsroom, "otto")
    assert (page.status_code, "You are not on the desk" in page.text) == (403, True)


def test_a_request_that_is_none_is_refused(newsroom: Any) -> None:
    """Another address to return to: the provider sends nobody anywhere."""
    asked = {
        "response_type": "code", "client_id": "console", "redirect_uri": "https://evil.example/", "scope": "openid",
        "state": "s", "nonce": "n", "code_challenge": "c" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    answer = requests.get(f"{newsroom.at.identity_url}/authorize", params=asked, allow_redirects=False, timeout=10)
    assert (answer.status_code, "evil" in answer.text) == (400, False)
