"""However slowly Stripe answers, whoever asks it gives up in time."""

from __future__ import annotations

from typing import Any

import pytest

from service.billing.stripe_client import stripe_deadline
from service.errors import StripeUnavailable
from webhooks.turn import SyncOutcome


def test_a_sync_gives_up_before_its_lease_runs_out(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its calls have one deadline together; past it the customer is set back like after any trouble of Stripe's."""
    shop.subscribe()
    customer_id = shop.services.readers.state("r-1").snapshot.customer_id
    monkeypatch.setattr("service.assembly.core.FETCH_SECONDS", 0.0)
    assert shop.core.syncs.sync_now(customer_id, 0) is SyncOutcome.FAILED
    monkeypatch.undo()
    assert shop.core.syncs.sync_now(customer_id, 5) is SyncOutcome.SYNCED


def test_an_inner_deadline_lengthens_no_outer_one(shop: Any) -> None:
    """Who waits four seconds for a sync waits no longer because a sync may take more."""
    with pytest.raises(StripeUnavailable), stripe_deadline(0), stripe_deadline(60):
        shop.core.client.v1.customers.list()
