"""Disputes, fraud warnings and refunds: what closes access, what comes back, and never a false lockout."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.entitlement import Status, entitlement_from, next_boundary
from service.domain.holds import closes_what_comes, holds_from, is_no_dispute, paid_while_held
from service.domain.vocabulary import Release
from webhooks.snapshot import HoldFacts


@pytest.fixture
def against(facts: Any) -> Any:
    """Make something that stands against the charge of $2.90 which paid an invoice."""

    def make(kind: str, status: str, *, invoice: str | None = "in_1", day: float = 5, **changes: Any) -> HoldFacts:
        plain = {
            "id": f"{kind}_{invoice}_{day}", "kind": kind, "status": status, "amount_minor": 290, "currency": "usd",
            "charge_id": f"ch_{invoice}", "charge_amount_minor": 290, "invoice_id": invoice,
            "created_at": facts.at(day),
        }  # fmt: skip
        return HoldFacts(**plain | changes)

    return make


@pytest.fixture
def status(facts: Any, policy: Any) -> Any:
    """Tell the status on `day` of a customer whose holds are these; by default one paid month."""

    def tell(*holds: HoldFacts, day: float = 10, subscriptions: Any = None, invoices: Any = None, rules: Any = policy):
        found = facts.snapshot(
            *(subscriptions or (facts.subscription(),)), invoices=invoices or (facts.invoice(),), fetched=day
        )
        snapshot = replace(found, holds=holds)
        return entitlement_from(snapshot, holds_from(snapshot, rules), (), rules, facts.at(day)).status

    return tell


@pytest.fixture
def second_month(facts: Any) -> Any:
    """The month after, paid for."""
    return facts.invoice(
        id="in_2",
        created_at=facts.at(30),
        paid_at=facts.at(30),
        period_start_at=facts.at(30),
        period_end_at=facts.at(60),
    )


DISPUTES = {
    "warning_needs_response": Status.ACTIVE, "warning_under_review": Status.ACTIVE, "warning_closed": Status.ACTIVE,
    "needs_response": Status.HELD, "under_review": Status.HELD, "appeal_needs_response": Status.HELD,
    "appeal_under_review": Status.HELD, "won": Status.ACTIVE, "prevented": Status.ACTIVE, "lost": Status.HELD,
    "a_status_of_2031": Status.HELD,
}  # fmt: skip


@pytest.mark.parametrize("word", DISPUTES)
def test_a_dispute_closes_while_it_is_open_and_when_it_is_lost(status: Any, against: Any, word: str) -> None:
    """An inquiry is a flag; a chargeback holds; winning restores; losing revokes what the charge paid for."""
    assert status(against("dispute", word)) is DISPUTES[word]


@pytest.mark.parametrize(("word", "expected"), [("actionable", Status.HELD), ("not_actionable", Status.ACTIVE)])
def test_a_fraud_warning_closes_while_something_can_be_done(
    status: Any, against: Any, word: str, expected: Status
) -> None:
    """Refunded or disputed, it is not actionable any more, and those speak for themselves."""
    assert status(against("fraud_warning", word)) is expected


@pytest.mark.parametrize("word", ["needs_response", "lost"])
def test_a_foreign_charge_closes_nothing(status: Any, against: Any, facts: Any, word: str) -> None:
    """A dispute about another product on a shared Stripe account is none of ours; nor is a payment without invoice."""
    foreign = facts.invoice(id="in_x", subscription_id="sub_foreign")
    assert status(against("dispute", word, invoice="in_x"), invoices=(facts.invoice(), foreign)) is Status.ACTIVE
    assert status(against("dispute", word, invoice=None)) is Status.ACTIVE


@pytest.mark.parametrize(
    ("word", "amount", "expected"),
    [("succeeded", 290, Status.HELD), ("pending", 290, Status.HELD), ("succeeded", 289, Status.ACTIVE),
     ("failed", 290, Status.ACTIVE), ("canceled", 290, Status.ACTIVE)],
)  # fmt: skip
def test_only_a_whole_refund_closes(status: Any, against: Any, word: str, amount: int, expected: Status) -> None:
    """A partial refund keeps access; a failed one restores it."""
    assert status(against("refund", word, amount_minor=amount)) is expected


def test_parts_add_up(status: Any, against: Any) -> None:
    """Two partial refunds that return everything are a whole one, from the second on."""
    parts = [against("refund", "succeeded", day=day, amount_minor=145) for day in (5, 6)]
    assert status(parts[0]) is Status.ACTIVE
    assert status(*parts) is Status.HELD
    assert status(parts[0], replace(parts[1], status="failed")) is Status.ACTIVE


def test_the_publication_may_keep_refunded_readers(status: Any, against: Any, policy: Any) -> None:
    """With `on_full_refund: keep`, a refund is only remembered."""
    assert status(against("refund", "succeeded"), rules=replace(policy, full_refund_revokes=False)) is Status.ACTIVE


def test_a_refund_of_an_older_period_changes_nothing(status: Any, against: Any, facts: Any, second_month: Any) -> None:
    """The month that is running was paid for, and is not touched by what happens to the one before."""
    paid = {"invoices": (facts.invoice(), second_month), "day": 40}
    paid["subscriptions"] = (facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60)),)
    assert status(against("refund", "succeeded", day=35), **paid) is Status.ACTIVE
    assert status(against("dispute", "lost", day=35), **paid) is Status.ACTIVE
    assert status(against("refund", "succeeded", invoice="in_2", day=35), **paid) is Status.HELD


@pytest.mark.parametrize(("kind", "word"), [("dispute", "lost"), ("refund", "succeeded")])
def test_a_new_paid_period_opens_again(
    status: Any, against: Any, facts: Any, second_month: Any, kind: str, word: str
) -> None:
    """Closed to the end of what was taken back, and not by time alone: the next payment opens it."""
    hold = against(kind, word)
    renewed = (facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60)),)
    assert status(hold, day=29) is Status.HELD
    assert status(hold, day=31, subscriptions=renewed) is Status.HELD
    unpaid = replace(second_month, status="open", amount_paid_minor=0)
    assert status(hold, day=31, subscriptions=renewed, invoices=(facts.invoice(), unpaid)) is Status.HELD
    assert status(hold, day=31, subscriptions=renewed, invoices=(facts.invoice(), second_month)) is Status.ACTIVE


def test_a_small_invoice_beside_the_period_is_not_the_period(status: Any, against: Any, facts: Any) -> None:
    """The difference charged for a change in mid-period is given back: the period itself stays paid for."""
    difference = facts.invoice(id="in_2", created_at=facts.at(3), paid_at=facts.at(3), period_start_at=facts.at(3))
    assert status(against("refund", "succeeded", invoice="in_2"), invoices=(facts.invoice(), difference)) is (
        Status.ACTIVE
    )


def test_one_subscriptions_refund_leaves_the_other(status: Any, against: Any, facts: Any) -> None:
    """A reader who bought anew after a refund has what they bought; a chargeback holds both."""
    bought = facts.subscription(id="sub_2", plan="annual", period_end_at=facts.at(365))
    paid = facts.invoice(id="in_2", subscription_id="sub_2", period_end_at=facts.at(365))
    both = {"subscriptions": (facts.subscription(), bought), "invoices": (facts.invoice(), paid)}
    assert status(against("refund", "succeeded"), **both) is Status.ACTIVE
    assert status(against("dispute", "needs_response"), **both) is Status.HELD


def test_a_refunded_period_earns_no_grace(status: Any, against: Any, facts: Any) -> None:
    """Grace counts from what was paid and kept: of a refunded month nothing is left to count from."""
    late = (facts.subscription(status="past_due", period_start_at=facts.at(30), period_end_at=facts.at(60)),)
    assert status(day=33, subscriptions=late) is Status.GRACE
    assert status(against("refund", "succeeded"), day=33, subscriptions=late) is Status.ENDED


@pytest.mark.parametrize(
    ("kind", "word", "awaited"),
    [("dispute", "under_review", True), ("dispute", "lost", False), ("dispute", "warning_needs_response", False),
     ("fraud_warning", "actionable", True), ("refund", "pending", True), ("refund", "succeeded", False)],
)  # fmt: skip
def test_while_a_bank_decides_we_look_every_day(
    facts: Any, policy: Any, against: Any, kind: str, word: str, awaited: bool
) -> None:
    """The event that would let a reader in again may be lost."""
    found = facts.snapshot(facts.subscription(), invoices=(facts.invoice(),), fetched=5)
    snapshot = replace(found, holds=(against(kind, word),))
    boundary = next_boundary(snapshot, policy)
    assert boundary is not None
    assert (boundary == snapshot.fetched_at + timedelta(days=1)) is awaited


def test_what_covers_is_known_to_the_cent_and_the_instant(status: Any, against: Any, facts: Any) -> None:
    """A cent paid covers; nothing paid, or a shorter period paid at the same instant, does not."""
    hold = against("refund", "succeeded")
    later = facts.invoice(id="in_2", created_at=facts.at(6), paid_at=facts.at(6), period_end_at=facts.at(20))
    for change, expected in [
        ({"amount_paid_minor": 1}, Status.ACTIVE),
        ({"paid_at": None}, Status.ACTIVE),
        ({"amount_paid_minor": 0}, Status.HELD),
        ({"status": "open"}, Status.HELD),
        ({"period_end_at": None}, Status.HELD),
        ({"created_at": facts.at(0), "paid_at": facts.at(0)}, Status.HELD),
    ]:
        assert status(hold, invoices=(facts.invoice(), replace(later, **change))) is expected, change


def test_a_refund_that_waits_for_the_reader_is_watched(facts: Any, policy: Any, against: Any) -> None:
    """`requires_action` may still fail, and then access comes back."""
    waiting = replace(
        facts.snapshot(facts.subscription(), fetched=5), holds=(against("refund", "requires_action", amount_minor=1),)
    )
    assert next_boundary(waiting, policy) == waiting.fetched_at + timedelta(days=1)


@pytest.mark.parametrize(("kind", "word"), [("dispute", "needs_response"), ("fraud_warning", "actionable")])
def test_the_rule_names_the_holds_kind(facts: Any, policy: Any, against: Any, kind: str, word: str) -> None:
    """Support reads which of them it was."""
    snapshot = replace(
        facts.snapshot(facts.subscription(), invoices=(facts.invoice(),), fetched=6), holds=(against(kind, word),)
    )
    found = entitlement_from(snapshot, holds_from(snapshot, policy), (), policy, facts.at(6))
    assert found.rule == f"held_{kind}"


def test_each_charge_is_emptied_by_its_own_refunds(status: Any, against: Any, facts: Any, second_month: Any) -> None:
    """Parts of two charges don't add up to one; and of two charges given back whole, both are gone."""
    paid = {"invoices": (facts.invoice(), second_month), "day": 40}
    paid["subscriptions"] = (facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60)),)
    parts = [against("refund", "succeeded", invoice=each, day=35, amount_minor=145) for each in ("in_1", "in_2")]
    assert status(*parts, **paid) is Status.ACTIVE
    whole = [against("refund", "succeeded", invoice=each, day=35) for each in ("in_1", "in_2")]
    assert status(*whole, **paid) is Status.HELD
    assert status(*reversed(whole), **paid) is Status.HELD


def test_a_release_by_staff_opens_what_the_hold_closed(facts: Any, policy: Any, against: Any) -> None:
    """From its instant on, for the hold it names, as what it was; no other hold is touched by it."""

    def judged(hold: HoldFacts, *releases: Release) -> Any:
        snapshot = replace(facts.snapshot(facts.subscription(), invoices=(facts.invoice(),), fetched=10), holds=(hold,))
        (found,) = holds_from(snapshot, policy, releases)
        return found

    for kind, status, revokes in (
        ("dispute", "needs_response", False), ("fraud_warning", "actionable", False), ("refund", "succeeded", True),
    ):  # fmt: skip
        hold = against(kind, status)
        release = Release(hold_id=hold.id, revokes=revokes, released_at=facts.at(8))
        assert judged(hold).closes("sub_1")
        assert judged(hold, replace(release, hold_id="other")).closes("sub_1")
        assert judged(hold, replace(release, revokes=not revokes)).closes("sub_1")
        assert (judged(hold, release).closes("sub_1"), judged(hold, release).released_at) == (False, facts.at(8))
    lost = against("dispute", "lost")
    assert judged(lost, Release(hold_id=lost.id, revokes=False, released_at=facts.at(8))).closes("sub_1")
    won = against("dispute", "won")
    assert judged(won, Release(hold_id=won.id, revokes=False, released_at=facts.at(8))).released_at is None


def test_a_released_refund_proves_no_payment(facts: Any, policy: Any, against: Any) -> None:
    """The money is gone: when the next payment fails there is no paid period to be in grace after."""
    hold = against("refund", "succeeded")
    release = Release(hold_id=hold.id, revokes=True, released_at=facts.at(8))

    def status_on(day: float, word: str) -> Status:
        sold = facts.subscription(status=word)
        snapshot = replace(facts.snapshot(sold, invoices=(facts.invoice(),), fetched=day), holds=(hold,))
        return entitlement_from(snapshot, holds_from(snapshot, policy, [release]), (), policy, facts.at(day)).status

    assert status_on(10, "active") is Status.ACTIVE
    assert status_on(31, "past_due") is not Status.GRACE


@pytest.fixture
def renewed(facts: Any, second_month: Any) -> dict[str, Any]:
    """A subscription in its second month, both months paid for."""
    sold = (facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60)),)
    return {"subscriptions": sold, "invoices": (facts.invoice(), second_month)}


def test_a_warning_lets_go_once_the_reader_was_charged_again(status: Any, against: Any, renewed: Any) -> None:
    """A bank that lets the next payment through has not stopped the card; before it, the warning holds."""
    warning = against("fraud_warning", "actionable")
    assert status(warning, day=29) is Status.HELD
    assert status(warning, day=31, **renewed) is Status.ACTIVE
    assert status(against("fraud_warning", "actionable", day=30), day=31, **renewed) is Status.HELD, "told after it"


@pytest.mark.parametrize(
    ("kind", "word", "expected"),
    [("fraud_warning", "actionable", Status.HELD), ("dispute", "needs_response", Status.HELD),
     ("dispute", "lost", Status.HELD), ("fraud_warning", "not_actionable", Status.ACTIVE)],
)  # fmt: skip
def test_a_doubted_payment_lifts_no_warning(
    status: Any, against: Any, renewed: Any, kind: str, word: str, expected: Status
) -> None:
    """What is itself warned of or disputed proves nothing about the card."""
    doubt = against(kind, word, invoice="in_2", day=31)
    assert status(against("fraud_warning", "actionable"), doubt, day=32, **renewed) is expected


def test_only_money_for_the_same_subscription_lifts_a_warning(status: Any, against: Any, facts: Any) -> None:
    """Not a bill of nothing, not an unpaid one, and not what was paid for another subscription."""
    warning = against("fraud_warning", "actionable")
    later = facts.invoice(id="in_2", created_at=facts.at(6), paid_at=facts.at(6))
    both = (facts.subscription(), facts.subscription(id="sub_2"))
    for change, expected in [
        ({}, Status.ACTIVE),
        ({"amount_paid_minor": 1}, Status.ACTIVE),
        ({"amount_paid_minor": 0}, Status.HELD),
        ({"status": "open"}, Status.HELD),
        ({"subscription_id": "sub_2"}, Status.HELD),
    ]:
        found = status(warning, subscriptions=both, invoices=(facts.invoice(), replace(later, **change)))
        assert found is expected, change


def test_a_warning_holds_for_the_policys_term_at_most(status: Any, against: Any, facts: Any, policy: Any) -> None:
    """Nobody need ever decide about a warning; so the offer says how long it counts, to the instant."""
    warning = against("fraud_warning", "actionable")
    year = {"subscriptions": (facts.subscription(period_end_at=facts.at(365)),)}
    year["invoices"] = (facts.invoice(period_end_at=facts.at(365)),)
    assert status(warning, day=124.999, **year) is Status.HELD
    assert status(warning, day=125, **year) is Status.ACTIVE
    shorter = replace(policy, fraud_hold=timedelta(days=10))
    assert [status(warning, day=day, rules=shorter, **year) for day in (14, 15)] == [Status.HELD, Status.ACTIVE]


def test_a_warning_is_watched_no_longer_than_it_holds(facts: Any, policy: Any, against: Any, second_month: Any) -> None:
    """Daily, at the instant at which it lapses, and then no more; nor once the reader was charged again."""
    warning = against("fraud_warning", "actionable")
    sold = facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(365))

    def due(day: float, *paid: Any) -> Any:
        found = facts.snapshot(sold, invoices=(facts.invoice(period_end_at=facts.at(365)), *paid), fetched=day)
        return next_boundary(replace(found, holds=(warning,)), policy)

    year_ends = facts.at(365) + timedelta(minutes=5)
    assert [due(50), due(124.5), due(125)] == [facts.at(51), facts.at(125), year_ends]
    assert due(50, second_month) == year_ends


def test_a_dispute_holds_for_as_long_as_the_bank_takes(status: Any, against: Any, facts: Any, renewed: Any) -> None:
    """Neither a later payment nor a warning's term says anything about what the bank has still to decide."""
    dispute = against("dispute", "needs_response")
    assert status(dispute, day=50, **renewed) is Status.HELD
    year = {"subscriptions": (facts.subscription(period_end_at=facts.at(365)),)}
    year["invoices"] = (facts.invoice(period_end_at=facts.at(365)),)
    assert status(dispute, day=300, **year) is Status.HELD


@pytest.mark.parametrize(
    ("word", "expected"),
    [("warning_needs_response", True), ("warning_closed", True), ("won", True), ("prevented", True),
     ("lost", False), ("needs_response", False), ("under_review", False), ("a_status_of_2031", False)],
)  # fmt: skip
def test_won_prevented_or_only_asked_about_it_was_no_dispute(against: Any, word: str, expected: bool) -> None:
    """Who was barred from trials for it is free again; what is open, lost or unheard of bars on."""
    assert is_no_dispute(against("dispute", word)) is expected


def test_what_is_paid_while_held_is_found(facts: Any, policy: Any, against: Any, second_month: Any) -> None:
    """Money taken for what stays closed: to the cent, from the instant after the hold, of its own subscription."""
    dispute = against("dispute", "needs_response", day=30)

    def found(hold: HoldFacts, **changes: Any) -> list[str]:
        paid = replace(second_month, **changes)
        sold = facts.snapshot(facts.subscription(), invoices=(facts.invoice(), paid), fetched=40)
        snapshot = replace(sold, holds=(hold,))
        return [each.id for each in paid_while_held(snapshot, holds_from(snapshot, policy))]

    at_once, later = facts.at(30), facts.at(30.001)
    assert found(dispute, paid_at=later) == ["in_2"]
    assert found(dispute, paid_at=later, amount_paid_minor=1) == ["in_2"]
    assert found(dispute, paid_at=None, created_at=later) == ["in_2"]
    assert found(dispute, paid_at=at_once) == []
    assert found(dispute, paid_at=later, amount_paid_minor=0) == []
    assert found(dispute, paid_at=later, status="open") == []
    assert found(dispute, paid_at=later, subscription_id="sub_foreign") == []
    assert found(replace(dispute, status="won"), paid_at=later) == []
    refund = against("refund", "succeeded", day=5)
    assert found(refund, paid_at=later) == [], "paid for again, it is open"
    assert found(refund, paid_at=later, period_end_at=None) == ["in_2"], "paid for no time"


@pytest.mark.parametrize(
    ("kind", "word", "expected"),
    [
        ("dispute", "needs_response", True), ("fraud_warning", "actionable", True), ("dispute", "lost", False),
        ("dispute", "warning_needs_response", False), ("refund", "succeeded", False),
    ],
)  # fmt: skip
def test_only_the_undecided_closes_what_comes(
    facts: Any, policy: Any, against: Any, kind: str, word: str, expected: bool
) -> None:
    """Money that is gone closes what it had paid for, and another payment opens; staff's release lets it open too."""
    found = replace(
        facts.snapshot(facts.subscription(), invoices=(facts.invoice(),), fetched=10), holds=(against(kind, word),)
    )
    assert closes_what_comes(holds_from(found, policy)) is expected
    release = Release(hold_id=found.holds[0].id, revokes=False, released_at=facts.at(11))
    assert not closes_what_comes(holds_from(found, policy, [release]))
