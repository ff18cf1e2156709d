"""This code runs on the schema that comes after it: what a migration may add, it does not stumble over.

`tests/deployment` refuses migrations that do anything but add. Here every table has been added to, and the code of
today writes and reads through all of its paths: during an upgrade the old release serves on the new schema.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from metering.meter import Subject, SubjectKind
from service.access.question import Question
from service.clocks import wall_clock
from service.domain.decision import Article, Reason
from service.jobs import Dispatcher
from service.store.api_keys import ApiKeyStore, Scope
from service.support.accounts import AccountQuery, Accounts
from webhooks.events import parse
from webhooks.inbox import Inbox, Stored
from webhooks.syncs import SyncOutcome, Syncs


@pytest.fixture
def newer_schema(engine: Engine) -> Engine:
    """The database with three more columns in every table of ours, and one more table."""
    tables = [name for name in inspect(engine).get_table_names() if not name.startswith("procrastinate_")]
    with engine.begin() as connection:
        for table in tables:
            connection.execute(
                text(
                    f'alter table "{table}" add column later_note text, '
                    "add column later_count integer not null default 0, "
                    "add column later_at timestamptz not null default now()"
                )
            )
        connection.execute(text("create table later_things (id bigint primary key)"))
    return engine


def test_the_old_release_serves_on_the_new_schema(
    newer_schema: Engine, parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Intake, sync, projection, decision, link, keys and search: each writes and reads as before."""
    defer = Dispatcher()
    inbox = Inbox(newer_schema, livemode=False, wall_clock=wall_clock, queue=Dispatcher.SQL)
    assert inbox.store(_event()) is Stored.MARKED
    assert inbox.store(_event()) is Stored.DUPLICATE
    snapshot = make_snapshot(make_subscription(trial_start_at=parts.clock(), trial_end_at=parts.clock()))
    syncs = Syncs(
        newer_schema, lambda _: snapshot, parts.projection.project, wall_clock=wall_clock,
        after_commit=lambda _: None, defer=defer,
    )  # fmt: skip
    assert syncs.sync("cus_1") is SyncOutcome.SYNCED
    assert parts.publisher.publish_outbox() == 1
    question = Question(articles=[Article(id="a-1")], reader_id="r-1", visitor_id="v-1", consume=True)
    assert parts.gate.decide(question)[0].decision.reason is Reason.SUBSCRIPTION
    assert parts.readers.state("r-1").trial.eligible is False
    keys = ApiKeyStore(newer_schema)
    keys.create_key("our site", [Scope.DECIDE])
    assert [key.label for key in keys.live()] == ["our site"]
    support = Accounts(newer_schema, business_clock=parts.clock, owner_at_stripe=lambda _: None)
    found = support.search(AccountQuery(prefix="r-", status=None, plan=None, after=None))
    assert [each.reader_id for each in found.accounts] == ["r-1"]
    assert support.detail("r-1") is not None


def test_a_rolling_upgrade_does_not_disturb_the_meter(newer_schema: Engine, parts: Any) -> None:
    """Counting needs no schema at all; a stranger is looked up and metered."""
    for number, reason in enumerate((Reason.METERED, Reason.METER_EXHAUSTED)):
        question = Question(articles=[Article(id=f"a-{number}")], reader_id="r-2", visitor_id=None, consume=True)
        assert parts.gate.decide(question)[0].decision.reason is reason
    state = parts.readers.state("r-2")
    assert state.reading is not None
    assert (state.reading.used, Subject(SubjectKind.READER, "r-2").id) == (1, state.reader_id)
    assert state.reading.window.ends_at - parts.clock() < timedelta(days=31)


def _event() -> Any:
    body = {
        "id": "evt_1", "object": "event", "type": "customer.subscription.updated", "created": 1, "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
    }  # fmt: skip
    return parse(json.dumps(body).encode())
