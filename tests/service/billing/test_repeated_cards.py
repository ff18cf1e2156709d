"""A card or mailbox that has had another reader's trial: found after checkout, acted on once, whatever fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from sqlalchemy import text

from service.access.projection import Projection
from service.billing.repeated_cards import RepeatedCards
from service.billing.stripe_client import make_stripe_client
from service.domain.vocabulary import RepeatedCard
from service.store.errands import REPEATED_CARDS, Backlog

OTHER_CARD = "4242420000000000"
START = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)


def rows(shop: Any, query: str) -> list[Any]:
    with shop.core.engine.connect() as connection:
        return list(connection.execute(text(query)).all())


def buy(shop: Any, reader_id: str, **card: str) -> None:
    checkout = shop.open(reader_id)
    assert shop.pay(checkout, **card).status_code == 303
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"


def settle(shop: Any) -> int:
    return sum(each.settle() for each in shop.core.errands)


def amounts(shop: Any, reader_id: str) -> list[int]:
    customer = shop.services.readers.state(reader_id).snapshot.customer_id
    return [each.amount for each in shop.client.v1.charges.list({"customer": customer}).data]


def test_a_card_is_entered_in_the_ledger(shop: Any) -> None:
    """A trial is remembered under its card as well."""
    buy(shop, "r-1")
    kinds = rows(shop, "select kind from trial_ledger where reader_id = 'r-1' order by kind")
    assert kinds == [("card",), ("customer",), ("email",), ("reader",)]


def test_another_readers_card_ends_the_trial_at_once(shop: Any) -> None:
    """The first reader keeps the trial; the second was told beforehand, and is charged when the return page asks."""
    buy(shop, "r-1")
    told = shop.open("r-2").disclosure.renewal
    assert told.endswith(
        "One trial per reader, e-mail address and card: if yours has had a trial before, the first $2.90 is charged "
        "today."
    )
    buy(shop, "r-2")
    assert (shop.status("r-1"), shop.status("r-2")) == ("trialing", "active")
    assert (amounts(shop, "r-1"), amounts(shop, "r-2")) == ([], [290])
    assert rows(shop, "select reader_id, outcome from repeated_cards") == [("r-2", "trial_ended")]
    assert settle(shop) == 0


def test_a_trial_left_before_it_was_seen_is_remembered_by_its_card(shop: Any) -> None:
    """Cancelled at Stripe within the minute, before the first look: the card has had its trial all the same."""
    shop.pay(shop.open("r-1"))
    customer = rows(shop, "select customer_id from accounts where reader_id = 'r-1'")[0].customer_id
    shop.client.v1.subscriptions.cancel(shop.client.v1.subscriptions.list({"customer": customer}).data[0].id)
    shop.core.sync_now(customer)
    assert ("card",) in rows(shop, "select kind from trial_ledger where reader_id = 'r-1'")
    buy(shop, "r-2")
    assert (shop.status("r-2"), amounts(shop, "r-2")) == ("active", [290])


def test_a_card_taken_after_the_trial_is_free_for_another(shop: Any) -> None:
    """Who pays with a new card has not had a trial with it; one that was never seen to run is entered later."""
    buy(shop, "r-1")
    customer = shop.services.readers.state("r-1").snapshot.customer_id
    shop.pass_days(31)
    method = shop.client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer}).id
    subscription = shop.client.v1.subscriptions.list({"customer": customer}).data[0].id
    shop.client.v1.subscriptions.update(subscription, {"default_payment_method": method})
    shop.core.sync_now(customer)
    assert len(rows(shop, "select 1 from trial_ledger where kind = 'card'")) == 1
    with shop.core.engine.begin() as connection:
        connection.execute(text("delete from trial_ledger where kind = 'card'"))
    shop.core.sync_now(customer)
    assert len(rows(shop, "select 1 from trial_ledger where kind = 'card'")) == 1


def test_another_card_has_its_own_trial(shop: Any) -> None:
    """Two readers, two cards, two trials."""
    buy(shop, "r-1")
    buy(shop, "r-2", card_number=OTHER_CARD)
    assert (shop.status("r-1"), shop.status("r-2")) == ("trialing", "trialing")


def test_two_readers_of_one_mailbox_at_their_checkouts_at_once_have_one_trial(shop: Any) -> None:
    """Both were told of the trial, for neither had had it: whoever pays second is charged, as was disclosed."""
    checkouts = [shop.open(reader_id, email=f"Same.Box+{reader_id}@gmail.com") for reader_id in ("r-1", "r-2")]
    assert [each.trial.eligible for each in checkouts] == [True, True]
    for each, card in zip(checkouts, ("4242 4242 4242 4242", OTHER_CARD), strict=True):
        shop.pay(each, card_number=card)
        shop.services.checkouts.outcome(each.id)
    assert (shop.status("r-1"), shop.status("r-2")) == ("trialing", "active")
    assert (amounts(shop, "r-1"), amounts(shop, "r-2")) == ([], [290])


def test_an_address_taken_later_ends_no_trial(shop: Any) -> None:
    """A reader in a trial of their own moves to a mailbox that had one: nothing was begun anew."""
    buy(shop, "r-1")
    buy(shop, "r-2", card_number=OTHER_CARD)
    customer = shop.services.readers.state("r-2").snapshot.customer_id
    shop.client.v1.customers.update(customer, {"email": "r-1@example.com"})
    shop.core.sync_now(customer)
    assert (shop.status("r-2"), rows(shop, "select reader_id from repeated_cards")) == ("trialing", [])


@pytest.mark.parametrize(("policy", "status", "charged"), [("cancel", "ended", []), ("allow", "trialing", [])])
def test_the_publication_decides(shop: Any, policy: str, status: str, charged: list[int]) -> None:
    """It may cancel such a trial instead, or let it be."""
    buy(shop, "r-1")
    rules = replace(shop.core.catalog.policy, repeated_card=RepeatedCard(policy))
    projection = Projection(rules, email_key=shop.core.settings.subject_key)
    shop.core.syncs._project = projection.project  # the composition root reads plans.yaml once
    buy(shop, "r-2")
    assert (shop.status("r-2"), amounts(shop, "r-2")) == (status, charged)


@pytest.mark.parametrize("shape", ["boolean", "cancel_at"])
def test_who_has_cancelled_the_trial_is_not_charged(shop: Any, shape: str) -> None:
    """They were told so, in whichever shape: the trial that was not theirs ends, and stays on record."""
    buy(shop, "r-1")
    shop.pay(shop.open("r-2"))
    with shop.core.engine.connect() as connection:
        customer = connection.scalar(text("select customer_id from accounts where reader_id = 'r-2'"))
    (trial,) = shop.client.v1.subscriptions.list({"customer": customer}).data
    shapes = {"boolean": {"cancel_at_period_end": True}, "cancel_at": {"cancel_at": trial.trial_end}}
    shop.client.v1.subscriptions.update(trial.id, shapes[shape])
    shop.core.sync_now(customer)
    assert (shop.status("r-2"), amounts(shop, "r-2")) == ("ended", [])
    assert rows(shop, "select outcome from repeated_cards") == [("cancelled",)]
    assert ("reader",) in rows(shop, "select kind from trial_ledger where reader_id = 'r-2'")


def test_an_end_set_for_later_is_no_cancelled_trial(shop: Any) -> None:
    """Who would be charged at the trial's end, and ends some months after it, is charged now as was disclosed."""
    buy(shop, "r-1")
    shop.pay(shop.open("r-2"))
    with shop.core.engine.connect() as connection:
        customer = connection.scalar(text("select customer_id from accounts where reader_id = 'r-2'"))
    (trial,) = shop.client.v1.subscriptions.list({"customer": customer}).data
    shop.client.v1.subscriptions.update(trial.id, {"cancel_at": trial.trial_end + 90 * 86_400})
    shop.core.sync_now(customer)
    assert amounts(shop, "r-2") == [290]


class Lost:
    """Stripe's subscriptions, which do what is asked and lose the answer `times` times."""

    def __init__(self, real: Any, times: int) -> None:
        self.real, self.times, self.calls = real, times, 0

    def retrieve(self, *args: Any) -> Any:
        return self.real.retrieve(*args)

    def update(self, *args: Any) -> Any:
        self.calls += 1
        answer = self.real.update(*args)
        if self.calls <= self.times:
            raise stripe.APIConnectionError("the answer was lost")
        return answer


def test_a_lost_answer_charges_nobody_twice(shop: Any) -> None:
    """The act is written down before it is tried, and tried again until Stripe has answered: one charge."""
    buy(shop, "r-1")
    real = shop.core.client.v1.subscriptions
    shop.core.client.v1.subscriptions = lost = Lost(real, times=3)
    lost.list = real.list
    checkout = shop.open("r-2")
    shop.pay(checkout)
    shop.services.checkouts.outcome(checkout.id)
    assert rows(shop, "select attempts, outcome from repeated_cards") == [(1, None)]
    assert settle(shop) == 0
    tomorrow = lambda: datetime.now(UTC) + timedelta(days=1)  # noqa: E731
    later = RepeatedCards(shop.core.engine, shop.core.client, mark=lambda *_: None, wall_clock=tomorrow)
    assert later.settle() == 1
    assert rows(shop, "select outcome from repeated_cards") == [("trial_over",)]
    assert amounts(shop, "r-2") == [290]


def note(shop: Any, subscription_id: str) -> None:
    """Let a sync have found this trial to be another reader's."""
    with shop.core.engine.begin() as connection:
        REPEATED_CARDS.note(
            connection, subscription_id=subscription_id, customer_id="cus_1", reader_id="r-1", policy="end_trial"
        )


def errands(shop: Any, client: Any, hours: int = 0) -> tuple[RepeatedCards, list[Any]]:
    """Return the errands through `client`, so many hours after START, and what they have counted."""
    counted: list[Any] = []
    later = RepeatedCards(
        shop.core.engine, client, mark=lambda *_: None, count=lambda *what: counted.append(what),
        wall_clock=lambda: START + timedelta(hours=hours),
    )  # fmt: skip
    return later, counted


def test_a_refusal_for_good_is_recorded(shop: Any) -> None:
    """A subscription that Stripe does not know is no reason to ask for ever."""
    note(shop, "sub_gone")
    gone, counted = errands(shop, shop.core.client)
    assert gone.settle() == 1
    assert rows(shop, "select outcome, settled_at is null from repeated_cards") == [("refused:resource_missing", False)]
    assert counted == [("repeated_card", "refused")]


def test_a_refusal_that_can_be_put_right_is_tried_again(shop: Any) -> None:
    """A key that Stripe does not know, until somebody sets the right one: counted, kept with its reason, then done."""
    buy(shop, "r-1")
    note(shop, shop.services.readers.state("r-1").subscription.id)
    wrong = make_stripe_client("sk_test_wrong", api_base=shop.standin.base_url, timeout_seconds=5)
    for hours in (0, 2):
        failing, counted = errands(shop, wrong, hours)
        assert (failing.settle(), failing.settle(), counted) == (0, 0, [("repeated_card", "failing")])
    told = rows(shop, "select attempts, outcome, settled_at is null from repeated_cards")
    assert told == [(2, "failing:AuthenticationError", True)]
    (backlog,) = [each for each in shop.services.inbox.health().errands if each.waiting]
    assert backlog == Backlog(kind="repeated_card", waiting=1, failing=1, reason="AuthenticationError")
    done, counted = errands(shop, shop.core.client, 4)
    assert (done.settle(), counted, amounts(shop, "r-1")) == (1, [("repeated_card", "done")], [290])
    assert [each.waiting for each in shop.services.inbox.health().errands] == [0, 0]


def test_a_refusal_pauses_longer_and_longer(shop: Any) -> None:
    """To an hour at most: nobody has to be told that it was put right."""
    note(shop, "sub_1")
    wrong = make_stripe_client("sk_test_wrong", api_base=shop.standin.base_url, timeout_seconds=5)
    pauses: list[timedelta] = []
    for tried in range(12):
        failing, _ = errands(shop, wrong, hours=2 * tried)
        failing.settle()
        ((not_before,),) = rows(shop, "select not_before from repeated_cards")
        pauses.append(not_before - START - timedelta(hours=2 * tried))
    assert pauses[:3] == [timedelta(seconds=each) for each in (10, 20, 40)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=1)


def test_a_trial_whose_card_is_gone_ends_without_a_debt(shop: Any) -> None:
    """Stripe is told so at checkout: without a payment method the subscription is cancelled at the trial's end."""
    buy(shop, "r-1")
    customer = shop.services.readers.state("r-1").snapshot.customer_id
    for each in shop.client.v1.payment_methods.list({"customer": customer}).data:
        shop.client.v1.payment_methods.detach(each.id)
    shop.pass_days(30)
    shop.core.sync_now(customer)
    assert (shop.status("r-1"), amounts(shop, "r-1")) == ("ended", [])
    (subscription,) = shop.client.v1.subscriptions.list({"customer": customer, "status": "all"}).data
    assert subscription.status == "canceled"
