"""In a real Chromium (`make test-browser`): the desk as staff work at it, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import delete, insert
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from sandbox.seed.at_stripe import Bank
from sandbox.tour.api import Api
from sandbox.tour.stripe_account import StripeAccount
from sandbox.tour.trip import Reader, Trip
from service.console.frame import Page
from service.console.routes import PAGES
from service.domain.staff import Role
from service.store.database import make_engine
from webhooks.tables import events

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
NOT_SHOWN = {"export_accounts", "export_numbers"}
"""Files to take away."""
MOST_OF_A_PAGE = 8
"""From how many addresses of one page links are followed."""


class Desk:
    """The console in browsers of its own. They may speak to nobody but the console and the sign-in provider."""

    def __init__(self, browser: Any, room: Any) -> None:
        self._browser = browser
        self.address = room.at.service_url
        self.neighbour = room.at.site_url
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        self.contexts: list[Any] = []

    def open(self, size: str = "desktop") -> Any:
        """Return a page of a browser that never came before."""
        width, height = SIZES[size]
        context = self._browser.new_context(base_url=self.address, viewport={"width": width, "height": height})
        self.contexts.append(context)
        page = context.new_page()
        page.on("request", lambda each: self.asked.add(urlsplit(each.url).netloc))
        page.on("console", lambda each: self.complaints.append(each.text) if "Content Security" in each.text else None)
        page.on("pageerror", lambda each: self.complaints.append(str(each)))
        return page

    def signed_in(self, person: str, path: str = "/support", size: str = "desktop") -> Any:
        """Return a page at `path`, which somebody reached by way of the sign-in provider."""
        page = self.open(size)
        page.goto(path)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("button", name=person).click()
        page.get_by_role("button", name="Sign out").wait_for()
        return page

    def close(self) -> None:
        for each in self.contexts:
            each.close()


@pytest.fixture
def desk(browser: Any, newsroom: Any) -> Iterator[Desk]:
    """The running newsroom's console; no page of it breaks its own policy or asks anybody else for anything."""
    opened = Desk(browser, newsroom)
    yield opened
    opened.close()
    assert opened.complaints == []
    assert opened.asked <= {urlsplit(each).netloc for each in (newsroom.at.service_url, newsroom.at.identity_url)}


def support_of(room: Any) -> Api:
    return Api(room.at.service_url, "support_sandbox")


def bought(room: Any, plan: str) -> Reader:
    """Return a new reader who has bought a plan as readers buy."""
    at = room.at
    account = StripeAccount(at.stripe_url, "sk_test_sandbox")
    account.find_clock()
    trip = Trip(Api(at.service_url, "site_sandbox"), support_of(room), account, site_origin=at.site_url)
    trip.open_checkout(trip.monthly_reader, plan)
    trip.pay(trip.monthly_reader)
    trip.site.get(f"/v1/checkouts/{trip.monthly_reader.checkout_id}")
    return trip.monthly_reader


@pytest.fixture(scope="module")
def reader(newsroom: Any) -> Reader:
    """A reader in their trial, to whom staff have given something besides."""
    found = bought(newsroom, "monthly")
    given = {"until": (business_now(newsroom) + timedelta(days=3)).isoformat(), "reason": "late paper"}
    support_of(newsroom).post(f"/v1/support/accounts/{found.reader_id}/grants", given)
    return found


@pytest.fixture(scope="module")
def payer(newsroom: Any) -> Reader:
    """A reader who has paid for a year."""
    return bought(newsroom, "annual")


@pytest.fixture(scope="module")
def held(newsroom: Any) -> Reader:
    """A reader whose payment the bank disputes."""
    found, support = bought(newsroom, "annual"), support_of(newsroom)
    account = support.get(f"/v1/support/accounts/{found.reader_id}")
    bank = Bank(newsroom.at.stripe_url, "sk_test_sandbox")
    bank.lever("disputes", charge=str(bank.newest_charge(account["customer_id"])))
    support.post(f"/v1/support/accounts/{found.reader_id}/sync", {})
    return found


@pytest.fixture(scope="module")
def cancelled(newsroom: Any) -> Reader:
    """A reader whose subscription is set to end."""
    found = bought(newsroom, "monthly")
    support_of(newsroom).post(f"/v1/support/accounts/{found.reader_id}/cancellation", {"reason": "by letter"})
    return found


@pytest.fixture
def stuck(newsroom: Any) -> Iterator[list[str]]:
    """Events that have failed too often, alike but in what they are about; gone afterwards."""
    token = secrets.token_hex(4)
    ids = [f"evt_stuck_{token}_{number}" for number in range(3)]
    usual = {"type": "charge.updated", "livemode": False, "status": "quarantined", "reason": f"Stuck{token}"}
    engine = make_engine(newsroom.at.database_url)
    with engine.begin() as connection:
        for each in ids:
            body = json.dumps({"id": each, "object": "event", "type": "charge.updated"}).encode()
            connection.execute(insert(events).values(id=each, body=body, **usual))
    yield ids
    with engine.begin() as connection:
        connection.execute(delete(events).where(events.c.id.in_(ids)))
    engine.dispose()


def says(page: Any, words: str) -> None:
    """Wait until the page's main part says so; Playwright gives up after half a minute."""
    page.locator("main").get_by_text(words).first.wait_for()


def test_signing_in_leads_to_the_page_that_was_asked_for(desk: Desk, reader: Reader) -> None:
    """By way of the provider, with the role of one's group; signing out ends it, also for the Back button."""
    page = desk.signed_in("Vic Viewer", f"/support/accounts/{reader.reader_id}")
    says(page, "Trial until")
    assert "Vic Viewer, viewer" in page.locator("header").inner_text()
    page.get_by_role("button", name="Sign out").click()
    says(page, "You are signed out.")
    page.go_back(wait_until="load")
    assert reader.email not in page.content()


def test_somebody_without_a_group_is_told_so(desk: Desk) -> None:
    """In words, and with a way back."""
    page = desk.open()
    page.goto("/support")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Otto Outside").click()
    says(page, "none of its groups has a role here")
    page.get_by_role("link", name="Sign in").wait_for()


def test_a_reader_is_found_without_a_mouse(desk: Desk, reader: Reader) -> None:
    """`/` leads to the search field from anywhere, Enter searches, Tab reaches the account in sight, Enter opens it."""
    page = desk.signed_in("Ana Agent")
    for path in ("/support", "/support/accounts"):
        page.goto(path)
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type(reader.email[:14].upper())
    page.keyboard.press("Enter")
    found = page.get_by_role("link", name=reader.reader_id)
    found.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("document.activeElement.textContent") == reader.reader_id:
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=reader.email).wait_for()
    page.keyboard.press("/")
    page.wait_for_url("**/support/accounts#q")
    assert page.evaluate("document.activeElement.name") == "q"


def test_a_slash_in_a_field_is_a_slash(desk: Desk) -> None:
    """Somebody who is writing goes on writing."""
    page = desk.signed_in("Ada Admin", "/support/keys")
    page.get_by_label("Label").focus()
    page.keyboard.type("a/b")
    assert page.get_by_label("Label").input_value() == "a/b"


def test_an_account_says_where_all_comes_from(desk: Desk, reader: Reader) -> None:
    """Its state in a sentence; each part with its source; each date with the exact instant on hover; and a sync."""
    page = desk.signed_in("Ana Agent", f"/support/accounts/{reader.reader_id}")
    sentence = page.locator(".sentence").inner_text()
    assert re.fullmatch(r"Trial until .+, then \$2\.90 a month; card ending \d{4}\.", sentence)
    for part in page.locator("main section.card[aria-labelledby]").all():
        if part.locator("form").count() == 0:
            assert re.search(r"From (Stripe|our record|the meter)", part.inner_text()), part.inner_text()
    for at in page.locator("main time").all():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", at.get_attribute("title"))
    page.get_by_role("button", name="Sync now with Stripe").click()
    says(page, "Stripe was asked just now")


def test_courtesy_is_given_and_taken_back(desk: Desk, reader: Reader, violations: Callable[[Any], list[str]]) -> None:
    """Each step in words before it is done; pressed twice, done once; what was done is in the timeline."""
    page = desk.signed_in("Ana Agent", f"/support/accounts/{reader.reader_id}")
    page.get_by_role("link", name="Give courtesy access").click()
    page.get_by_label("Until the end of").fill(page.get_by_label("Until the end of").get_attribute("max"))
    page.get_by_label("Reason").fill("two magazines were lost")
    page.get_by_role("button", name="See what it will do").click()
    page.get_by_role("heading", name="What it will do").wait_for()
    says(page, "Reason: two magazines were lost")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    page.get_by_role("button", name="Give access").dblclick()
    says(page, "Courtesy access is given.")
    assert violations(page) == []
    given = page.locator("section[aria-labelledby=grants] tr", has_text="two magazines were lost")
    assert given.count() == 1
    given.get_by_role("link", name="Take grant").click()
    page.get_by_label("Reason").fill("was the neighbour's")
    page.get_by_role("button", name="See what it will do").click()
    page.get_by_role("button", name="End it now").click()
    says(page, "The grant is ended.")
    page.goto(f"/support/accounts/{reader.reader_id}/timeline")
    says(page, "two magazines were lost")


def objections(page: Any, violations: Callable[[Any], list[str]]) -> dict[str, list[str]]:
    """Return what axe objects to, by scheme, and whether the page is wider than the screen."""
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found[scheme] = violations(page)
    fits = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found["width"] = [] if fits else ["wider than the screen"]
    return {where: each for where, each in found.items() if each}


@pytest.mark.parametrize("size", SIZES)
def test_a_payment_is_given_back(
    desk: Desk, newsroom: Any, payer: Reader, violations: Callable[[Any], list[str]], size: str
) -> None:
    """A lead gives a part back from the invoice's own link: told before, given once, and there is less left to give."""
    page = desk.signed_in("Leo Lead", f"/support/accounts/{payer.reader_id}", size=size)
    page.locator("a[href*='/acts/refund?invoice=']").first.click()
    assert page.get_by_label("Invoice").input_value().startswith("in_")
    page.get_by_label("Amount").fill("1.45")
    page.get_by_label("Reason").fill(f"two issues were lost, {size}")
    page.get_by_role("button", name="See what it will do").click()
    says(page, "Refund $1.45 of $19.90")
    says(page, "Access goes on as it is.")
    assert objections(page, violations) == {}
    page.get_by_role("button", name="Give the money back").dblclick()
    says(page, "The money is given back.")
    assert objections(page, violations) == {}
    refunds = support_of(newsroom).get(f"/v1/support/accounts/{payer.reader_id}")["refunds"]
    assert [each["amount"]["amount"] for each in refunds if each["reason"].endswith(size)] == [145]


@pytest.mark.parametrize("size", SIZES)
def test_stuck_events_are_replayed(
    desk: Desk, stuck: list[str], violations: Callable[[Any], list[str]], size: str
) -> None:
    """One from its own page, then all the others alike from the list, each told before and with a reason."""
    page = desk.signed_in("Leo Lead", f"/support/events/{stuck[0]}", size=size)
    says(page, "Nothing of the event itself is applied")
    assert objections(page, violations) == {}
    page.get_by_label("Reason").fill("the key may read charges again")
    page.get_by_role("button", name="Replay this event").click()
    says(page, "It will be tried again within seconds.")
    cause = f"Stuck{stuck[0].split('_')[2]}"
    page.goto(f"/support/events?status=quarantined&cause={cause}")
    page.get_by_role("link", name="Replay all of these").click()
    says(page, "2 events of 2 customers will be tried again.")
    assert objections(page, violations) == {}
    page.get_by_label("Reason").fill("the key may read charges again")
    page.get_by_role("button", name="Replay 2 events").click()
    says(page, "2 events of 2 customers will be tried again")
    page.goto(f"/support/events/replays?status=quarantined&cause={cause}")
    says(page, "Nothing like that is stuck any more.")


def test_a_form_that_is_sent_says_what_is_going_on(
    desk: Desk, reader: Reader, violations: Callable[[Any], list[str]]
) -> None:
    """In words that are read out, its button shut, while the answer is on its way; going back finds it open."""
    page = desk.signed_in("Ana Agent", f"/support/accounts/{reader.reader_id}")
    page.route("**/sync", lambda each: each.fulfill(status=204))  # no answer yet: the browser stays where it is
    button = page.get_by_role("button", name="Sync now with Stripe")
    button.click()
    page.get_by_role("status").get_by_text("Stripe is being asked").wait_for()
    assert button.is_disabled()
    assert objections(page, violations) == {}
    page.unroute("**/sync")
    page.reload()
    button.click()
    says(page, "Stripe was asked just now")
    page.go_back()
    button.wait_for()
    assert button.is_enabled()
    assert page.locator("#busy").inner_text() == ""


ASKED_OF = {
    "reader": (("add-articles", {"articles": "3"}), ("reset-meter", {}), ("change-plan", {"plan": "annual"}),
               ("cancel", {}), ("merge", {"other": "r-nobody"})),
    "held": (("release-hold", {}),),
    "cancelled": (("undo-cancellation", {}),),
}  # fmt: skip
"""Whose acts are confirmed, and what is filled in; the merge is one that is refused."""


@pytest.mark.parametrize("size", SIZES)
def test_axe_objects_to_no_confirmation(
    desk: Desk, request: pytest.FixtureRequest, violations: Callable[[Any], list[str]], size: str
) -> None:
    """Of any act, nor to a refusal in its place, nor to a key that was just made: light, dark, and on a phone."""
    page = desk.signed_in("Ada Admin", size=size)
    found = {}
    for whose, acts in ASKED_OF.items():
        account = f"/support/accounts/{request.getfixturevalue(whose).reader_id}"
        for slug, fill in acts:
            page.goto(account)
            page.locator(f"a[href*='/acts/{slug}']").first.click()
            for name, value in fill.items():
                field = page.locator(f"main [name={name}]").first
                field.select_option(value) if name == "plan" else field.fill(value)
            page.get_by_label("Reason").fill("to be looked at")
            page.get_by_role("button", name="See what it will do").click()
            says(page, "There is nothing here" if slug == "merge" else "What it will do")
            found[slug] = objections(page, violations)
    page.goto("/support/keys")
    page.get_by_label("Label").fill("to be looked at")
    page.get_by_label("decide").check()
    page.get_by_label("Reason, for colleagues", exact=True).fill("to be looked at")
    page.get_by_role("button", name="Make the key").click()
    says(page, "Copy it now")
    found["key"] = objections(page, violations)
    assert {what: each for what, each in found.items() if each} == {}


def test_why_somebody_was_walled_is_explained(
    desk: Desk, newsroom: Any, violations: Callable[[Any], list[str]]
) -> None:
    """From a wall in the timeline of who met it: the decision, the rule, every input, and how it would be now."""
    token = secrets.token_hex(5)
    site = Api(newsroom.at.service_url, "site_sandbox")
    for article in ("night-trains-are-full-again", "a-harvest-below-sea-level"):
        site.post("/v1/decisions", {"visitor_id": f"v-{token}", "article": {"id": article}})
    page = desk.signed_in("Vic Viewer", "/support/why")
    page.get_by_label("Visitor id").fill(f"v-{token}")
    page.get_by_label("Article").fill("a-harvest-below-sea-level")
    page.keyboard.press("Enter")
    page.locator("section[aria-labelledby=now]").get_by_text("Refused").first.wait_for()
    assert violations(page) == []
    give_up_at = time.monotonic() + 30  # the journal is copied each second
    while page.get_by_role("link", name="Why, a-harvest-below-sea-level").count() == 0:
        assert time.monotonic() < give_up_at
        page.goto(f"/support/why?visitor_id=v-{token}&at={quote(business_now(newsroom).isoformat())}")
    page.get_by_role("link", name="Why, a-harvest-below-sea-level").first.click()
    then = page.locator("section[aria-labelledby=then]")
    then.get_by_text("Refused").first.wait_for()
    assert "1 of 1 free articles" in then.inner_text()
    assert page.locator("section[aria-labelledby=inputs] tbody tr").count() > 4
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []


def business_now(room: Any) -> datetime:
    return StripeAccount(room.at.stripe_url, "sk_test_sandbox").find_clock()


def test_a_viewer_is_offered_nothing_to_do(desk: Desk, reader: Reader) -> None:
    """Only what their role may; what an agent may is there for an agent."""
    for person, there in (("Vic Viewer", 0), ("Ana Agent", 1)):
        page = desk.signed_in(person, f"/support/accounts/{reader.reader_id}")
        assert page.get_by_role("link", name="Give courtesy access").count() == there
        assert page.get_by_role("button", name="Sync now with Stripe").count() == there


def test_shutting_somebody_out_works_within_a_minute(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    """Whichever web process answers: measured from the click to the first refusal, and for good."""
    vic, ada = desk.signed_in("Vic Viewer"), desk.signed_in("Ada Admin", "/support/staff")
    card = ada.locator("section.card", has=ada.get_by_role("heading", name="Vic Viewer"))
    form = card.locator("form[action='/support/staff/revoke']")
    form.get_by_label("Reason").fill("left the desk")
    form.get_by_role("button", name="Shut out at once").click()
    shut_at = time.monotonic()
    try:
        card.get_by_role("button", name="Let in again").wait_for()
        while vic.goto("/support") and "sign-in" not in vic.url:
            assert time.monotonic() - shut_at < 60
        record_property("revoked_after_seconds", round(time.monotonic() - shut_at, 2))
        for _ in range(10):
            vic.goto("/support/accounts")
            assert "sign-in" in vic.url
        vic.get_by_role("link", name="Sign in").click()
        vic.get_by_role("button", name="Vic Viewer").click()
        says(vic, "ended your access")
    finally:
        back = card.locator("form[action='/support/staff/restore']")
        back.get_by_label("Reason").fill("came back")
        back.get_by_role("button", name="Let in again").click()
        card.get_by_role("button", name="Shut out at once").wait_for()


def test_a_form_that_was_not_shown_here_is_refused(desk: Desk, reader: Reader) -> None:
    """With another's token, and from another origin of this very machine, whose cookies the browser does send."""
    page = desk.signed_in("Ana Agent", f"/support/accounts/{reader.reader_id}")
    page.evaluate("document.querySelectorAll('main [name=csrf]').forEach(each => { each.value = '0'.repeat(64) })")
    page.get_by_role("button", name="Sync now with Stripe").click()
    says(page, "Nothing was done")
    elsewhere = page.context.new_page()
    form = f'<form method="post" action="{desk.address}/support/sign-out"><button>Win a prize</button></form>'
    elsewhere.route("**/evil", lambda each: each.fulfill(content_type="text/html", body=form))
    elsewhere.goto(f"{desk.neighbour}/evil")
    elsewhere.get_by_role("button").click()
    says(elsewhere, "or comes from another site. Nothing was done.")
    page.goto("/support")
    page.get_by_role("button", name="Sign out").wait_for()


def rules() -> Any:
    return Map([Rule(page.path, endpoint=page) for page in PAGES if page.method == "GET"]).bind("")


def page_at(address: str) -> Page | None:
    """Return the page of the console that an address leads to."""
    try:
        found: Page = rules().match(urlsplit(address).path)[0]
    except HTTPException:
        return None
    return found if found.role in list(Role) and found.name not in NOT_SHOWN else None


def walk(page: Any) -> Iterator[str]:
    """Go wherever links lead, and yield the name of each page once; a filter may show links that others do not."""
    seen: dict[str, set[str]] = {}
    ahead = ["/support"]
    while ahead:
        path = ahead.pop(0)
        found = page_at(path)
        if found is None or path in seen.setdefault(found.name, set()) or len(seen[found.name]) > MOST_OF_A_PAGE:
            continue
        assert page.goto(path).status == 200, path
        if not seen[found.name]:
            yield found.name
        seen[found.name].add(path)
        ahead += page.evaluate("[...document.querySelectorAll('a[href]')].map(each => each.getAttribute('href'))")


@pytest.mark.parametrize("size", SIZES)
def test_axe_objects_to_no_erasure(
    desk: Desk, newsroom: Any, violations: Callable[[Any], list[str]], size: str
) -> None:
    """Neither to what stands in its way, nor to the form, nor to the page after it: light, dark, and on a phone."""
    gone = bought(newsroom, "monthly").reader_id
    page = desk.signed_in("Ada Admin", f"/support/accounts/{gone}/erasure", size=size)
    says(page, "A subscription is running")
    found = {"in the way": objections(page, violations)}
    support_of(newsroom).post(f"/v1/support/accounts/{gone}/cancellation", {"when": "now", "reason": "by letter"})
    page.reload()
    page.get_by_label("Reason; it stays for good").fill("asked by letter")
    page.get_by_label("type the reader id").fill(gone)
    found["ready"] = objections(page, violations)
    page.get_by_role("button", name="Erase this reader for good").click()
    says(page, "The reader is erased")
    says(page, "Now at Stripe")
    found["erased"] = objections(page, violations)
    assert {what: each for what, each in found.items() if each} == {}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("reader", "payer", "held", "cancelled", "stuck")
def test_axe_objects_to_nothing(desk: Desk, violations: Callable[[Any], list[str]], size: str) -> None:
    """0 violations on every page that there is, light and dark, and nothing wider than the screen."""
    page = desk.signed_in("Ada Admin", size=size)
    found = {name: objections(page, violations) for name in walk(page)}
    looked_at = set(found)
    assert {name: each for name, each in found.items() if each} == {}
    shown = {each.name for each in PAGES if each.method == "GET" and each.role in list(Role)}
    assert looked_at == shown - NOT_SHOWN, "a page that no link leads to is found by nobody"


def test_a_day_of_a_long_story_is_found_without_a_mouse(
    desk: Desk, reader: Reader, violations: Callable[[Any], list[str]]
) -> None:
    """`/`, a word, Enter: the moments that have it; of another kind, the word is kept; what is nowhere is said."""
    page = desk.signed_in("Vic Viewer", f"/support/accounts/{reader.reader_id}/timeline")
    page.keyboard.press("/")
    page.keyboard.type("late paper")
    page.keyboard.press("Enter")
    says(page, "Gave courtesy access")
    page.get_by_role("link", name="Walls").click()
    says(page, "There is nothing like that.")
    assert page.get_by_label("Words").input_value() == "late paper"
    assert objections(page, violations) == {}
    page.get_by_role("link", name="Show all again").click()
    assert page.get_by_label("Words").input_value() == ""


def test_axe_objects_to_nothing_where_things_go_wrong(desk: Desk, violations: Callable[[Any], list[str]]) -> None:
    """Signing in, a page that is not there, a search that finds nobody or cannot be."""
    page = desk.open()
    page.goto("/support")
    assert violations(page) == []
    page = desk.signed_in("Vic Viewer")
    for path, words in (
        ("/support/nowhere", "There is nothing here"),
        ("/support/keys", "needs the role admin"),
        ("/support/accounts?q=nobody-of-this-name", "Nobody matches"),
        ("/support/accounts?status=odd", "can’t be searched for"),
    ):
        page.goto(path)
        says(page, words)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert (path, violations(page)) == (path, [])


def test_axe_would_object(desk: Desk, violations: Callable[[Any], list[str]]) -> None:
    """A search field that has lost its label is found out."""
    page = desk.signed_in("Vic Viewer")
    page.evaluate("document.querySelector('label[for=q]').remove()")
    assert any(each.startswith("label") for each in violations(page))
