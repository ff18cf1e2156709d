"""Checkout against the stand-in Stripe: one open per reader, safe to repeat, nobody sold the same thing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import stripe
from sqlalchemy import text

from service.billing.checkouts import Checkouts
from service.domain.emails import email_digest
from service.domain.staff import Role
from service.domain.trials import TrialReason
from service.errors import Conflict, InvalidRequest, NotFound, StripeUnavailable
from service.store import trials
from service.support.acts.releasing import ReleaseWish
from service.support.audit import Entry, Trail


def test_a_first_checkout_tells_the_trial_before_payment(shop: Any) -> None:
    """Thirty days free, nothing due today, then $2.90: told with the link, and kept as the record of consent."""
    checkout = shop.open()
    assert (checkout.created, checkout.trial.eligible, checkout.trial.days) == (True, True, 30)
    assert (checkout.disclosure.due_today.amount_minor, checkout.disclosure.first_charge.amount_minor) == (0, 290)
    with shop.core.engine.connect() as connection:
        kept = connection.execute(text("select disclosure, catalog_version from checkouts")).one()
    assert kept.disclosure == checkout.disclosure.to_json()
    assert kept.catalog_version == shop.core.catalog.version


def test_the_annual_plan_is_due_today(shop: Any) -> None:
    """No trial, and the disclosure says so."""
    checkout = shop.open(plan="annual")
    assert (checkout.trial.eligible, checkout.trial.reason) == (False, TrialReason.PLAN_WITHOUT_TRIAL)
    assert checkout.disclosure.due_today.amount_minor == 1990


def test_asking_again_gives_the_same_open_checkout(shop: Any) -> None:
    """A reader who goes back and clicks again gets the same page, not a second one."""
    first, again = shop.open(), shop.open()
    assert (again.id, again.url, again.created) == (first.id, first.url, False)
    assert again.disclosure == first.disclosure
    assert len(shop.open_sessions()) == 1


def test_another_plan_expires_the_open_checkout_first(shop: Any) -> None:
    """Two tabs with two plans cannot both be paid."""
    monthly = shop.open()
    annual = shop.open(plan="annual")
    assert [session.url for session in shop.open_sessions()] == [annual.url]
    assert shop.services.checkouts.outcome(monthly.id).status == "expired"


def test_parallel_requests_share_one_open_checkout(shop: Any) -> None:
    """Forty requests at once: one customer, one session."""
    with ThreadPoolExecutor(16) as pool:
        checkouts = list(pool.map(lambda _: shop.open(), range(40)))
    assert len({checkout.url for checkout in checkouts}) == 1
    assert sum(checkout.created for checkout in checkouts) == 1
    assert len(shop.open_sessions()) == 1
    assert len(shop.client.v1.customers.list({"test_clock": shop.clock_id}).data) == 1


def test_the_return_page_learns_the_outcome_without_a_webhook(shop: Any) -> None:
    """No webhook is delivered in this test; the question itself syncs the customer."""
    checkout = shop.open()
    assert shop.services.checkouts.outcome(checkout.id).status == "open"
    answer = shop.pay(checkout)
    assert f"checkout_id={checkout.id}" in answer.headers["Location"]
    assert "from=wall" in answer.headers["Location"]
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"
    assert shop.status() == "trialing"


def test_a_subscriber_is_not_sold_a_second_subscription(shop: Any) -> None:
    """Also when the first checkout was paid and nobody has told us yet."""
    checkout = shop.open()
    shop.pay(checkout)
    with pytest.raises(Conflict) as refused:
        shop.open(plan="annual")
    assert refused.value.code == "already_subscribed"


def test_who_owes_a_payment_is_not_sold_a_second_subscription(shop: Any) -> None:
    """Access ends while Stripe still tries the card: a second sale would be charged beside the first."""
    shop.pay(shop.open(), card_number="4000 0000 0000 0341")
    shop.pass_days(31)
    with pytest.raises(Conflict) as refused:
        shop.open(plan="annual")
    assert refused.value.code == "payment_outstanding"
    assert shop.status() == "ended"
    assert shop.open_sessions() == []


def test_who_is_in_grace_has_a_subscription(shop: Any) -> None:
    """Access goes on while Stripe tries the card again: the account page is where to go."""
    shop.subscribe()
    shop.pass_days(31)
    (bought,) = shop.client.v1.subscriptions.list({"customer": shop.customer}).data
    card = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": shop.customer}).id
    shop.client.v1.subscriptions.update(bought.id, {"default_payment_method": card})
    shop.pass_days(31)
    with pytest.raises(Conflict) as refused:
        shop.open()
    assert (shop.status(), refused.value.code) == ("grace", "already_subscribed")


@pytest.mark.usefixtures("closed")
def test_courtesy_beside_a_sale_opens_no_second_one(shop: Any) -> None:
    """Held or paused, a subscription is sold, whatever staff gave the reader meanwhile."""
    with pytest.raises(Conflict) as refused:
        shop.open()
    assert refused.value.code == "already_subscribed"
    assert shop.open_sessions() == []


@pytest.mark.parametrize("against", ["disputes", "early_fraud_warnings"])
def test_nothing_is_sold_to_whom_the_undecided_keeps_out(shop: Any, against: str) -> None:
    """The old subscription is over, the bank has not decided: a new one would be charged, and held as well."""
    shop.subscribe(plan="annual")
    hold = shop.lever(against, charge=shop.client.v1.charges.list({"customer": shop.customer}).data[0].id)
    shop.sync()
    shop.services.cancellations.end_now("r-1", comment="asked to")
    with pytest.raises(Conflict) as refused:
        shop.open(plan="annual")
    assert (refused.value.code, shop.open_sessions()) == ("access_held", [])
    release = ReleaseWish(reader_id="r-1", hold_id=hold["id"], reason="rang", asked_by="staff:7", role=Role.ADMIN)
    shop.services.acts.release_hold.do(release, trail(shop))
    assert shop.open(plan="annual").created


def test_who_got_the_money_back_may_buy_again(shop: Any) -> None:
    """A charge refunded whole has closed what it paid for; nothing stands against what comes."""
    shop.subscribe(plan="annual")
    shop.client.v1.refunds.create({"charge": shop.client.v1.charges.list({"customer": shop.customer}).data[0].id})
    shop.services.cancellations.end_now("r-1", comment="asked to")
    shop.pay(shop.open(plan="annual"))
    shop.sync()
    assert shop.status() == "active"


def trail(shop: Any) -> Trail:
    return Trail(shop.services.audit, Entry(actor="staff:7", act="act", subjects=("r-1",), request_id="req-1"))


def pay_by_debit(shop: Any, plan: str = "annual") -> tuple[Any, str]:
    """Pay as by bank debit, which takes days; return the checkout and its session's lever."""
    checkout = shop.open(plan=plan)
    lever = f"checkout_sessions/{shop.open_sessions()[0].id}"
    shop.lever(lever, async_payment="expected")
    assert shop.pay(checkout).status_code == 303
    return checkout, lever


def subscriptions(shop: Any) -> list[str]:
    """Return the statuses of all of `r-1`'s."""
    listed = shop.client.v1.subscriptions.list({"customer": shop.customer, "status": "all"}).data
    return sorted(each.status for each in listed)


def test_nothing_is_sold_beside_a_payment_under_way(shop: Any) -> None:
    """A debit takes days: the reader has done their part, nothing opens, and no second one is begun meanwhile."""
    checkout, lever = pay_by_debit(shop)
    assert (shop.services.checkouts.outcome(checkout.id).status, shop.status()) == ("complete", "none")
    shop.pass_days(3)
    for plan in ("annual", "monthly"):
        with pytest.raises(Conflict) as refused:
            shop.open(plan=plan)
        assert refused.value.code == "payment_processing"
    shop.lever(lever, async_payment="succeeded")
    with pytest.raises(Conflict) as bought:
        shop.open()
    assert (bought.value.code, shop.status(), subscriptions(shop)) == ("already_subscribed", "active", ["active"])
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"


@pytest.mark.parametrize("told_first", [True, False])
def test_a_debit_that_failed_frees_the_reader(shop: Any, told_first: bool) -> None:
    """And what it was for cannot be paid any more beside what is bought instead, whether anybody asks or not."""
    checkout, lever = pay_by_debit(shop)
    shop.lever(lever, async_payment="failed")
    if told_first:
        assert shop.services.checkouts.outcome(checkout.id).status == "expired"
    again = shop.open(plan="annual")
    assert again.created
    shop.pay(again, card_number="4242 4242 4242 4242")
    assert (shop.services.checkouts.outcome(again.id).status, shop.status()) == ("complete", "active")
    assert subscriptions(shop) == ["active", "incomplete_expired"]
    assert {each.status for each in shop.client.v1.invoices.list({"customer": shop.customer}).data} == {"paid", "void"}


def test_a_payment_that_lands_while_another_is_asked_for_is_seen(shop: Any, monkeypatch: Any) -> None:
    """Paid after Stripe was asked and before the reservation: the reservation is given back, and nothing opened."""
    checkout = shop.open()
    reserve = Checkouts._reserve

    def pay_first(self: Checkouts, *args: Any) -> Any:
        shop.pay(checkout)
        shop.services.checkouts.outcome(checkout.id)
        return reserve(self, *args)

    monkeypatch.setattr(Checkouts, "_reserve", pay_first)
    with pytest.raises(Conflict) as refused:
        shop.open(plan="annual")
    assert (refused.value.code, shop.open_sessions()) == ("already_subscribed", [])
    with shop.core.engine.connect() as connection:
        assert list(connection.scalars(text("select status from checkouts"))) == ["complete"]


def test_what_was_begun_at_the_bank_cannot_be_paid_beside_what_was_bought_instead(shop: Any) -> None:
    """Who leaves the bank's page and buys the other plan has one subscription, and no open invoice of the first."""
    annual = shop.open(plan="annual")
    assert shop.pay(annual, card_number="4000 0025 0000 3155").status_code == 200
    monthly = shop.open(plan="monthly")
    assert [session.url for session in shop.open_sessions()] == [monthly.url]
    shop.pay(monthly)
    customer = shop.client.v1.customers.list({"test_clock": shop.clock_id}).data[0].id
    subscriptions = shop.client.v1.subscriptions.list({"customer": customer, "status": "all"}).data
    assert sorted(each.status for each in subscriptions) == ["incomplete_expired", "trialing"]
    assert {each.status for each in shop.client.v1.invoices.list({"customer": customer}).data} == {"paid", "void"}


def test_a_trial_is_given_once(shop: Any) -> None:
    """The same reader, and another reader with the same mailbox, pay at once and are told why."""
    shop.subscribe()
    state = shop.services.readers.state("r-1")
    shop.client.v1.subscriptions.cancel(state.subscription.id)
    again = shop.open()
    assert (again.trial.eligible, again.trial.reason) == (False, TrialReason.USED_READER)
    assert again.disclosure.due_today.amount_minor == 290
    other = shop.open("r-2", email="R-1+again@Example.com")
    assert (other.trial.eligible, other.trial.reason) == (False, TrialReason.USED_EMAIL)


USED, FRESH, OTHER = "r-0@example.com", "fresh@example.com", "other@example.com"
OTHER_CARD = "5555 5555 5555 4444"


@pytest.mark.parametrize(
    "given",
    [[USED, FRESH], [FRESH, USED], [FRESH, USED, FRESH], [USED, FRESH, OTHER], ["annual", USED, FRESH, FRESH]],
    ids=lambda given: "-".join(each.partition("@")[0] for each in given),
)
@pytest.mark.parametrize("closing", [True, False])
def test_another_address_is_no_way_to_a_second_trial(shop: Any, given: list[str], closing: bool) -> None:
    """Who was known by an address that has had a trial is told so under any later one, and charged as told.

    Also where the address was given for a plan without a trial, and whether the page of before was left open or not.
    """
    shop.subscribe("r-0")
    for email in given:
        annual = email == "annual"
        checkout = shop.open(plan="annual" if annual else "monthly", email=USED if annual else email)
        if closing and email is not given[-1]:
            shop.services.checkouts.close("r-1")
    assert (checkout.trial.reason, checkout.disclosure.due_today.amount_minor) == (TrialReason.USED_EMAIL, 290)
    assert [session.url for session in shop.open_sessions() if session.customer == shop.customer] == [checkout.url]
    assert shop.services.readers.state("r-1").trial.reason is TrialReason.USED_EMAIL
    shop.pay(checkout, card_number=OTHER_CARD)
    shop.sync()
    assert (shop.status(), charged(shop)) == ("active", [290])
    assert shop.client.v1.customers.retrieve(shop.customer).email == given[-1]


@pytest.mark.parametrize("closing", [True, False])
def test_a_trial_that_was_promised_for_the_newest_address_is_given(shop: Any, closing: bool) -> None:
    """Stripe keeps the first address typed, which another reader may take meanwhile: it is told the newest one."""
    shop.open(email=FRESH)
    if closing:
        shop.services.checkouts.close("r-1")
    checkout = shop.open(email=OTHER)
    shop.subscribe("r-0")
    shop.services.cancellations.end_now("r-0", comment="asked to")
    shop.pay(shop.open("r-2", email=FRESH), card_number="4242420000000000")
    assert (checkout.trial.eligible, checkout.disclosure.due_today.amount_minor, checkout.created) == (True, 0, closing)
    shop.pay(checkout, card_number=OTHER_CARD)
    shop.sync()
    assert (shop.status(), charged(shop)) == ("trialing", [])
    assert shop.client.v1.customers.retrieve(shop.customer).email == OTHER


def test_where_the_site_tells_no_address_stripes_is_judged(shop: Any) -> None:
    """Staff put it right in the Dashboard: what is told before payment is what Stripe's address brings about."""
    shop.subscribe("r-0")
    shop.open(email=FRESH)
    shop.client.v1.customers.update(shop.customer, {"email": USED})
    checkout = shop.services.checkouts.open(replace(shop.request(), email=None))
    assert (checkout.trial.reason, checkout.created) == (TrialReason.USED_EMAIL, True)
    shop.pay(checkout, card_number=OTHER_CARD)
    shop.sync()
    assert (shop.status(), charged(shop)) == ("active", [290])


def test_a_barred_address_bars_after_it_was_changed_until_the_dispute_is_none(shop: Any) -> None:
    """Who was known by the mailbox of a disputed payment is not offered a trial under another."""
    with shop.core.engine.begin() as connection:
        digest = email_digest(USED, shop.core.settings.subject_key)
        trials.bar(connection, {"email": digest}, reader_id="r-0", dispute_id="dp_1")
    told = [shop.open(email=email).trial.reason for email in (USED, FRESH, OTHER)]
    assert told == [TrialReason.DISPUTED] * 3
    with shop.core.engine.begin() as connection:
        trials.unbar(connection, "dp_1")
    assert shop.open(email=OTHER).trial.eligible


def charged(shop: Any) -> list[int]:
    return [each.amount for each in shop.client.v1.charges.list({"customer": shop.customer}).data]


def test_a_timed_out_checkout_is_repeated_with_the_same_key(shop: Any) -> None:
    """Stripe made the session but its answer was lost: the repeat finds that session, not a second one."""
    create = shop.core.client.v1.checkout.sessions.create
    lost: list[str] = []

    def lose_the_answer(params: Any, options: Any) -> Any:
        lost.append(create(params, options).id)
        raise stripe.APIConnectionError("the answer was lost")

    shop.core.client.v1.checkout.sessions.create = lose_the_answer
    with pytest.raises(StripeUnavailable):
        shop.open()
    shop.core.client.v1.checkout.sessions.create = create
    checkout = shop.open()
    assert [session.id for session in shop.open_sessions()] == list(set(lost))
    assert shop.services.checkouts.outcome(checkout.id).status == "open"


def leave_unmade(shop: Any, hours: int) -> None:
    """Let an outage have left a checkout without a page, so long ago."""
    create = shop.core.client.v1.checkout.sessions.create

    def lose_the_call(_params: Any, _options: Any) -> Any:
        raise stripe.APIConnectionError("nobody there")

    shop.core.client.v1.checkout.sessions.create = lose_the_call
    with pytest.raises(StripeUnavailable):
        shop.open()
    shop.core.client.v1.checkout.sessions.create = create
    let_hours_pass(shop, hours)


def let_hours_pass(shop: Any, hours: int) -> None:
    with shop.core.engine.begin() as connection:
        moved = text("update checkouts set created_at = created_at - make_interval(hours => :hours)")
        connection.execute(moved, {"hours": hours})


def statuses(shop: Any) -> list[str]:
    with shop.core.engine.connect() as connection:
        return list(connection.scalars(text("select status from checkouts order by created_at")))


@pytest.mark.parametrize(("hours", "left"), [(23, ["open"]), (24, ["expired", "open"]), (500, ["expired", "open"])])
def test_what_an_outage_left_is_not_sold_for_ever(shop: Any, hours: int, left: list[str]) -> None:
    """Its price, trial and first charge are of then: after a day the offer is made anew."""
    leave_unmade(shop, hours)
    checkout = shop.open()
    assert (checkout.created, statuses(shop)) == (len(left) == 2, left)
    assert [session.url for session in shop.open_sessions()] == [checkout.url]


def test_a_page_made_late_for_an_old_offer_is_not_handed_out_again(shop: Any) -> None:
    """Made by a repetition 23 hours later it stays open at Stripe for another day; what it tells is a day old."""
    leave_unmade(shop, 23)
    shop.open()
    let_hours_pass(shop, 1)
    assert (shop.open().created, statuses(shop)) == (True, ["expired", "open"])


def test_what_stripe_would_refuse_for_good_is_given_up_without_a_word(shop: Any) -> None:
    """An old checkout's price is archived, or its customer deleted: it was to be closed anyway."""
    leave_unmade(shop, 0)
    shop.client.v1.customers.delete(shop.customer)
    assert (shop.open().created, statuses(shop)) == (True, ["expired", "open"])


def test_stripe_being_away_is_said_so(shop: Any) -> None:
    """StripeUnavailable, which the edge answers as 503 with Retry-After; nothing half-made remains in the way."""
    shop.open("r-0")
    shop.standin.stop()
    with pytest.raises(StripeUnavailable):
        shop.open()


def test_an_unknown_plan_and_an_unknown_checkout_are_said_so(shop: Any) -> None:
    """Both are the caller's mistakes."""
    with pytest.raises(InvalidRequest) as refused:
        shop.open(plan="weekly")
    assert refused.value.code == "unknown_plan"
    with pytest.raises(NotFound):
        shop.services.checkouts.outcome("chk_unknown")


@pytest.mark.parametrize("told_first", [True, False])
def test_an_expired_session_frees_the_reader(shop: Any, told_first: bool) -> None:
    """A link that leads nowhere, expired by itself or in the Dashboard, is replaced, whether anybody asked or not."""
    first = shop.open()
    shop.client.v1.checkout.sessions.expire(shop.open_sessions()[0].id)
    shop.sync()
    if told_first:
        assert shop.services.checkouts.outcome(first.id).status == "expired"
    again = shop.open()
    assert again.created
    assert [session.url for session in shop.open_sessions()] == [again.url]
    assert shop.services.checkouts.outcome(first.id).status == "expired"


def test_a_refusal_for_good_does_not_block_the_reader(shop: Any) -> None:
    """When Stripe refuses the parameters themselves, the next request starts afresh."""
    create = shop.core.client.v1.checkout.sessions.create

    def refuse(_params: Any, _options: Any) -> Any:
        raise stripe.InvalidRequestError("No such price", param="line_items", http_status=400)

    shop.core.client.v1.checkout.sessions.create = refuse
    with pytest.raises(stripe.InvalidRequestError):
        shop.open()
    shop.core.client.v1.checkout.sessions.create = create
    assert shop.open().created


@pytest.mark.parametrize("times", [1, 3])
def test_a_failure_that_stripe_keeps_does_not_bar_the_reader(shop: Any, times: int) -> None:
    """A 500 kept under a key is every repetition's answer for a day; customer and session are made all the same."""
    for _ in range(times):
        faults(shop, status=500, saved=True)
        with pytest.raises(StripeUnavailable):
            shop.open()
    faults(shop)
    checkout = shop.open()
    assert [session.url for session in shop.open_sessions()] == [checkout.url]
    assert len(shop.client.v1.customers.list({"test_clock": shop.clock_id}).data) == 1


def test_what_stripe_made_and_called_a_failure_is_found(shop: Any) -> None:
    """The kept 500 may have come after the work: the session of that very checkout is taken, and no second made."""
    create = shop.core.client.v1.checkout.sessions.create

    def make_and_fail(params: Any, options: Any) -> Any:
        create(params, options)
        raise stripe.APIError("kept", http_status=500, headers={"Idempotent-Replayed": "true"})

    shop.core.client.v1.checkout.sessions.create = make_and_fail
    checkout = shop.open()
    assert [session.url for session in shop.open_sessions()] == [checkout.url]


def faults(shop: Any, **settings: Any) -> None:
    shop.lever("faults", **settings)
