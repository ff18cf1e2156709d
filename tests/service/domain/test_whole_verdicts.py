"""Every field of the verdict, rule by rule: support reads the rule's name, the pass carries the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.domain.entitlement import Entitlement, Grant, GrantKind, Hold, Status, entitlement_from
from service.domain.entitlement import entitlement_to_json as to_json


def _sold(facts: Any, **changes: Any) -> Any:
    return facts.snapshot(facts.subscription(**changes), invoices=(facts.invoice(),))


# Each: the customer, what is said of it where it differs from a plain running month, and the day it is asked about.
CASES: dict[str, Callable[[Any], tuple[Any, float, dict[str, Any]]]] = {
    "trialing": lambda f: (
        f.snapshot(f.trial()), 1, {"status": Status.TRIALING, "cause": GrantKind.TRIAL},
    ),
    "active": lambda f: (_sold(f), 1, {}),
    "cancelling": lambda f: (
        _sold(f, cancel_at=f.at(12)), 1,
        {"status": Status.CANCELLING, "until": f.at(12), "horizon": f.at(12), "renews": False},
    ),
    "past_due_renewal": lambda f: (
        _sold(f, status="past_due", period_end_at=f.at(60)), 31,
        {"status": Status.GRACE, "cause": GrantKind.GRACE, "until": f.at(37), "horizon": f.at(37), "renews": False},
    ),
    "past_due_first_payment": lambda f: (
        f.snapshot(f.subscription(status="past_due")), 1,
        {"status": Status.GRACE, "cause": GrantKind.GRACE, "until": f.at(3), "horizon": f.at(3), "renews": False},
    ),
    "collection_paused": lambda f: (
        _sold(f, pause_behavior="void", period_end_at=f.at(60)), 1, {"horizon": f.at(30), "renews": False},
    ),
    "invoice_given_up": lambda f: (
        f.snapshot(
            f.subscription(period_start_at=f.at(20), period_end_at=f.at(50)),
            invoices=(f.invoice(), f.invoice(
                id="in_2", status="void", amount_paid_minor=0, created_at=f.at(20), period_start_at=f.at(20)
            )),
        ), 1, {"horizon": f.at(30), "renews": False},
    ),
    "unknown_status": lambda f: (_sold(f, status="hibernating"), 1, {"horizon": f.at(30), "renews": False}),
}  # fmt: skip

NOTHING = {"cause": None, "features": (), "until": None, "renews": False}
REFUSED: dict[str, Callable[[Any], tuple[Any, float, dict[str, Any]]]] = {
    "paused": lambda f: (_sold(f, status="paused"), 1, {"status": Status.PAUSED}),
    "canceled": lambda f: (
        _sold(f, status="canceled", ended_at=f.at(5)), 6, {"status": Status.ENDED, "until": f.at(5)},
    ),
    "unpaid": lambda f: (_sold(f, status="unpaid"), 1, {"status": Status.ENDED}),
    "incomplete": lambda f: (f.snapshot(f.subscription(status="incomplete")), 1, {"status": Status.NONE}),
    "collection_paused": lambda f: (f.snapshot(f.subscription(pause_behavior="void")), 1, {"status": Status.PAUSED}),
    "invoice_given_up": lambda f: (
        f.snapshot(f.subscription(), invoices=(f.invoice(status="uncollectible", amount_paid_minor=0),)), 1,
        {"status": Status.NONE},
    ),
    "unknown_status": lambda f: (f.snapshot(f.subscription(status="hibernating")), 1, {"status": Status.NONE}),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_what_is_granted_is_told_whole(facts: Any, policy: Any, rule: str) -> None:
    """Status, cause, plan, features, both instants, renewal, subscription and the rule's name: all as promised."""
    snapshot, day, differs = CASES[rule](facts)
    running = {
        "status": Status.ACTIVE, "cause": GrantKind.SUBSCRIPTION, "plan": "monthly", "until": facts.at(30),
        "features": policy.features_of("monthly"), "horizon": None, "renews": True, "subscription_id": "sub_1",
    }  # fmt: skip
    assert entitlement_from(snapshot, (), (), policy, facts.at(day)) == Entitlement(**running | differs, rule=rule)


@pytest.mark.parametrize("rule", REFUSED)
def test_what_is_refused_is_told_whole(facts: Any, policy: Any, rule: str) -> None:
    """A refusal still names the plan and the subscription it is about, and the rule that refused."""
    snapshot, day, differs = REFUSED[rule](facts)
    told = {"plan": "monthly", "horizon": None, "subscription_id": "sub_1", "rule": rule} | NOTHING | differs
    assert entitlement_from(snapshot, (), (), policy, facts.at(day)) == Entitlement(**told)


def test_a_status_without_name_and_a_trial_that_was_is_over(facts: Any, policy: Any) -> None:
    """Who had a trial has had something, so a status newer than this code says that it ended."""
    found = entitlement_from(facts.snapshot(facts.trial(status="hibernating")), (), (), policy, facts.at(1))
    assert (found.status, found.rule) == (Status.ENDED, "unknown_status")


def test_nobody_and_the_deleted_are_told_whole(facts: Any, policy: Any) -> None:
    """Without a subscription, and after the customer was deleted, every field says nothing."""
    nothing = {"plan": None, "horizon": None, "subscription_id": None} | NOTHING
    deleted = facts.snapshot(facts.subscription(), deleted=True)
    assert entitlement_from(None, (), (), policy, facts.at(1)) == Entitlement(
        status=Status.NONE, rule="no_subscription", **nothing
    )
    assert entitlement_from(deleted, (), (), policy, facts.at(1)) == Entitlement(
        status=Status.ENDED, rule="customer_deleted", **nothing
    )


@pytest.mark.parametrize("kind", [GrantKind.COURTESY, GrantKind.GIFT])
def test_what_staff_gave_is_told_whole(facts: Any, policy: Any, kind: GrantKind) -> None:
    """A courtesy has an end, no plan, no subscription and no renewal."""
    given = Grant(kind=kind, features=("archives",), from_at=facts.at(0), until_at=facts.at(9), reason="sorry")
    assert entitlement_from(None, (), (given,), policy, facts.at(1)) == Entitlement(
        status=Status.COURTESY, cause=kind, plan=None, features=("archives",), until=facts.at(9), horizon=facts.at(9),
        renews=False, subscription_id=None, rule=f"given_{kind.value}",
    )  # fmt: skip


def test_what_is_held_is_told_whole(facts: Any, policy: Any) -> None:
    """A hold takes access, keeps what it is about, and names its kind."""
    running = _sold(facts)
    hold = Hold(kind="dispute", blocks=True, from_at=facts.at(1), released_at=None)
    plain = entitlement_from(running, (), (), policy, facts.at(2))
    assert entitlement_from(running, (hold,), (), policy, facts.at(2)) == replace(
        plain, status=Status.HELD, cause=None, features=(), renews=False, rule="held_dispute"
    )


def test_its_json_has_exactly_its_fields(facts: Any, policy: Any) -> None:
    """The stored form has one name for each field, its features as a list and its instants as RFC 3339."""
    found = entitlement_from(_sold(facts), (), (), policy, facts.at(1))
    assert to_json(found) == {
        "status": "active", "cause": "subscription", "plan": "monthly", "features": list(policy.features_of("monthly")),
        "until": "2026-12-02T09:00:00+00:00", "horizon": None, "renews": True, "subscription_id": "sub_1",
        "rule": "active",
    }  # fmt: skip
