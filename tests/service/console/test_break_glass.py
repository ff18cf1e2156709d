"""The break-glass account: off unless set up, slow to guess at, off again by itself, and on record throughout."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, text

from service.cli import main
from service.console.break_glass import TRIES
from service.console.cookies import csrf_token
from service.store.staff_tables import staff

SESSION, BROWSER = "__Host-newsstand-staff", "__Host-newsstand-sign-in"


def try_in(browser: Any, password: str) -> Any:
    browser.get("/support/sign-in")
    return browser.post("/support/sign-in", {"password": password}, csrf=csrf_token(browser.cookie(BROWSER)))


def test_without_provider_or_account_the_page_says_what_is_missing(console: Any) -> None:
    """Nobody can sign in, and is told what whoever runs this must do; no password is asked for, or taken."""
    page = console.browser().get("/support/sign-in")
    assert (page.status_code, "OIDC_ISSUER" in page.text, "password" in page.text) == (200, True, False)
    assert try_in(console.browser(), "anything").status_code == 403


def test_set_up_it_lets_in_as_admin_and_warns(console: Any) -> None:
    """With the password printed once; the pages say with which account one is in."""
    password = console.desk.break_glass.set_up(24, actor="command:root")
    browser = console.browser()
    answer = try_in(browser, password)
    assert (answer.status_code, answer.location) == (303, "/support")
    assert "break-glass account" in browser.get("/support/staff").text
    assert [act for _, act in console.acts()[:2]] == ["staff.break_glass_on", "staff.sign_in"]
    with console.engine.connect() as connection:
        kept = connection.scalar(select(staff.c.password_hash))
    assert kept.startswith("$argon2id$")
    assert password not in kept


def test_it_goes_off_by_itself_and_by_command(console: Any) -> None:
    """After its hours, and at once; its sessions end with it."""
    password = console.desk.break_glass.set_up(1, actor="command:root")
    browser = console.browser()
    try_in(browser, password)
    console.clock.advance(minutes=20)
    assert browser.get("/support").status_code == 200
    console.clock.advance(minutes=20)
    assert browser.get("/support").status_code == 200
    console.clock.advance(minutes=20)
    assert browser.get("/support").status_code == 303
    assert try_in(console.browser(), password).status_code == 403
    password = console.desk.break_glass.set_up(1, actor="command:root")
    try_in(browser, password)
    assert console.desk.break_glass.switch_off(actor="command:root")
    assert not console.desk.break_glass.switch_off(actor="command:root")
    assert browser.get("/support").status_code == 303


def test_after_five_wrong_passwords_the_right_one_waits_too(console: Any) -> None:
    """A quarter of an hour, then five more; and nothing in the answer tells a wait from a wrong password."""
    password = console.desk.break_glass.set_up(24, actor="command:root")
    wrong = [try_in(console.browser(), f"wrong-{number}") for number in range(TRIES)]
    waiting = try_in(console.browser(), password)
    told = {answer.text.split("request ")[0] for answer in (*wrong, waiting)}
    assert ({answer.status_code for answer in (*wrong, waiting)}, len(told)) == ({403}, 1)
    console.clock.advance(minutes=14)
    assert try_in(console.browser(), password).status_code == 403
    console.clock.advance(minutes=1)
    assert try_in(console.browser(), "wrong").status_code == 403
    assert try_in(console.browser(), password).status_code == 303


@pytest.mark.parametrize("is_on", [True, False])
def test_guessing_fills_no_log(console: Any, is_on: bool) -> None:
    """The log only ever grows: it takes the five looked at in a quarter of an hour; all others are a number."""
    if is_on:
        console.desk.break_glass.set_up(24, actor="command:root")
    before = refused_sign_ins(console, "break_glass_not_looked_at")
    for quarter in (1, 2):
        for number in range(3 * TRIES):
            assert try_in(console.browser(), f"wrong-{number}").status_code == 403
        refused = [act for _, act in console.acts() if act == "staff.sign_in_refused"]
        assert len(refused) == (quarter * TRIES if is_on else 0)
        console.clock.advance(minutes=15)
    unlooked = 2 * (2 if is_on else 3) * TRIES
    assert refused_sign_ins(console, "break_glass_not_looked_at") - before == unlooked


def refused_sign_ins(console: Any, why: str) -> float:
    """Return how many sign-ins were refused for that, by what operators are shown."""
    shown = console.app.test_client().get("/metrics").text
    found = re.search(rf'newsstand_refused_sign_ins_total{{why="{why}"}} (\S+)', shown)
    return float(found[1]) if found else 0.0


def test_setting_it_up_again_ends_the_wait_and_the_old_password(console: Any) -> None:
    """Whoever has the machine is not locked out by whoever guesses."""
    old = console.desk.break_glass.set_up(24, actor="command:root")
    for number in range(TRIES):
        try_in(console.browser(), f"wrong-{number}")
    new = console.desk.break_glass.set_up(24, actor="command:root")
    assert try_in(console.browser(), old).status_code == 403
    assert try_in(console.browser(), new).status_code == 303


def test_tries_at_once_are_counted_one_by_one(console: Any) -> None:
    """Twenty in parallel are five looks at a password, and then the wait."""
    console.desk.break_glass.set_up(24, actor="command:root")
    looked: list[bool] = []
    verify = console.desk.break_glass._verify
    console.desk.break_glass._verify = lambda *both: looked.append(True) or verify(*both)
    threads = [threading.Thread(target=console.desk.break_glass.check, args=(f"wrong-{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked) == TRIES


@pytest.mark.parametrize("forged", ["", "0" * 64, csrf_token("another")])
def test_signing_somebody_else_in_by_a_form_elsewhere_does_not_work(console: Any, forged: str) -> None:
    """The form is bound to the browser that was shown it."""
    password = console.desk.break_glass.set_up(24, actor="command:root")
    browser = console.browser()
    browser.get("/support/sign-in")
    assert browser.post("/support/sign-in", {"password": password}, csrf=forged).status_code == 403
    assert browser.cookie(SESSION) is None


def test_the_command_prints_a_password_that_works_once_per_set_up(
    console: Any, database_url: str, redis_url: str, engine: Engine
) -> None:
    """`newsstand staff break-glass`, then `--off`; both on record by who ran them."""
    environment = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef", "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example",
    }  # fmt: skip
    made = CliRunner().invoke(main, ["staff", "break-glass", "--hours", "2"], env=environment)
    assert try_in(console.browser(), made.output.strip()).status_code == 303
    off = CliRunner().invoke(main, ["staff", "break-glass", "--off"], env=environment)
    assert off.output == "The break-glass account is off.\n"
    assert try_in(console.browser(), made.output.strip()).status_code == 403
    with engine.connect() as connection:
        actors = connection.scalars(text("select distinct actor from audit where act like 'staff.break%'")).all()
    assert [actor.partition(":")[0] for actor in actors] == ["command"]
