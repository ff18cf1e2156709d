"""Holds released by a person's judgment: access comes back at once and stays, and what may still come is told."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain.staff import Role


@pytest.fixture
def charge(faces: Any) -> str:
    """The charge that a reader's year was paid with."""
    faces.shop.subscribe(plan="annual")
    customer = faces.account()["customer_id"]
    found: str = faces.shop.client.v1.charges.list({"customer": customer}).data[0].id
    return found


def synced(faces: Any) -> str:
    """Look at Stripe again, as any event would make us, and return how the reader stands."""
    faces.shop.services.staff_sync.sync("r-1")
    return str(faces.shop.status())


def test_an_undecided_dispute_is_released_until_it_is_lost(faces: Any, charge: str, read_words: Any) -> None:
    """Open at once and after the next sync; lost, it closes anew, and then there is no releasing it."""
    dispute = faces.shop.lever("disputes", charge=charge)["id"]
    assert synced(faces) == "held"
    lead = faces.colleague(Role.LEAD)
    assert f"release-hold?hold={dispute}" in lead.get("/support/accounts/r-1").text
    words = read_words(lead.preview("release-hold", hold=dispute, reason="withdrawn, says the bank"))
    assert words[0] == "The dispute over $19.90 (needs response at Stripe) closes nothing any more."
    assert words[-1] == "Afterwards: Paid until 16 November 2027, then $19.90 a year; card ending 4242."
    assert faces.shop.status() == "held"
    assert lead.act("release-hold", hold=dispute, reason="withdrawn, says the bank").status_code == 303
    assert (faces.reads().reason, synced(faces)) == ("subscription", "active")
    (note,) = faces.account()["notes"]
    assert note["body"] == f"Released the dispute {dispute}: withdrawn, says the bank"
    assert faces.api("POST", "r-1/hold-releases", hold=dispute, reason="x").json["code"] == "hold_closes_nothing"
    faces.shop.lever(f"disputes/{dispute}", status="lost")
    assert synced(faces) == "held"
    assert faces.api("POST", "r-1/hold-releases", hold=dispute, reason="x").json["code"] == "hold_not_releasable"


def test_a_refund_is_released_over_the_api(faces: Any, charge: str) -> None:
    """They read on without having paid, which is told; another reader's hold is none of theirs."""
    assert charge
    invoice = faces.account()["invoices"][0]["id"]
    refund = faces.api("POST", "r-1/refunds", invoice=invoice, reason="sorry").json["id"]
    assert faces.shop.status() == "held"
    seen = faces.api("POST", "r-1/hold-releases", hold=refund, reason="goodwill", preview=True).json
    assert any("without having paid" in each for each in seen["effect"])
    done = faces.api("POST", "r-1/hold-releases", hold=refund, reason="goodwill")
    assert (done.status_code, done.json["reader_status"]) == (200, "active")
    assert (faces.reads().reason, synced(faces)) == ("subscription", "active")
    faces.shop.open("r-2")
    assert faces.api("POST", "r-2/hold-releases", hold=refund, reason="x").json["code"] == "no_hold"
    assert faces.colleague(Role.AGENT).preview("release-hold", hold=refund, reason="x").status_code == 403
