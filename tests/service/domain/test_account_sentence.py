"""Every state of an account in one sentence, as a colleague would say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.domain.account_sentence import sentence, warning
from service.domain.entitlement import Entitlement, GrantKind, Status
from service.domain.money import Money
from webhooks.snapshot import CardFacts, SubscriptionFacts

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DUE = datetime(2026, 12, 21, 12, 0, tzinfo=UTC)
CARD = CardFacts(brand="visa", last4="4242", fingerprint=None, funding=None, exp_month=12, exp_year=2034)
S, G = Status, GrantKind


def entitled(status: Status, cause: GrantKind | None, rule: str, **changes: Any) -> Entitlement:
    usual = Entitlement(
        status=status, cause=cause, plan="monthly", features=(), until=DUE, horizon=None, renews=True,
        subscription_id="sub_1", rule=rule,
    )  # fmt: skip
    return replace(usual, **changes)


def said(entitlement: Entitlement, subscription: SubscriptionFacts | None, card: CardFacts | None = CARD) -> str:
    return sentence(entitlement, subscription, card, zone=ZoneInfo("Europe/Berlin"), now=NOW)


SAID = {
    "Has never subscribed.": entitled(S.NONE, None, "no_subscription"),
    "The first payment has not gone through yet: no access.": entitled(S.NONE, None, "incomplete"),
    "The first payment never went through: nothing was sold.": entitled(S.NONE, None, "incomplete_expired"),
    "No access: nothing was ever paid for.": entitled(S.NONE, None, "past_due_first_payment"),
    "Trial until 21 December, then $2.90 a month; card ending 4242.": entitled(S.TRIALING, G.TRIAL, "trialing"),
    "Paid until 21 December, then $2.90 a month; card ending 4242.": entitled(S.ACTIVE, G.SUBSCRIPTION, "active"),
    "Paid until 21 January 2027, then $2.90 a month; card ending 4242.": entitled(
        S.ACTIVE, G.SUBSCRIPTION, "active", until=DUE + timedelta(days=31)
    ),
    "Renewal was due on 20 November and Stripe has not settled it yet: access until 27 November at the latest.": (
        entitled(S.ACTIVE, G.SUBSCRIPTION, "active", until=NOW - timedelta(days=1), horizon=NOW + timedelta(days=6))
    ),
    "Paid until 21 December; collection is paused at Stripe, so access ends then.": entitled(
        S.ACTIVE, G.SUBSCRIPTION, "collection_paused"
    ),
    "Paid until 21 December; Stripe gives the subscription a status that this service does not know.": entitled(
        S.ACTIVE, G.SUBSCRIPTION, "unknown_status"
    ),
    "Cancelled: trial until 21 December, no further charge.": entitled(S.CANCELLING, G.TRIAL, "cancelling"),
    "Cancelled: access until 21 December, no further charge.": entitled(S.CANCELLING, G.SUBSCRIPTION, "cancelling"),
    "A payment of $2.90 a month failed: access until 21 December while Stripe tries again; card ending 4242.": (
        entitled(S.GRACE, G.GRACE, "past_due_renewal")
    ),
    "Paused at Stripe, as a trial that ended without a card is: no access and no charge until it is resumed.": (
        entitled(S.PAUSED, None, "paused")
    ),
    "Collection is paused at Stripe and what was paid for is over: no access.": entitled(
        S.PAUSED, None, "collection_paused"
    ),
    "On hold, no access: a payment is disputed at the reader's bank.": entitled(S.HELD, None, "held_dispute"),
    "On hold, no access: the card's issuer warned of fraud.": entitled(S.HELD, None, "held_fraud_warning"),
    "On hold, no access: what was paid for was refunded whole.": entitled(S.HELD, None, "held_refund"),
    "Courtesy access given by staff until 21 December; nothing is charged.": entitled(
        S.COURTESY, G.COURTESY, "given_courtesy"
    ),
    "A gift until 21 December; nothing is charged.": entitled(S.COURTESY, G.GIFT, "given_gift"),
    "Ended on 21 December: no access.": entitled(S.ENDED, None, "canceled"),
    "The subscription has ended: no access.": entitled(S.ENDED, None, "canceled", until=None),
    "Payment failed for good, and Stripe has stopped trying: no access.": entitled(S.ENDED, None, "unpaid"),
    "The customer was deleted at Stripe: no access, and nothing will be charged.": entitled(
        S.ENDED, None, "customer_deleted"
    ),
}


@pytest.mark.parametrize(("words", "entitlement"), SAID.items())
def test_every_state_has_its_sentence(words: str, entitlement: Entitlement, make_subscription: Any) -> None:
    """With the price and the card where they say what comes next."""
    beside = make_subscription(ended_at=NOW) if entitlement.status is S.COURTESY else make_subscription()
    assert said(entitlement, beside) == words


def test_courtesy_beside_a_sale_does_not_hide_it(make_subscription: Any) -> None:
    """For that one may still be charged."""
    words = "Courtesy access given by staff until 21 December, beside a subscription that opens nothing now."
    given = entitled(S.COURTESY, G.COURTESY, "given_courtesy", subscription_id=None)
    assert said(given, make_subscription(status="paused")) == words
    assert said(given, None).endswith("nothing is charged.")


def test_two_sales_at_once_are_a_warning(make_snapshot: Any, make_subscription: Any) -> None:
    """Said with what to do; one that is over, never begun or foreign is none."""
    none = [{"plan": None}, {"status": "incomplete"}, {"status": "canceled"}, {"ended_at": NOW}]
    first = make_subscription(id="sub_1")
    for changes in none:
        assert warning(make_snapshot(first, make_subscription(id="sub_2", **changes))) is None
    both = make_snapshot(first, make_subscription(id="sub_2", status="past_due"))
    told = "Sold twice: sub_1, sub_2 run at once. End all but one, and give back what was paid for the others."
    assert (warning(both), warning(replace(both, deleted=True)), warning(None)) == (told, None, None)


def test_an_end_far_ahead_does_not_hide_the_charges_before_it(make_subscription: Any) -> None:
    """Set in the Dashboard for after the running period; one at its end is a cancellation."""
    far = entitled(S.CANCELLING, G.SUBSCRIPTION, "cancelling")
    words = "Set to end on 21 December, and charged $2.90 a month until then; card ending 4242."
    assert said(far, make_subscription(cancel_at=DUE, period_end_at=NOW)) == words
    cancelled = "Cancelled: access until 21 December, no further charge."
    assert said(far, make_subscription(cancel_at=DUE, period_end_at=DUE)) == cancelled


def test_what_is_due_of_a_cancelled_subscription_is_said() -> None:
    """A bank debit may be under way."""
    leaving = entitled(S.CANCELLING, G.SUBSCRIPTION, "cancelling")
    told = sentence(leaving, None, CARD, zone=ZoneInfo("Europe/Berlin"), now=NOW, due=Money(290, "usd"))
    assert told == "Cancelled: access until 21 December, $2.90 still due."


def test_a_period_that_is_not_paid_yet_is_not_called_paid(make_subscription: Any) -> None:
    """Stripe begins it an hour before it charges."""
    begun, berlin = entitled(S.ACTIVE, G.SUBSCRIPTION, "active"), ZoneInfo("Europe/Berlin")
    told = sentence(begun, make_subscription(), CARD, zone=berlin, now=NOW, due=Money(290, "usd"))
    assert told == "Runs until 21 December, with $2.90 still to be paid; card ending 4242."


def test_no_status_is_without_words() -> None:
    """Whatever is added to the statuses must be said too, with nothing known but the status."""
    assert {each.status for each in SAID.values()} == set(Status)
    for status in Status:
        assert said(entitled(status, None, "new", until=None), None, None).endswith(".")


def test_a_missing_card_is_said(make_subscription: Any) -> None:
    """For then the trial will end without a payment."""
    words = said(entitled(S.TRIALING, G.TRIAL, "trialing"), make_subscription(), None)
    assert words == "Trial until 21 December, then $2.90 a month; no card on file."


def test_days_are_the_publications(make_subscription: Any) -> None:
    """Half past eleven in the evening in UTC is the next day in Berlin."""
    late = entitled(S.CANCELLING, G.SUBSCRIPTION, "cancelling", until=DUE.replace(hour=23, minute=30))
    assert said(late, make_subscription()) == "Cancelled: access until 22 December, no further charge."
