"""What support's pages ask Stripe for: whose a charge is, and what is true now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.billing.stripe_client import make_stripe_client
from service.domain.account_sentence import sentence
from service.errors import NotFound, StripeUnavailable
from service.support.accounts import AccountQuery, Match
from service.support.payers import Payers


def said(shop: Any, reader_id: str = "r-1") -> str:
    state = shop.services.readers.state(reader_id)
    card = state.snapshot.card if state.snapshot else None
    now = datetime(2026, 11, 16, 12, tzinfo=UTC)
    return sentence(state.entitlement, state.subscription, card, zone=ZoneInfo("UTC"), now=now)


def test_a_trial_is_told_from_what_stripe_says(shop: Any) -> None:
    """As a reader who has just begun one would be told."""
    shop.subscribe()
    assert said(shop) == "Trial until 16 December, then $2.90 a month; card ending 4242."
    assert [each.reader_id for each in shop.services.accounts.search(AccountQuery(in_trial=True)).accounts] == ["r-1"]


def test_a_sync_on_demand_shows_what_no_event_has_told(shop: Any) -> None:
    """A cancellation made at Stripe, whose event has not come, is there once staff look."""
    shop.subscribe()
    subscription = shop.services.readers.state("r-1").subscription
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert said(shop).startswith("Trial until 16 December, then")
    shop.services.staff_sync.sync("r-1")
    assert said(shop) == "Cancelled: trial until 16 December, no further charge."
    found = shop.services.accounts.search(AccountQuery(cancelling=True, in_trial=True)).accounts
    assert [each.reader_id for each in found] == ["r-1"]
    assert shop.services.accounts.detail("r-1").sync_failure is None


def test_who_cannot_be_synced_is_told(shop: Any) -> None:
    """Nobody's account; nothing is asked of Stripe."""
    with pytest.raises(NotFound) as refused:
        shop.services.staff_sync.sync("r-404")
    assert refused.value.code == "no_account"


def test_a_charge_leads_to_its_payer(shop: Any) -> None:
    """Also one that nothing stands against, by asking Stripe; one that Stripe does not know leads to nobody."""
    shop.subscribe()
    shop.pass_days(31)
    customer_id = shop.services.accounts.detail("r-1").customer_id
    (charge,) = shop.client.v1.charges.list({"customer": customer_id}).data
    for payment_id in (charge.id, charge.payment_intent):
        (found,) = shop.services.accounts.search(AccountQuery(prefix=payment_id)).accounts
        assert (found.reader_id, found.match) == ("r-1", Match.CHARGE)
    for unknown in ("ch_unknown", "pi_unknown", "ch_../customers", "ch_"):
        assert shop.services.accounts.search(AccountQuery(prefix=unknown)).accounts == []


def test_a_charge_cannot_be_asked_for_while_stripe_is_away() -> None:
    """That is told, not taken for nobody's."""
    nowhere = make_stripe_client("sk_test_sandbox", api_base="http://127.0.0.1:9", timeout_seconds=1)
    with pytest.raises(StripeUnavailable):
        Payers(nowhere).owner("ch_unknown")
