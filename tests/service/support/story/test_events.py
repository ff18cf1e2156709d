"""Stripe's events are told in words, and what became of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.support.story.events import EventTold, event_told
from webhooks.state import EventState


def told(kind: str, about: dict[str, Any], *, state: str = "done", **said: str | None) -> EventTold:
    value = {"object": "event", "id": "evt_1", "type": kind, "livemode": False, "data": {"object": about}}
    given = {"reason": None, "sync_error": None} | said
    return event_told(kind, json.dumps(value).encode(), state=state, **given)


@pytest.mark.parametrize(
    ("kind", "about", "says"),
    [
        ("invoice.paid", {"object": "invoice", "id": "in_1", "amount_due": 290, "currency": "usd"},
         "An invoice was paid ($2.90)"),
        ("charge.failed", {"object": "charge", "id": "ch_1", "amount": 290, "currency": "usd",
                           "failure_message": "Your card was declined."},
         "A charge failed ($2.90): Your card was declined"),
        ("payment_intent.payment_failed", {"object": "payment_intent", "last_payment_error": {"message": "Too late."}},
         "A payment was declined: Too late"),
        ("customer.subscription.trial_will_end", {"object": "subscription"}, "The trial ends in three days"),
        ("something.new", {"object": "something"}, "Stripe's event something.new"),
        ("invoice.paid", {"object": "invoice", "amount_due": "290", "currency": 3}, "An invoice was paid"),
        ("refund.created", {"object": ["?"], "failure_message": ["?"]}, "A refund was begun"),
    ],
)  # fmt: skip
def test_an_event_says_what_happened(kind: str, about: dict[str, Any], says: str) -> None:
    """With the money it is about, and why a payment was declined; a kind nobody has heard of by its name."""
    assert told(kind, about).says == says


@pytest.mark.parametrize(
    ("state", "said", "became"),
    [
        ("done", {"sync_error": "StripeUnavailable"}, "Applied: the customer was looked at again at Stripe."),
        ("pending", {}, "Not applied yet; it waits its turn."),
        ("pending", {"sync_error": "StripeUnavailable"},
         "Not applied yet; it waits its turn. The last try failed: StripeUnavailable."),
        ("quarantined", {"reason": "KeyError"}, ("Stuck: it failed too often, and waits for somebody to replay it. "
         "The last try failed: KeyError.")),
        ("ignored", {"reason": "wrong_livemode"},
         "Ignored: it is of Stripe's other mode (test in place of live, or the reverse)."),
        ("ignored", {"reason": "newer_reason"}, "Ignored (newer_reason)."),
    ],
)  # fmt: skip
def test_what_became_of_it_is_told_with_the_reason(state: str, said: dict[str, str], became: str) -> None:
    """A failure of today is no failure of an event that was applied long ago."""
    assert told("invoice.paid", {"object": "invoice"}, state=state, **said).became == became


def test_an_erased_body_tells_its_kind_alone() -> None:
    """What privacy took away is not missed."""
    assert event_told("invoice.paid", b"", state="done", reason=None, sync_error=None) == EventTold(
        says="An invoice was paid", became="Applied: the customer was looked at again at Stripe.", about=None
    )


@pytest.mark.parametrize("state", EventState)
def test_every_state_has_words(state: EventState) -> None:
    """A state that is added elsewhere must not break a reader's timeline."""
    told = event_told("invoice.paid", b"{}", state=state.value, reason=None, sync_error="APIError")
    assert told.became.endswith(".")
