"""In a real Chromium (`make test-browser`): the whole walk, also by keyboard, and axe has no objection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.tour.trip import fresh_card

pytestmark = pytest.mark.browser

FIRST, SECOND, THIRD = "night-trains-are-full-again", "a-harvest-below-sea-level", "the-library-that-follows-the-tide"


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Any, newsroom: Any) -> Iterator[Any]:
    """A page of a browser that never came before; it may speak to nobody but the newspaper and Stripe's pages."""
    width, height = {"desktop": (1280, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(base_url=newsroom.at.site_url, viewport={"width": width, "height": height})
    opened = context.new_page()
    complaints: list[str] = []
    asked: set[str] = set()
    opened.on("request", lambda each: asked.add(urlsplit(each.url).netloc))
    opened.on("console", lambda each: complaints.append(each.text) if "Content Security" in each.text else None)
    opened.on("pageerror", lambda each: complaints.append(str(each)))
    yield opened
    context.close()
    assert asked <= {urlsplit(each).netloc for each in (newsroom.at.site_url, newsroom.at.stripe_url)}
    assert complaints == []


def pay(page: Any) -> None:
    """Fill in Stripe's page."""
    for name, value in fresh_card().items():
        page.fill(f"[name={name}]", value)
    page.get_by_role("button", name="Start trial").click()
    page.wait_for_url("**/welcome?**")


def says(page: Any, words: str) -> None:
    """Wait until the page's main part says so; Playwright gives up after half a minute."""
    page.locator("main").get_by_text(words).first.wait_for()


def test_article_wall_checkout_access_cancel_and_wall(page: Any, name: str) -> None:
    """The whole walk, each step by what a reader sees: a label, a button, a sentence."""
    page.goto("/")
    page.get_by_role("link", name="Night trains").click()
    says(page, "You wake, and nothing moves")
    page.goto(f"/articles/{SECOND}")
    wall = page.get_by_role("region", name="You've reached your limit of one free article.")
    assert wall.get_by_role("listitem").count() == 5 + 2
    assert "tastes of the sea" not in page.content()

    page.get_by_role("button", name="Start 30 days free").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Log in and continue").click()
    says(page, "Nothing today ($0.00)")
    page.get_by_role("link", name="Continue to payment").click()
    pay(page)
    says(page, "Your free trial runs until")
    page.get_by_role("link", name="A harvest below sea level").click()
    says(page, "tastes of the sea")

    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Cancel subscription").click()
    says(page, "You have cancelled: you can read everything until")
    page.goto(f"/articles/{SECOND}")
    says(page, "tastes of the sea")

    page.get_by_role("button", name="+30 days").click()
    page.get_by_role("status").get_by_text("your subscription ended").wait_for()
    page.goto(f"/articles/{SECOND}")  # in a new month, the free one
    page.goto(f"/articles/{THIRD}")
    assert "because of an otter" not in page.content()
    page.get_by_role("region", name="reached your limit").get_by_text("$2.90 per month").wait_for()
    assert "days free" not in page.content()


def test_axe_objects_to_nothing(page: Any, violations: Any, name: str) -> None:
    """0 violations on every kind of page, in either colour scheme, and nothing wider than the screen."""

    def check(where: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert (where, scheme, violations(page)) == (where, scheme, [])
        fits = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert (where, fits) == (where, True)

    page.goto("/")
    check("home")
    page.goto(f"/articles/{FIRST}")
    check("article")
    page.goto(f"/articles/{SECOND}")
    check("wall")
    page.goto("/subscribe")
    check("offer")
    page.get_by_role("button", name="Start 30 days free").click()
    page.get_by_label("Your name").wait_for()
    check("sign in")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    check("terms")
    page.get_by_role("link", name="Continue to payment").click()
    pay(page)
    check("welcome")
    page.goto("/account")
    check("account")
    page.get_by_role("button", name="Cancel subscription").click()
    says(page, "You have cancelled")
    check("cancelled")
    page.goto("/nothing")
    check("no such page")


def test_axe_would_object(page: Any, violations: Any) -> None:
    """A wall whose button has lost its words is found out."""
    page.goto("/subscribe")
    page.evaluate("document.querySelector('.plan .button').textContent = ''")
    assert any(each.startswith("button-name") for each in violations(page))


def test_the_wall_needs_no_mouse(page: Any, name: str) -> None:
    """Tab reaches each plan in order, the focus is seen, Enter chooses, and the name field takes the name."""
    page.goto(f"/articles/{FIRST}")
    page.goto(f"/articles/{SECOND}")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if reached[-1] == "Start 30 days free":
            break
    assert reached[0] == "Skip to content"
    assert reached[-1] == "Start 30 days free"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Subscribe"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Log in"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_label("Your name").focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    says(page, "Due today")


def test_a_screen_reader_hears_what_a_plan_costs(page: Any) -> None:
    """Each plan's button is described by its plan and terms, not by the words Subscribe alone."""
    page.goto("/subscribe")
    heard = page.evaluate(
        "[...document.querySelectorAll('.plan .button')].map(each => each.getAttribute('aria-describedby').split(' ')"
        ".map(id => document.getElementById(id).textContent).join(': '))"
    )
    assert heard == ["Free trial: 30 days free, then $2.90 per month", "Annual Access: $19.90 per year"]


def test_nothing_is_remembered_by_going_back(page: Any, name: str) -> None:
    """After logging out, Back does not bring up the subscriber's copy of an article from the browser's memory."""
    page.goto("/sign-in")
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    page.goto("/subscribe")
    page.get_by_role("button", name="Start 30 days free").click()
    page.get_by_role("link", name="Continue to payment").click()
    pay(page)
    page.goto("/articles/the-treaty-nobody-signed")
    says(page, "forty-one pages")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Log in").wait_for()
    page.go_back(wait_until="load")
    assert "forty-one pages" not in page.content()
