"""Support's console over a large paper: every page that shows something, as an admin's browser asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from statistics import median
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from benchmarks.findings import Finding, Section, at_most
from benchmarks.paper import paper
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop
from benchmarks.town import payer
from service.api.application import build_flask
from service.assembly.console import build_desk
from service.assembly.core import Core, build_core
from service.assembly.web import build_services
from service.console.mount import mount_console
from service.console.routes import PAGES
from service.domain.staff import Role
from service.store import staff

GOAL_MS = 100.0
TIMES = 20
ORIGIN = "https://desk.example.com"
WORST = 8
TAKEN_AWAY = ("export_accounts", "export_reader", "export_numbers")
"""Files, which are no pages."""


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Ask for every page in this process, so that what is measured is the server's own time."""
    address = paper(backdrop, scale.accounts)
    core = build_core(backdrop.parsed_settings(DATABASE_URL=address, CONSOLE_ORIGIN=ORIGIN))
    try:
        taken = _taken(_admin(core), payer(scale.accounts))
    finally:
        core.journal.close()
        core.engine.dispose()
        core.quick_engine.dispose()
    return [_section(scale.accounts, taken)]


def _admin(core: Core) -> FlaskClient:
    """Return the browser of an admin with a fresh session."""
    services = build_services(core)
    app, desk = build_flask(services), build_desk(core, services)
    mount_console(app, desk, app.extensions["newsstand.budget"])
    said = {"email": "ada@example.com", "name": "Ada", "role": Role.ADMIN.word}
    with core.engine.begin() as connection:
        person = staff.welcome(connection, "https://id.example.com", "ada", core.wall_clock(), **said)
        token = desk.sessions.open(connection, int(person.id), replacing=None)
    browser = app.test_client()
    browser.set_cookie(desk.cookies.session, token, domain=urlsplit(ORIGIN).netloc, secure=True)
    return browser


def _taken(browser: FlaskClient, number: str) -> dict[str, list[float]]:
    """Return the milliseconds of each time, by page, once each has been asked for."""
    pages = dict(_addresses(number))
    for name, address in pages.items():
        answer = browser.get(address, base_url=ORIGIN)
        if answer.status_code != HTTPStatus.OK:
            raise ValueError(f"{name} is not shown: {answer.status}")
    return {name: [_once(browser, address) for _ in range(TIMES)] for name, address in pages.items()}


def _addresses(number: str) -> Iterator[tuple[str, str]]:
    """Return each page's name and address, about a reader with a long story; and lists that are narrowed."""
    ids = {"<reader_id>": f"r-{number}", "<event_id>": f"evt_{number}"}
    for page in PAGES:
        steps = [ids.get(each, each) for each in page.path.split("/")]
        unknown = any(each.startswith("<") for each in steps)
        if page.method == "GET" and isinstance(page.role, Role) and page.name not in TAKEN_AWAY and not unknown:
            yield page.name, "/".join(steps)
    yield "accounts, searched and filtered", "/support/accounts?q=r-&status=none&plan=annual"
    yield "audit, of a reader", f"/support/audit?reader_id=r-{number}"
    yield "events, quarantined", "/support/events?status=quarantined"
    yield "timeline, who looked", f"/support/accounts/r-{number}/timeline?kind=look"


def _once(browser: FlaskClient, address: str) -> float:
    began = time.perf_counter()
    browser.get(address, base_url=ORIGIN)
    return (time.perf_counter() - began) * 1000


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[ceil(len(times) * 0.95) - 1]


def _section(accounts: int, taken: Mapping[str, Sequence[float]]) -> Section:
    worst = sorted(taken, key=lambda name: -_p95(taken[name]))[:WORST]
    usual = Finding(
        what="the usual page, median", figure=f"{median(median(each) for each in taken.values()):.0f} ms",
        beside=f"{len(taken)} pages",
    )  # fmt: skip
    slow = [
        at_most(f"“{name}”, p95", _p95(taken[name]), GOAL_MS, f"median {median(taken[name]):.0f} ms", format_=".0f",
                suffix=" ms")
        for name in worst
    ]  # fmt: skip
    return Section(
        title="Support's pages",
        how=(
            f"{accounts:,} accounts with events, audit entries and decisions in PostgreSQL. Every page of the console "
            f"that shows something is asked for {TIMES} times by an admin, about a reader with a long story; the "
            "slowest come first."
        ),
        findings=[*slow, usual],
        bars={name: median(taken[name]) for name in worst},
        unit="ms",
    )
