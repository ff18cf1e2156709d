"""The whole table of Stripe's events: what each comes to, why, and what support is told that it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from service.clocks import wall_clock
from service.jobs import Dispatcher
from service.support.events import EventQuery, Events, EventState, StoredEvent
from service.support.meanings import MEANINGS, meaning_of
from service.support.story.events import IGNORED, SAYS
from webhooks.alarms import ALARMS
from webhooks.events import StripeEvent, parse
from webhooks.inbox import Inbox
from webhooks.routing import Router
from webhooks.syncs import Syncs

NAMES_NONE = {"refund", "charge.dispute", "radar.early_fraud_warning", "invoice_payment"}
KINDS = {
    "checkout.session": "checkout.session", "customer.subscription": "subscription", "charge.dispute": "dispute",
    "radar.early_fraud_warning": "radar.early_fraud_warning",
    "entitlements.active_entitlement_summary": "entitlements.active_entitlement_summary",
}  # fmt: skip
ODD: dict[str, tuple[str, dict[str, Any], tuple[str, str | None]]] = {
    "a type nobody knows, of a customer": ("novelty.came", {}, ("done", None)),
    "a type nobody knows, of nobody": (
        "novelty.went", {"object": "novelty", "id": "x"}, ("ignored", "names_no_customer"),
    ),
    "a price": ("price.created", {"object": "price", "id": "price_1"}, ("ignored", "concerns_no_customer")),
    "live": ("invoice.paid", {"livemode": True}, ("ignored", "wrong_livemode")),
    "another account": ("invoice.paid", {"account": "acct_1"}, ("ignored", "connected_account")),
    "another version": ("invoice.paid", {"api_version": "2024-06-20"}, ("done", None)),
}  # fmt: skip


def event(event_id: str, event_type: str, **changes: Any) -> StripeEvent:
    """Return a parsed event about an object of the kind that its type tells of, and of `cus_1` if such name one."""
    head = event_type.rpartition(".")[0]
    about: dict[str, Any] = {"object": KINDS.get(head, head), "id": "cus_1" if head == "customer" else "x_1"}
    about |= {"charge": "ch_1", "invoice": "in_1"} if head in NAMES_NONE else {"customer": "cus_1"}
    if "object" in changes:
        about = {"object": changes.pop("object"), "id": changes.pop("id")}
    value = {"id": event_id, "object": "event", "type": event_type, "livemode": False, "data": {"object": about}}
    found = parse(json.dumps(value | changes).encode())
    assert isinstance(found, StripeEvent)
    return found


@pytest.fixture
def alarms() -> list[str]:
    return []


@pytest.fixture
def take_in(parts: Any, engine: Engine, make_snapshot: Any, alarms: list[str]) -> Callable[..., Sequence[StoredEvent]]:
    """Store events, route and sync until nothing waits; return what support sees."""

    def take_in(*found: StripeEvent) -> Events:
        fetch: Any = lambda customer_id: make_snapshot(customer_id=customer_id)  # noqa: E731
        syncs = Syncs(
            engine, fetch, parts.projection.project, wall_clock=wall_clock, after_commit=lambda _: None,
            defer=Dispatcher(),
        )  # fmt: skip
        ask: Any = lambda reference: {"object": reference.kind, "id": reference.id, "customer": "cus_1"}  # noqa: E731
        router = Router(engine, ask, wall_clock=wall_clock, defer=Dispatcher())
        inbox = Inbox(engine, livemode=False, wall_clock=wall_clock, queue=Dispatcher.SQL, alarm=alarms.append)
        for each in found:
            inbox.store(each)
        for waiting in router.due(100):
            router.route(waiting)
        for customer_id in syncs.due(100):
            syncs.sync(customer_id)
        return Events(engine, syncs, router).page(EventQuery(), 1000).events

    return take_in


def test_every_type_of_the_table_is_applied_and_says_what_it_means(
    take_in: Callable[..., Sequence[StoredEvent]],
) -> None:
    """Forty-odd types: each is done by a sync of its customer, and none is without a sentence of its own."""
    seen = take_in(*(event(f"evt_{kind}", kind) for kind in MEANINGS))
    assert {each.type: (each.state, each.reason, each.customer_id) for each in seen} == dict.fromkeys(
        MEANINGS, (EventState.DONE, None, "cus_1")
    )
    assert {each.type: each.meaning for each in seen} == MEANINGS
    assert len(set(MEANINGS.values())) == len(MEANINGS)
    assert MEANINGS.keys() <= SAYS.keys(), "the timeline has words for each as well"


def test_what_is_odd_is_stored_with_its_reason_and_alarms_where_somebody_should_look(
    take_in: Callable[..., Sequence[StoredEvent]], alarms: list[str]
) -> None:
    """Unknown types, the other mode, another account, another version: kept, explained, without harm."""
    found = [event(f"evt_{name}", kind, **dict(changes)) for name, (kind, changes, _) in ODD.items()]
    seen = {each.id.removeprefix("evt_"): each for each in take_in(*found)}
    assert {name: (each.state.value, each.reason) for name, each in seen.items()} == {
        name: expected for name, (_, _, expected) in ODD.items()
    }
    assert seen["live"].meaning == IGNORED["wrong_livemode"]
    assert "nothing follows from" in seen["a type nobody knows, of a customer"].meaning
    assert seen["another version"].api_version == "2024-06-20"
    assert sorted(alarms) == ["connected_account", "other_api_version", "wrong_livemode"]


def test_an_invoice_that_nobody_will_collect_is_an_alarm_once(
    take_in: Callable[..., Sequence[StoredEvent]], alarms: list[str]
) -> None:
    """As a snapshot or a thin event; told again, it alarms nobody again."""
    failed = event("evt_1", "invoice.finalization_failed")
    take_in(failed, failed, event("evt_2", "v1.invoice.finalization_failed", object="invoice", id="in_1"))
    assert alarms == ["invoice.finalization_failed"] * 2
    assert set(alarms) < ALARMS


@pytest.mark.parametrize(
    ("event_type", "ignored", "said"),
    [
        ("v1.invoice.paid", None, MEANINGS["invoice.paid"]),
        ("product.updated", None, IGNORED["concerns_no_customer"]),
        ("invoice.paid", "something_new", "Ignored (something_new)."),
        ("invoice.paid", "names_no_customer", IGNORED["names_no_customer"]),
    ],
)
def test_a_meaning_is_found_for_whatever_comes(event_type: str, ignored: str | None, said: str) -> None:
    """Thin twins, types about no payer, and reasons: never nothing."""
    assert meaning_of(event_type, ignored=ignored) == said
