"""What holds of entitlements for every life Stripe can tell of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, example, given
from hypothesis import strategies as st

from service.domain.entitlement import GrantKind, Hold, Policy, Status, entitlement_from, next_boundary
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
POLICY = Policy(
    grace_renewal=timedelta(days=7), grace_first_payment=timedelta(days=3), subscriber_features=("archives",)
)
STATUSES = (
    "trialing", "active", "past_due", "paused", "canceled", "unpaid", "incomplete", "incomplete_expired", "new_in_2031",
)  # fmt: skip

instants = st.integers(0, 400 * 24).map(lambda hours: START + timedelta(hours=hours))
maybe = st.none() | instants
spans = st.integers(0, 400 * 24).map(lambda hours: timedelta(hours=hours))


any_status = st.sampled_from(STATUSES)


@st.composite
def subscriptions(draw, statuses=any_status) -> SubscriptionFacts:
    created_at, trial_end_at = draw(instants), draw(maybe)
    period_start_at = draw(instants)
    return SubscriptionFacts(
        id="sub_0", status=draw(statuses), price_id="price_1",
        plan=draw(st.sampled_from(["monthly", "annual", "gone", None])), currency="usd", amount_minor=290,
        interval="month", created_at=created_at, trial_start_at=trial_end_at and created_at, trial_end_at=trial_end_at,
        period_start_at=period_start_at, period_end_at=period_start_at + timedelta(days=draw(st.integers(1, 366))),
        cancel_at=draw(maybe), cancel_at_period_end=draw(st.booleans()), canceled_at=None, ended_at=draw(maybe),
        pause_behavior=draw(st.sampled_from([None, "void", "keep_as_draft", "mark_uncollectible"])),
        paused_reason=None, cancellation_reason=None, reader_id=None, checkout_id=None,
    )  # fmt: skip


@st.composite
def invoices(draw) -> InvoiceFacts:
    period_start_at, paid_minor = draw(instants), draw(st.sampled_from([0, 290]))
    return InvoiceFacts(
        id="in_1", number=None, subscription_id="sub_0",
        status=draw(st.sampled_from(["paid", "open", "draft", "void"])), billing_reason=None, currency="usd",
        amount_due_minor=290, amount_paid_minor=paid_minor, attempt_count=0, next_attempt_at=draw(maybe),
        created_at=period_start_at, paid_at=None, period_start_at=period_start_at,
        period_end_at=period_start_at + timedelta(days=draw(st.integers(1, 366))), hosted_url=None,
    )  # fmt: skip


any_subscription = subscriptions()


@st.composite
def snapshots(draw, subscription=any_subscription, most=3) -> CustomerSnapshot:
    found = [replace(draw(subscription), id=f"sub_{number}") for number in range(draw(st.integers(1, most)))]
    paid = draw(st.lists(invoices(), max_size=3))
    owned = [replace(each, subscription_id=draw(st.sampled_from(found)).id) for each in paid]
    return CustomerSnapshot(
        customer_id="cus_1", deleted=draw(st.sampled_from([False, False, False, True])), email=None, reader_id=None,
        fetched_at=draw(instants), card=None, subscriptions=tuple(found), invoices=tuple(owned),
    )  # fmt: skip


@given(snapshots(most=1), instants, spans)
def test_an_entitlement_stays_true_as_time_passes(snapshot, now, span):
    """Asked again later of the same facts, the rule opens exactly what the earlier answer said it would.

    So a pass may be believed until its horizon, and access that has ended never comes back without a new look.
    """
    later = now + span
    first = entitlement_from(snapshot, (), (), POLICY, now)
    assert first.grants_at(later) == (entitlement_from(snapshot, (), (), POLICY, later).cause is not None)


@given(snapshots(), instants, spans)
def test_access_never_returns_without_a_new_look(snapshot, now, span):
    """Of several subscriptions too: once nothing is open, the same facts never open anything again."""
    if entitlement_from(snapshot, (), (), POLICY, now).cause is None:
        assert entitlement_from(snapshot, (), (), POLICY, now + span).cause is None


@given(snapshots(), instants, st.randoms())
def test_the_order_of_subscriptions_is_irrelevant(snapshot, now, random):
    """However Stripe lists subscriptions and invoices, the entitlement is the same."""
    shuffled, paid = list(snapshot.subscriptions), list(snapshot.invoices)
    random.shuffle(shuffled)
    random.shuffle(paid)
    other = replace(snapshot, subscriptions=tuple(shuffled), invoices=tuple(paid))
    assert entitlement_from(other, (), (), POLICY, now) == entitlement_from(snapshot, (), (), POLICY, now)


@given(snapshots(), instants)
def test_what_is_over_opens_nothing_and_says_so(snapshot, now):
    """Cause, horizon, features and status always tell one story."""
    found = entitlement_from(snapshot, (), (), POLICY, now)
    opens = found.cause is not None
    assert opens == found.grants_at(now)
    assert opens == bool(found.features)
    assert opens == (found.status in {Status.TRIALING, Status.ACTIVE, Status.CANCELLING, Status.GRACE})


@given(snapshots(subscriptions(st.just("past_due"))), instants)
def test_past_due_is_always_bounded(snapshot, now):
    """No unpaid subscription opens anything beyond a week after what was paid for, given as a trial, or begun."""
    found = entitlement_from(snapshot, (), (), POLICY, now)
    for each in snapshot.subscriptions:
        if each.id == found.subscription_id and found.cause is not None:
            ends = [
                each.created_at,
                each.trial_end_at,
                *(i.period_end_at for i in snapshot.invoices if i.status == "paid"),
            ]
            assert found.cause is GrantKind.GRACE
            assert found.horizon is not None
            assert found.horizon <= max(filter(None, ends)) + POLICY.grace_renewal


@given(subscriptions(st.sampled_from(["active", "trialing"])), invoices(), instants, instants)
@example(  # a payer whose renewal we never heard of
    SubscriptionFacts(
        id="sub_1", status="active", plan="monthly", price_id="p", currency="usd", amount_minor=290, interval="month",
        created_at=START, trial_start_at=None, trial_end_at=None, period_start_at=START,
        period_end_at=START + timedelta(days=30), cancel_at=None, cancel_at_period_end=False, canceled_at=None,
        ended_at=None, pause_behavior=None, paused_reason=None, cancellation_reason=None, reader_id=None,
        checkout_id=None,
    ),
    InvoiceFacts(
        id="in_1", number=None, subscription_id="sub_1", status="paid", billing_reason=None, currency="usd",
        amount_due_minor=290, amount_paid_minor=290, attempt_count=0, next_attempt_at=None, created_at=START,
        paid_at=None, period_start_at=START, period_end_at=START + timedelta(days=30), hosted_url=None,
    ),
    START, START + timedelta(days=300),
)  # fmt: skip
def test_a_payer_is_open_until_a_fact_says_otherwise(subscription, invoice, fetched_at, now):
    """Seen active or trialing before its boundary, access lasts at least to the cancellation, or as paid for."""
    boundary = subscription.trial_end_at if subscription.status == "trialing" else subscription.period_end_at
    assume(subscription.plan is not None and boundary is not None and fetched_at < boundary)
    invoice = replace(invoice, subscription_id=subscription.id)
    snapshot = CustomerSnapshot(
        customer_id="cus_1", deleted=False, email=None, reader_id=None, fetched_at=fetched_at, card=None,
        subscriptions=(subscription,), invoices=(invoice,),
    )  # fmt: skip
    unbilled, covered = subscription.pause_behavior == "void", _covered(subscription, invoice)
    assume(not unbilled or covered is not None)  # nothing paid, nothing billed: nothing promised
    ends = [
        subscription.cancel_at,
        subscription.period_end_at if subscription.cancel_at_period_end else None,
        covered if unbilled else None,
    ]
    promised = min(filter(None, ends), default=None)
    found = entitlement_from(snapshot, (), (), POLICY, now)
    assert (found.cause is not None) == (promised is None or now < promised)


def _covered(subscription: SubscriptionFacts, invoice: InvoiceFacts) -> datetime | None:
    """An independent reading of what was paid for, or given as a trial."""
    trial_end = subscription.trial_end_at
    of_trial = trial_end is not None and invoice.period_start_at is not None and invoice.period_start_at < trial_end
    paid = invoice.status == "paid" and not (invoice.amount_paid_minor == 0 and of_trial)
    return max(filter(None, [trial_end, invoice.period_end_at if paid else None]), default=None)


@given(snapshots(), instants)
def test_a_hold_opens_nothing(snapshot, now):
    """A blocking hold in force closes everything that was sold."""
    hold = Hold(kind="dispute", blocks=True, from_at=START, released_at=None)
    assert entitlement_from(snapshot, [hold], (), POLICY, now).cause is None


@given(snapshots())
def test_a_look_is_due_after_the_last_one_and_around_every_change(snapshot):
    """The next look is in the future, and at most five minutes after access would change by itself."""
    due = next_boundary(snapshot, POLICY)
    assert due is None or due > snapshot.fetched_at
    found = entitlement_from(snapshot, (), (), POLICY, snapshot.fetched_at)
    live = [each for each in snapshot.subscriptions if each.plan is not None and each.ended_at is None]
    if found.subscription_id in {each.id for each in live} and not snapshot.deleted and found.cause is not None:
        assert due is not None
        if found.horizon is not None:
            assert due <= found.horizon + timedelta(minutes=5)
