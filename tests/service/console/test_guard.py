"""Every page of the console, as every role and as nobody: a page that says nothing of who may is not served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.console.cookies import csrf_token
from service.console.frame import Anyone, Page
from service.console.headers import POLICY
from service.console.routes import PAGES
from service.domain.staff import Role

GUARDED = [page for page in PAGES if isinstance(page.role, Role)]
SESSION = "__Host-newsstand-staff"


def path_of(page: Page) -> str:
    return page.path.replace("<", "").replace(">", "")


def ask(browser: Any, page: Page) -> Any:
    return browser.get(path_of(page)) if page.method == "GET" else browser.post(path_of(page))


def turned_away(answer: Any, page: Page) -> bool:
    """Tell whether somebody without a session was sent to sign in, nothing shown, nothing done."""
    if page.method == "GET":
        return answer.status_code == 303 and answer.location.startswith("/support/sign-in?next=/support")
    return answer.status_code == 401 and "You are signed out" in answer.text


@pytest.fixture(params=["none", "unknown", "signed_out", "revoked", "shut_out", "idle", "expired"])
def outsider(request: pytest.FixtureRequest, console: Any) -> Any:
    """A browser whose session is not in force, for each reason that there is."""
    if request.param == "none":
        return console.browser()
    browser = console.signed_in(Role.ADMIN)
    end: dict[str, Callable[[], object]] = {
        "unknown": lambda: browser.carry(SESSION, "A" * 43),
        "signed_out": lambda: console.desk.sessions.end(browser.cookie(SESSION)),
        "revoked": lambda: console.desk.sessions.end_one(console.employ(Role.ADMIN), session_number(console, browser)),
        "shut_out": lambda: shut_out(console),
        "idle": lambda: console.clock.advance(minutes=30),
        "expired": lambda: grow_old(console, browser),
    }
    end[request.param]()
    return browser


def session_number(console: Any, browser: Any) -> int:
    return int(console.desk.sessions.find(browser.cookie(SESSION)).session)


def shut_out(console: Any) -> None:
    from service.store import staff

    with console.engine.begin() as connection:
        assert staff.revoke(connection, console.employ(Role.ADMIN), console.clock())


def grow_old(console: Any, browser: Any) -> None:
    """Stay busy for eight hours."""
    for _ in range(8 * 3):
        assert console.desk.sessions.find(browser.cookie(SESSION)) is not None
        console.clock.advance(minutes=20)


def test_without_a_session_in_force_nothing_opens(console: Any, outsider: Any) -> None:
    """Every page, for every way in which a session can be none."""
    for page in GUARDED:
        assert turned_away(ask(outsider, page), page), page.name
    assert not [each for each in console.acts() if each[0].startswith("staff:")]


@pytest.mark.parametrize("role", Role, ids=lambda each: each.word)
def test_a_page_opens_to_its_role_and_those_above(console: Any, role: Role) -> None:
    """Every page against every role: 403 names the role it needs; a form is refused for its fields at most."""
    for page in GUARDED:
        browser = console.signed_in(role)
        answer = ask(browser, page)
        if isinstance(page.role, Role) and role < page.role:
            assert answer.status_code == 403, page.name
            assert f"needs the role {page.role.word}" in answer.text
        else:
            assert answer.status_code not in {401, 403}, page.name
            assert not (answer.status_code == 303 and "next=" in answer.location), page.name


def test_a_head_is_answered_as_its_page_is(console: Any) -> None:
    """Claim: a monitor that asks for no page is told what a browser would be, and a stranger is sent to sign in."""
    stranger = console.browser()
    for path in ("/support/sign-in", "/support"):
        looked = stranger.head(path)
        assert (looked.status_code, looked.get_data()) == (stranger.get(path).status_code, b"")
    assert console.signed_in(min(Role)).head("/support").status_code == 200


def test_every_route_served_is_declared(console: Any) -> None:
    """What begins with /support and is not in the list does not exist; static files are for anyone."""
    served = {
        (method, rule.rule)
        for rule in console.app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and not rule.endpoint.endswith(".static")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == {(page.method, page.path) for page in PAGES}


def test_the_pages_for_anyone_are_these() -> None:
    """Written down here too, so that nobody opens a door by a slip."""
    assert {(page.method, page.path) for page in PAGES if isinstance(page.role, Anyone)} == {
        ("GET", "/support/sign-in"),
        ("POST", "/support/sign-in"),
        ("GET", "/support/sign-in/start"),
        ("GET", "/support/sign-in/back"),
        ("GET", "/support/<path:rest>"),
    }


POSTED = [page for page in GUARDED if page.method == "POST"]


@pytest.mark.parametrize("forged", ["", "0" * 64, "é", "another session's", "no session's"])
def test_a_form_without_its_token_does_nothing(console: Any, forged: str) -> None:
    """Missing, wrong, and that of another session: 403, and not in the audit log as done."""
    browser, other = console.signed_in(Role.ADMIN), console.signed_in(Role.ADMIN, "eve")
    tokens = {
        "another session's": csrf_token(other.cookie(SESSION)),
        "no session's": csrf_token(""),
    }
    for page in POSTED:
        answer = browser.post(path_of(page), csrf=tokens.get(forged, forged))
        assert (answer.status_code, "too old" in answer.text) == (403, True), page.name
    assert console.acts() == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_a_form_from_another_site_does_nothing(console: Any, headers: dict[str, str]) -> None:
    """Whatever it holds."""
    browser = console.signed_in(Role.ADMIN)
    token = csrf_token(browser.cookie(SESSION))
    for page in POSTED:
        answer = browser.client.post(
            path_of(page), base_url="https://desk.example.com", data={"csrf": token}, headers=headers
        )
        assert answer.status_code == 403, page.name


def test_a_form_of_our_own_is_acted_upon(console: Any) -> None:
    """The test before can fail: with the token and the origin of the page it works, and is on record."""
    browser = console.signed_in(Role.VIEWER)
    headers = {"Origin": "https://desk.example.com", "Sec-Fetch-Site": "same-origin"}
    answer = browser.client.post(
        "/support/sign-out", base_url="https://desk.example.com", headers=headers,
        data={"csrf": csrf_token(browser.cookie(SESSION))},
    )  # fmt: skip
    assert (answer.status_code, answer.location) == (303, "/support/sign-in?out=1")
    assert console.acts()[-1][1] == "staff.sign_out"


def test_a_session_lives_as_long_as_it_is_used(console: Any) -> None:
    """Thirty minutes idle end it, to the second; eight hours in any case, however busy."""
    browser = console.signed_in(Role.VIEWER)
    for _ in range(16):
        console.clock.advance(minutes=29, seconds=30)
        assert browser.get("/support").status_code == 200
    console.clock.advance(minutes=8)
    assert browser.get("/support").status_code == 303
    idle = console.signed_in(Role.VIEWER)
    console.clock.advance(minutes=29, seconds=59)
    assert idle.get("/support").status_code == 200
    console.clock.advance(minutes=30)
    assert idle.get("/support").status_code == 303


def test_a_role_taken_away_is_gone_at_the_next_request(console: Any) -> None:
    """The session stays, what it opens does not."""
    from service.store import staff

    browser = console.signed_in(Role.ADMIN)
    assert browser.get("/support/keys").status_code == 200
    with console.engine.begin() as connection:
        staff.limit_role(connection, console.employ(Role.ADMIN), Role.VIEWER)
    assert browser.get("/support/keys").status_code == 403
    assert browser.get("/support").status_code == 200


def test_every_answer_is_hardened(console: Any) -> None:
    """Pages, refusals, redirects and files: nothing inline, nothing from elsewhere, in no frame, kept by no cache."""
    browser = console.signed_in(Role.ADMIN)
    for path in (
        "/support", "/support/keys", "/support/nowhere", "/support/sign-in", "/support/static/console.css",
        "/support/sign-in/start",
    ):  # fmt: skip
        answer = browser.get(path)
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for inline in ("<style", " style=", " onclick", "<script>", "javascript:"):
            assert inline not in answer.text
    assert "unsafe" not in POLICY
    assert browser.get("/support").headers["Cache-Control"] == "no-store"


def test_errors_are_told_in_words(console: Any) -> None:
    """A page that is not there, one field too many characters, a body too large: each says so, and what to do."""
    browser = console.signed_in(Role.ADMIN)
    missing = browser.get("/support/nowhere")
    assert (missing.status_code, "There is nothing here" in missing.text) == (404, True)
    wrong = browser.post("/support/staff/revoke", {"staff": "x", "reason": "left"})
    assert (wrong.status_code, "Nothing was done" in wrong.text) == (422, True)
    huge = browser.post("/support/keys", {"label": "x" * 100_000})
    assert huge.status_code == 413


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_console_that_is_off_says_so(build_console: Callable[..., Any], method: str) -> None:
    """Every page, the sign-in included; nothing else of the service is the worse for it."""
    console = build_console(origin="")
    for page in PAGES:
        if page.method == method.upper():
            answer = console.app.test_client().open(path_of(page), method=page.method)
            assert (answer.status_code, "switched off" in answer.text) == (503, True), page.name
    assert console.app.test_client().get("/health/live").status_code == 200


def test_over_plain_http_cookies_have_no_prefix(build_console: Callable[..., Any]) -> None:
    """The sandbox's exception: browsers refuse `__Host-` and `Secure` there; all else stays."""
    for origin, start in (("http://127.0.0.1:8000", "newsstand-sign-in="), ("https://desk.example.com", "__Host-")):
        answer = build_console(origin=origin).app.test_client().get("/support/sign-in", base_url=origin)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(start)
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) is origin.startswith("https")
        assert "Domain" not in cookie
