"""`newsstand events` on the real database: listed, replayed by id or by filter, on record under who ran it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from service.cli import main
from service.clocks import wall_clock
from service.jobs import Dispatcher
from service.store.audit import AuditQuery
from service.support.audit import Audit
from service.support.events import EventState
from webhooks.events import StripeEvent, parse
from webhooks.inbox import Inbox


@pytest.fixture
def run(database_url: str, redis_url: str, engine: Engine) -> Callable[..., Result]:
    """The command line on a database with a customer who fails, one who waits, and an event without effect."""
    inbox = Inbox(engine, livemode=False, wall_clock=wall_clock, queue=Dispatcher.SQL)
    for event_id, about in (("evt_1", "cus_1"), ("evt_2", "cus_1"), ("evt_3", "cus_2")):
        inbox.store(event(event_id, {"object": "customer", "id": about}))
    inbox.store(event("evt_4", {"object": "product", "id": "prod_1"}, "product.created"))
    with engine.begin() as connection:
        failed = "update customer_syncs set attempts = 8, error = 'RateLimitError' where customer_id = 'cus_1'"
        connection.execute(text(failed))
        connection.execute(text("delete from procrastinate_jobs"))
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example",
    }
    return lambda *words: CliRunner().invoke(main, ["events", *words], env=environment)


def event(event_id: str, about: dict[str, Any], kind: str = "customer.updated") -> StripeEvent:
    value = {"id": event_id, "object": "event", "type": kind, "livemode": False, "data": {"object": about}}
    found = parse(json.dumps(value).encode())
    assert isinstance(found, StripeEvent)
    return found


def jobs(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select args ->> 'subject_id' from procrastinate_jobs order by 1")))


def left(engine: Engine) -> list[tuple[str, str | None, Any]]:
    rows = Audit(engine, wall_clock).page(AuditQuery()).rows
    assert {row["actor"] for row in rows} <= {f"command:{getpass.getuser()}"}
    return [(row["act"], row["reason"], row["detail"]) for row in reversed(rows)]


def test_events_are_listed_by_state(run: Callable[..., Result]) -> None:
    """With what failed; the choices are written out, so that `--help` imports nothing, and must stay the states."""
    listed = run("list", "--status", "quarantined").output
    assert [each in listed for each in ("evt_1", "evt_2", "RateLimitError", "evt_3")] == [True, True, True, False]
    assert "The customer's address or card changed." in listed
    for state in EventState:
        assert run("list", "--status", state.value).exit_code == 0


def test_one_event_is_replayed_on_record(run: Callable[..., Result], engine: Engine) -> None:
    """Under the name of who ran it, with the reason given."""
    assert run("replay", "evt_1", "--reason", "mended").output == "evt_1 will be tried again.\n"
    assert jobs(engine) == ["cus_1"]
    assert left(engine) == [("event.replay", "mended", {"event_id": "evt_1", "outcome": "resumed"})]


def test_a_filter_is_replayed_on_record(run: Callable[..., Result], engine: Engine) -> None:
    """Before it is begun and after; what does not match is left alone."""
    assert run("replay", "--status", "quarantined", "--cause", "APIError").output.startswith("0 events")
    asked = ("replay", "--status", "quarantined", "--type", "customer.updated", "--customer", "cus_1")
    assert run(*asked, "--reason", "rolled").output == "2 events of 1 customers will be tried again.\n"
    assert jobs(engine) == ["cus_1"]
    told = {"filter_status": "quarantined", "kind": "customer.updated", "customer": "cus_1"}
    assert left(engine)[2:] == [
        ("events.replay.asked", "rolled", told),
        ("events.replay", "rolled", told | {"events": 2, "customers": 1}),
    ]


def test_what_cannot_be_replayed_is_told(run: Callable[..., Result], engine: Engine) -> None:
    """Without effect, unknown, or asked for in a way that could mean two things; nothing is queued."""
    assert "no effect" in run("replay", "evt_4").output
    assert (run("replay", "evt_none").exit_code, "no event evt_none" in run("replay", "evt_none").output) == (1, True)
    for words in (["replay"], ["replay", "evt_1", "--status", "failed"], ["replay", "evt_1", "--customer", "cus_1"]):
        assert run(*words).exit_code == 2, words
    assert jobs(engine) == []
