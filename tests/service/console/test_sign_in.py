"""Signing in through a real OpenID Connect provider over HTTP, and everything that must not be believed of one."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey

from sandbox.identity.people import GROUPS
from sandbox.identity.server import IdentityProvider
from sandbox.identity.twists import Twist
from sandbox.newsroom import ROOT
from sandbox.processes import Child, free_port
from service.console.oidc import Provider, ProviderConfig
from service.domain.staff import safe_return
from service.settings import Settings
from service.store.audit import AuditQuery
from service.store.staff_tables import staff_sign_ins

pytestmark = pytest.mark.slow

ORIGIN = "https://desk.example.com"
SESSION, BROWSER = "__Host-newsstand-staff", "__Host-newsstand-sign-in"
CANARY = "s3cret-canary-oidc"
BACK = f"{ORIGIN}/support/sign-in/back"


@pytest.fixture(scope="module")
def key() -> RSAKey:
    """The provider's key, made once: that takes longer than a sign-in."""
    return RSAKey.generate_key(2048, {"kid": "module"})


@pytest.fixture
def provider(key: RSAKey) -> Iterator[IdentityProvider]:
    """A provider process's server, listening on a free port."""
    with IdentityProvider(client_id="console", client_secret=CANARY, redirect_uri=BACK, key=key) as running:
        yield running


@pytest.fixture
def roles() -> Any:
    """The allow-list, as the setting is written."""
    parse = Settings.__dataclass_fields__["oidc_groups"].metadata["parse"]
    return parse(GROUPS)


def client_of(issuer: str, roles: Any, secret: str = CANARY) -> Provider:
    return Provider(
        ProviderConfig(
            issuer=issuer, client_id="console", client_secret=secret, redirect_uri=BACK, groups_claim="groups",
            roles=roles,
        )
    )  # fmt: skip


@pytest.fixture
def desk(build_console: Callable[..., Any], provider: IdentityProvider, roles: Any) -> Any:
    """A console whose provider runs; its clock is the machine's, as the provider's is."""
    console = build_console(client_of(provider.issuer, roles))
    console.clock.instant = datetime.fromtimestamp(int(time.time()), UTC)
    return console


def leave(browser: Any, after: str = "") -> str:
    """Begin; return the provider's address that the browser is sent to."""
    answer = browser.get(f"/support/sign-in/start{after}")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def choose(address: str, person: str) -> str:
    """Be somebody at the provider; return where it sends the browser back to."""
    assert requests.get(address, timeout=5).status_code == 200
    answer = requests.post(address, data={"person": person}, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def come_back(browser: Any, address: str) -> Any:
    return browser.get(address.removeprefix(ORIGIN))


def sign_in(browser: Any, person: str = "ada", after: str = "") -> Any:
    return come_back(browser, choose(leave(browser, after), person))


@pytest.mark.parametrize(("person", "role"), [("ada", "admin"), ("leo", "lead"), ("ana", "agent"), ("vic", "viewer")])
def test_somebody_with_a_listed_group_is_let_in_with_its_role(desk: Any, person: str, role: str) -> None:
    """The whole way over HTTP: there, back, a code for a token, a session; and it is on record."""
    browser = desk.browser()
    answer = sign_in(browser, person, "?next=/support/sessions")
    assert (answer.status_code, answer.location) == (303, "/support/sessions")
    assert f"{person.title()} {role.title()}, {role}" in browser.get("/support").text
    assert browser.cookie(BROWSER) is None
    assert desk.acts()[-1][1] == "staff.sign_in"


@pytest.fixture
def provider_process(tmp_path: Path) -> Iterator[str]:
    """The provider as a process of its own, as `make run` starts it; its issuer."""
    command = [sys.executable, "-m", "sandbox.identity", "--port", str(free_port()), "--client-id", "console",
               "--client-secret", CANARY, "--redirect-uri", BACK]  # fmt: skip
    child = Child("identity", command, log=tmp_path / "identity.log", cwd=ROOT)
    child.wait_until(lambda: child.last_line().startswith("sign-in provider: "), timeout_seconds=60)
    yield child.last_line().removeprefix("sign-in provider: ")
    child.stop()
    assert child.process.returncode == 0


def test_signing_in_works_with_a_provider_process(
    build_console: Callable[..., Any], provider_process: str, roles: Any
) -> None:
    """Over HTTP alone, with PKCE, nonce and group; a code is worth nothing without what only we know of its sign-in."""
    console = build_console(client_of(provider_process, roles))
    console.clock.instant = datetime.fromtimestamp(int(time.time()), UTC)
    browser, thief = console.browser(), console.browser()
    assert sign_in(browser, "leo", "?next=/support/inbox").location == "/support/inbox"
    assert "Leo Lead, lead" in browser.get("/support").text
    assert sign_in(console.browser(), "otto").status_code == 403
    code = parse_qs(urlsplit(choose(leave(browser), "ada")).query)["code"][0]
    state = parse_qs(urlsplit(leave(thief)).query)["state"][0]
    stolen = come_back(thief, f"/support/sign-in/back?code={code}&state={state}")
    assert (stolen.status_code, thief.cookie(SESSION)) == (400, None)


def test_what_is_asked_of_the_provider_binds_its_answer(desk: Any, provider: IdentityProvider) -> None:
    """A code, with PKCE by S256, a nonce and a state; none of them twice, none of them guessable."""
    first, second = (parse_qs(urlsplit(leave(desk.browser())).query) for _ in range(2))
    assert (first["response_type"], first["code_challenge_method"]) == (["code"], ["S256"])
    assert first["redirect_uri"] == [BACK]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]
    with desk.engine.connect() as connection:
        rows = connection.execute(staff_sign_ins.select()).all()
    challenges = {urlsafe_b64encode(hashlib.sha256(row.code_verifier.encode()).digest()).decode().rstrip("=")
                  for row in rows}  # fmt: skip
    assert first["code_challenge"][0] in challenges


def test_a_group_that_is_not_listed_opens_nothing(desk: Any) -> None:
    """Known to the provider, told in words, on record without who it was; no session, no member of staff."""
    browser = desk.browser()
    answer = sign_in(browser, "otto")
    assert (answer.status_code, "You are not on the desk" in answer.text) == (403, True)
    assert browser.cookie(SESSION) is None
    assert desk.acts() == [("service", "staff.sign_in_refused")]


@pytest.mark.parametrize(
    "twist",
    [
        Twist(claims={"nonce": "another"}),
        Twist(claims={"nonce": None}),
        Twist(claims={"iss": "https://evil.example"}),
        Twist(claims={"iss": None}),
        Twist(claims={"aud": "another-client"}),
        Twist(claims={"aud": None}),
        Twist(claims={"aud": ["console", "another"], "azp": "another"}),
        Twist(claims={"exp": int(time.time()) - 120}),
        Twist(claims={"exp": None}),
        Twist(claims={"iat": int(time.time()) + 3600}),
        Twist(claims={"sub": None}),
        Twist(signed="none"),
        Twist(signed="secret"),
        Twist(signed="stranger"),
    ],
    ids=lambda each: f"{each.signed} {list(each.claims)} {[type(value).__name__ for value in each.claims.values()]}",
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(
    desk: Any, provider: IdentityProvider, twist: Twist
) -> None:
    """Wrong or missing nonce, issuer, audience, time; unsigned, signed with our own secret, or by a stranger."""
    provider.twist = twist
    browser = desk.browser()
    answer = sign_in(browser)
    assert (answer.status_code, "Sign-in did not work" in answer.text) == (400, True)
    assert browser.cookie(SESSION) is None
    assert desk.acts() == []
    assert sign_in(browser).status_code == 303  # the same way with a token as it should be


def test_an_answer_with_another_state_opens_nothing(desk: Any) -> None:
    """Wrong, missing, or that of another browser's sign-in; and each sign-in is good for one answer."""
    browser, other = desk.browser(), desk.browser()
    theirs = choose(leave(other), "ada")
    for change in (lambda at: re.sub("state=[^&]*", "state=x", at), lambda at: re.sub("&?state=[^&]*", "", at),
                   lambda _: theirs):  # fmt: skip
        back = choose(leave(browser), "ada")
        assert come_back(browser, change(back)).status_code == 400
        assert come_back(browser, back).status_code == 400, "used up by the wrong answer"
    assert browser.cookie(SESSION) is None
    assert come_back(other, theirs).status_code == 303


def test_another_browser_cannot_finish_a_sign_in(desk: Any) -> None:
    """The address that leads back, sent to somebody else, signs nobody in: not the sender, not the victim."""
    attacker, victim = desk.browser(), desk.browser()
    back = choose(leave(attacker), "vic")
    assert come_back(victim, back).status_code == 400
    leave(victim)
    assert come_back(victim, back).status_code == 400
    assert victim.cookie(SESSION) is None


def test_a_sign_in_is_finished_within_ten_minutes(desk: Any) -> None:
    """Later the browser begins again."""
    browser = desk.browser()
    back = choose(leave(browser), "ada")
    desk.clock.advance(minutes=10)
    assert come_back(browser, back).status_code == 400


def test_a_code_is_good_once(desk: Any) -> None:
    """A second exchange is refused by the provider, and told in words."""
    browser = desk.browser()
    back = choose(leave(browser), "ada")
    assert come_back(browser, back).status_code == 303
    used = parse_qs(urlsplit(back).query)["code"][0]
    state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
    assert come_back(browser, f"/support/sign-in/back?code={used}&state={state}").status_code == 400


@pytest.mark.parametrize(
    "said", ["error=access_denied", "error=server_error", "code=", "iss=https://evil.example&code=x"]
)
def test_a_refusal_of_the_provider_is_told(desk: Any, said: str) -> None:
    """Nothing that it said is shown."""
    browser = desk.browser()
    state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
    answer = come_back(browser, f"/support/sign-in/back?state={state}&{said}&error_description=<script>")
    assert (answer.status_code, "script>" in answer.text.replace("</script>", "").split("<main")[1]) == (400, False)


def test_a_wrong_client_secret_is_told_and_kept_from_people(
    build_console: Callable[..., Any], provider: IdentityProvider, roles: Any
) -> None:
    """A slip in the settings is a page, not a crash."""
    console = build_console(client_of(provider.issuer, roles, "wrong-secret"))
    answer = sign_in(console.browser())
    assert (answer.status_code, "wrong-secret" in answer.text) == (400, False)


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_provider_that_is_away_is_told_in_words(build_console: Callable[..., Any], roles: Any, when: str) -> None:
    """Before somebody leaves for it, and while their code is exchanged; with what to do meanwhile."""
    provider = IdentityProvider(client_id="console", client_secret=CANARY, redirect_uri=BACK)
    provider.start()
    console = build_console(client_of(provider.issuer, roles))
    browser = console.browser()
    if when == "before":
        provider.stop()
        answer = browser.get("/support/sign-in/start")
    else:
        back = choose(leave(browser), "ada")
        provider.stop()
        answer = come_back(browser, back)
    assert (answer.status_code, "does not answer" in answer.text, "break-glass" in answer.text) == (503, True, True)


def test_a_new_key_of_the_provider_is_found(desk: Any, provider: IdentityProvider) -> None:
    """Providers change keys without asking; the first sign-in after that works."""
    assert sign_in(desk.browser()).status_code == 303
    provider.new_key()
    assert sign_in(desk.browser()).status_code == 303


def test_a_session_never_begins_under_a_name_that_was_known_before(desk: Any) -> None:
    """Fixation: a cookie planted, or of an earlier session, is replaced at sign-in, and the earlier session ends."""
    browser = desk.browser()
    browser.carry(SESSION, "planted-by-somebody-else")
    sign_in(browser)
    first = browser.cookie(SESSION)
    assert first != "planted-by-somebody-else"
    sign_in(browser)
    second = browser.cookie(SESSION)
    assert second != first
    assert desk.desk.sessions.find(first) is None
    assert desk.desk.sessions.find("planted-by-somebody-else") is None
    assert desk.desk.sessions.find(second) is not None


def test_somebody_shut_out_stays_out(desk: Any) -> None:
    """The provider still vouches for them; the console does not let them in, and says who can change that."""
    from service.store import staff

    browser = desk.browser()
    sign_in(browser, "ana")
    person = desk.desk.sessions.find(browser.cookie(SESSION))
    with desk.engine.begin() as connection:
        staff.revoke(connection, person.staff_id, desk.clock())
    assert browser.get("/support").status_code == 303
    answer = sign_in(browser, "ana")
    assert (answer.status_code, "shut out" in answer.text) == (403, True)


def test_who_has_no_group_any_more_loses_the_sessions_they_still_had(desk: Any, provider: IdentityProvider) -> None:
    """The provider says so at their next sign-in, in whichever browser; nobody else's session ends with theirs."""
    here, elsewhere, other = desk.browser(), desk.browser(), desk.browser()
    sign_in(here, "ana")
    sign_in(other, "vic")
    provider.twist = Twist(claims={"groups": ["readers"]})
    assert sign_in(elsewhere, "ana").status_code == 403
    assert here.get("/support").status_code == 303
    assert other.get("/support").status_code == 200
    (entry,) = desk.desk.services.audit.page(AuditQuery(act="staff.sign_in_refused")).rows
    assert entry["detail"] == {"why": "no_group", "sessions_ended": 1}


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "/support//evil.example/..", "/support/../x",
        "/elsewhere", "/supporting", "javascript:alert(1)", "/support\r\nX: y", "/support@evil.example", "",
        "/support/sign-in", "/support/é", "https:/support",
    ],
)  # fmt: skip
def test_signing_in_leads_to_our_own_pages_alone(asked: str) -> None:
    """However an address elsewhere is spelled, one ends up at the desk."""
    assert safe_return(asked) == "/support"


def test_signing_in_leads_back_to_where_one_was() -> None:
    """With the search that was in the address."""
    for asked in ("/support", "/support/accounts/r-81", "/support/accounts?q=ada%40example.com&status=active"):
        assert safe_return(asked) == asked


def test_nothing_secret_or_personal_is_logged(desk: Any, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    """Not the client's secret, a code, a cookie or a token, nobody's address or name; refused or let in."""
    from service.logs import configure_logs, request_log

    configure_logs("debug")
    browser = desk.browser()
    back = choose(leave(browser), "ada")
    come_back(browser, back)
    browser.get("/support?q=ada@daily.example")
    sign_in(desk.browser(), "otto")
    request_log.flush()
    logged = capsys.readouterr().out + caplog.text
    assert '"event": "request"' in logged
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (CANARY, code, browser.cookie(SESSION), "daily.example", "Ada Admin", "Otto"):
        assert secret not in logged
