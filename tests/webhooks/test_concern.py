"""Whom an event concerns, told from the event alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.concern import Concern, Reference, concern_of, leads_of
from webhooks.events import StripeEvent

Make = Callable[..., StripeEvent]
SUBSCRIPTION = {"object": "subscription", "id": "sub_1", "customer": "cus_1"}


def test_an_event_is_read_whole(snapshot_event: Make) -> None:
    """A snapshot event's id, type, instant, mode, version and object come through."""
    event = snapshot_event("customer.subscription.updated", SUBSCRIPTION, id="evt_9", created=1793620800)
    assert (event.id, event.type, event.livemode) == ("evt_9", "customer.subscription.updated", False)
    assert event.created_at == datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
    assert (event.api_version, event.account, event.thin) == ("2026-10-28.endive", None, False)
    assert event.object_id == "sub_1"


def test_a_thin_event_is_read_whole(thin_event: Make) -> None:
    """A thin event's ISO instant, context and related object come through in the same shape."""
    event = thin_event("v1.customer.subscription.past_due", "subscription", "sub_1", context="acct_1")
    assert event.created_at == datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
    assert (event.account, event.thin, event.object_id) == ("acct_1", True, "sub_1")
    assert event.about == {"object": "subscription", "id": "sub_1"}


@pytest.mark.parametrize(
    ("created", "read"),
    [("2026-11-02T13:00:00+01:00", datetime(2026, 11, 2, 12, 0, tzinfo=UTC)), ("2026-11-02T12:00:00", None),
     ("soon", None), (1793620800, None), (None, None)],
)  # fmt: skip
def test_a_thin_instant_is_aware_or_nothing(created: object, read: datetime | None, thin_event: Make) -> None:
    """Only an instant with a zone is taken, and it is kept in UTC."""
    assert thin_event("v1.customer.updated", "customer", created=created).created_at == read


@pytest.mark.parametrize("created", [-1, 253_402_300_800, 1.5, "1793620800", True, None])
def test_an_odd_epoch_is_nothing(created: object, snapshot_event: Make) -> None:
    """What PostgreSQL could not store as an instant is left out; nothing is ordered by it anyway."""
    assert snapshot_event("invoice.paid", SUBSCRIPTION, created=created).created_at is None


NAMED = {
    "a subscription's customer": ("customer.subscription.updated", SUBSCRIPTION, None),
    "the customer itself": ("customer.updated", {"object": "customer", "id": "cus_1"}, None),
    "a deleted customer": ("customer.deleted", {"object": "customer", "id": "cus_1", "deleted": True}, None),
    "an expanded customer": ("invoice.paid", {"object": "invoice", "customer": {"id": "cus_1"}}, None),
    "an upcoming invoice, which has no id": ("invoice.upcoming", {"object": "invoice", "customer": "cus_1"}, None),
    "a detached card's former customer": (
        "payment_method.detached", {"object": "payment_method", "id": "pm_1", "customer": None}, {"customer": "cus_1"},
    ),
    "an unknown type that names one": ("moon.waxed", {"object": "moon", "customer": "cus_1"}, None),
    "a discount": ("customer.discount.created", {"object": "discount", "customer": "cus_1"}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_named_customer_is_found(name: str, snapshot_event: Make) -> None:
    """Wherever an event names its customer, no call to Stripe is needed."""
    event_type, about, before = NAMED[name]
    event = snapshot_event(event_type, about, before=before)
    assert concern_of(event, livemode=False) == Concern(customer_id="cus_1")


def test_a_thin_event_about_a_customer_names_it(thin_event: Make) -> None:
    """The related object's id is the customer's."""
    event = thin_event("v1.customer.updated", "customer", "cus_1")
    assert concern_of(event, livemode=False) == Concern(customer_id="cus_1")


IGNORED: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "a connected account's": ("invoice.paid", SUBSCRIPTION, {"account": "acct_1"}, "connected_account"),
    "a price": ("price.updated", {"object": "price", "id": "price_1"}, {}, "concerns_no_customer"),
    "a product": ("product.created", {"object": "product", "id": "prod_1"}, {}, "concerns_no_customer"),
    "a plan": ("plan.deleted", {"object": "plan", "id": "plan_1"}, {}, "concerns_no_customer"),
    "a coupon": ("coupon.created", {"object": "coupon", "id": "free"}, {}, "concerns_no_customer"),
    "a test clock": ("test_helpers.test_clock.ready", {"object": "test_clock"}, {}, "concerns_no_customer"),
    "the balance": ("balance.available", {"object": "balance"}, {}, "concerns_no_customer"),
    "an unknown type about an unknown thing": ("moon.waned", {"object": "moon"}, {}, "names_no_customer"),
    "a kind that is no word": ("moon.waned", {"object": ["refund"]}, {}, "names_no_customer"),
    "a dispute without an id": ("charge.dispute.created", {"object": "dispute"}, {}, "names_no_customer"),
    "a customer of another API": ("invoice.paid", {"object": "bill", "customer_account": "acct_2"}, {},
                                  "names_no_customer"),
    "a customer id that is no id": ("invoice.paid", {"object": "bill", "customer": "cus_\0"}, {}, "names_no_customer"),
}  # fmt: skip


@pytest.mark.parametrize("name", IGNORED)
def test_what_cannot_concern_us_is_ignored_with_its_reason(name: str, snapshot_event: Make) -> None:
    """Ignored events say why, for support."""
    event_type, about, fields, reason = IGNORED[name]
    assert concern_of(snapshot_event(event_type, about, **fields), livemode=False) == Concern(ignored=reason)


@pytest.mark.parametrize(
    ("event_type", "kind", "reason"),
    [("v1.product.created", "product", "concerns_no_customer"),
     ("v2.core.event_destination.ping", "v2.core.event_destination", "concerns_no_customer"),
     ("v1.customer.updated", None, "names_no_customer")],
)  # fmt: skip
def test_thin_events_are_ignored_alike(event_type: str, kind: str | None, reason: str, thin_event: Make) -> None:
    """A thin event's type reads like its twin's, without `v1.`."""
    assert concern_of(thin_event(event_type, kind), livemode=False) == Concern(ignored=reason)


def test_events_of_the_other_mode_are_ignored(snapshot_event: Make) -> None:
    """The mode is compared both ways; whom it names is kept, for support to find it with the account."""
    live = snapshot_event("invoice.paid", SUBSCRIPTION, livemode=True)
    assert concern_of(live, livemode=True) == Concern(customer_id="cus_1")
    assert concern_of(live, livemode=False) == Concern(ignored="wrong_livemode", customer_id="cus_1")
    test = snapshot_event("invoice.paid", SUBSCRIPTION)
    assert concern_of(test, livemode=True) == Concern(ignored="wrong_livemode", customer_id="cus_1")


LEADS = {
    "a dispute to its charge, then its payment": (
        {"object": "dispute", "id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1"},
        [Reference("charge", "ch_1"), Reference("payment_intent", "pi_1")],
    ),
    "a fraud warning to its charge": (
        {"object": "radar.early_fraud_warning", "id": "issfr_1", "charge": "ch_1"}, [Reference("charge", "ch_1")],
    ),
    "a refund to its payment": (
        {"object": "refund", "id": "re_1", "charge": None, "payment_intent": "pi_1"},
        [Reference("payment_intent", "pi_1")],
    ),
    "an invoice payment to its invoice": (
        {"object": "invoice_payment", "id": "inpay_1", "invoice": {"id": "in_1"}}, [Reference("invoice", "in_1")],
    ),
    "a review to its charge": ({"object": "review", "id": "prv_1", "charge": "ch_1"}, [Reference("charge", "ch_1")]),
    "a charge to its payment": (
        {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, [Reference("payment_intent", "pi_1")],
    ),
    "a setup without a customer to itself": (
        {"object": "setup_intent", "id": "seti_1", "customer": None}, [Reference("setup_intent", "seti_1")],
    ),
    "a thin dispute to itself": ({"object": "dispute", "id": "dp_1"}, [Reference("dispute", "dp_1")]),
}  # fmt: skip


@pytest.mark.parametrize("name", LEADS)
def test_what_names_nobody_leads_somewhere(name: str, snapshot_event: Make) -> None:
    """Such an event is to be routed, by asking Stripe for these."""
    about, leads = LEADS[name]
    assert leads_of(about) == leads
    assert concern_of(snapshot_event("some.event", about), livemode=False) == Concern()
