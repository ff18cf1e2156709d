"""A snapshot kept as JSON is the snapshot that was fetched."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.facts import card_facts, invoice_facts, payment_method_facts, subscription_facts
from webhooks.snapshot import CustomerSnapshot, HoldFacts, snapshot_from_json, snapshot_to_json


@pytest.mark.parametrize("with_card", [True, False])
def test_a_snapshot_survives_json(with_card: bool, shape: Callable[..., dict[str, Any]]) -> None:
    """Every field of a fetched snapshot, instants and nulls included, comes back from the text of its JSON."""
    subscription = shape("subscription", default_payment_method=shape("payment_method") if with_card else None)
    snapshot = CustomerSnapshot(
        customer_id="cus_1",
        deleted=False,
        email=None,
        reader_id="r-81",
        fetched_at=datetime(2026, 11, 2, 12, 0, 0, 5, tzinfo=UTC),
        card=card_facts(shape("customer"), [subscription]),
        subscriptions=(subscription_facts(subscription), subscription_facts(shape("subscription", trial_end=None))),
        invoices=(invoice_facts(shape("invoice"), []),),
        holds=(
            HoldFacts(
                id="dp_1",
                kind="dispute",
                status="lost",
                amount_minor=290,
                currency="usd",
                charge_id="ch_1",
                charge_amount_minor=290,
                invoice_id=None,
                created_at=datetime(2026, 11, 2, tzinfo=UTC),
            ),
        ),
        pays_with=payment_method_facts(shape("customer"), [subscription]),
        incomplete=("invoices",) if with_card else (),
    )
    assert (snapshot.card is not None, snapshot.pays_with is not None) == (with_card, with_card)
    assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(snapshot)))) == snapshot


def test_what_an_older_release_kept_is_read(shape: Callable[..., dict[str, Any]]) -> None:
    """A snapshot of before there were the newer facts lacks their members: nothing is known of them."""
    kept = snapshot_to_json(
        CustomerSnapshot(
            customer_id="cus_1", deleted=False, email=None, reader_id=None, card=None,
            fetched_at=datetime(2026, 11, 2, tzinfo=UTC), subscriptions=(subscription_facts(shape("subscription")),),
            invoices=(),
        )
    )  # fmt: skip
    older = {name: value for name, value in kept.items() if name not in {"pays_with", "incomplete"}}
    assert older != kept
    assert snapshot_from_json(older) == snapshot_from_json(kept)
