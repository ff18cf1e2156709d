"""Disputes, fraud warnings and refunds at the stand-in, each followed from the bank's act to the reader's access."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from service.store import derived
from service.support.account_sources import sources_of

READER = "r-1"


@pytest.fixture
def paid(shop: Any) -> Any:
    """A reader with a year paid for; returns what to do: `act(path, **body)` at the bank, `status()` after a sync."""
    shop.subscribe(READER, plan="annual")
    return Bank(shop)


class Bank:
    """The bank of one reader's card."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.customer = shop.services.readers.state(READER).snapshot.customer_id
        self.charge = shop.client.v1.charges.list({"customer": self.customer}).data[0].id

    def act(self, path: str, **body: Any) -> Any:
        return self.shop.lever(path, **body)

    def status(self) -> str:
        self.shop.core.sync_now(self.customer)
        return str(self.shop.status(READER))

    def rows(self) -> list[Any]:
        with self.shop.core.engine.connect() as connection:
            query = "select kind, status, blocks, revokes, invoice_id is not null as billed from holds order by kind"
            return list(connection.execute(text(query)))


@pytest.mark.parametrize(("end", "status"), [("won", "active"), ("lost", "held")])
def test_a_chargeback_holds_until_it_is_decided(paid: Bank, end: str, status: str) -> None:
    """Held while open, whoever is right; then restored, or revoked with what the charge had paid for."""
    dispute = paid.act("disputes", charge=paid.charge)
    assert paid.status() == "held"
    paid.act(f"disputes/{dispute['id']}", status=end)
    assert paid.status() == status
    assert paid.rows() == [("dispute", end, end == "lost", end == "lost", True)]


def test_a_chargeback_rules_trials_out_while_it_stands(paid: Bank) -> None:
    """Who takes their money back through the bank is told so before the next checkout; who was in the right is not."""
    assert paid.shop.services.readers.state(READER).trial.eligible
    dispute = paid.act("disputes", charge=paid.charge)
    paid.status()
    trial = paid.shop.services.readers.state(READER).trial
    assert (trial.eligible, trial.reason) == (False, "payment_disputed")
    paid.act(f"disputes/{dispute['id']}", status="won")
    paid.status()
    assert paid.shop.services.readers.state(READER).trial.eligible


def test_an_inquiry_is_only_a_flag(paid: Bank) -> None:
    """Seen by support, closing nothing."""
    paid.act("disputes", charge=paid.charge, status="warning_needs_response")
    assert paid.status() == "active"
    assert paid.rows() == [("dispute", "warning_needs_response", False, False, True)]


def test_a_fraud_warning_holds_while_it_can_be_acted_on(paid: Bank) -> None:
    """And lets go when it cannot be any more."""
    warning = paid.act("early_fraud_warnings", charge=paid.charge)
    assert paid.status() == "held"
    paid.act(f"early_fraud_warnings/{warning['id']}", actionable=False)
    assert paid.status() == "active"


def test_a_refund_closes_only_when_it_is_whole_and_arrives(paid: Bank) -> None:
    """Half of it back keeps access, all of it ends it, and a refund that the bank refuses restores it."""
    paid.shop.client.v1.refunds.create({"charge": paid.charge, "amount": 1000})
    assert paid.status() == "active"
    rest = paid.shop.client.v1.refunds.create({"charge": paid.charge})
    assert paid.status() == "held"
    paid.act(f"refunds/{rest.id}", status="failed")
    assert paid.status() == "active"


def test_the_next_paid_year_opens_again(paid: Bank) -> None:
    """A year after a lost dispute the renewal is paid, and the reader reads."""
    dispute = paid.act("disputes", charge=paid.charge)
    paid.act(f"disputes/{dispute['id']}", status="lost")
    assert paid.status() == "held"
    paid.shop.pass_days(366)
    assert paid.status() == "active"


def test_a_warned_reader_who_is_charged_again_reads_again(paid: Bank) -> None:
    """Nobody acts on the warning; a year later the renewal is paid, and the hold is over."""
    paid.act("early_fraud_warnings", charge=paid.charge)
    assert paid.status() == "held"
    paid.shop.pass_days(366)
    assert paid.status() == "active"


def test_a_warning_that_nobody_acts_on_lapses_by_itself(paid: Bank) -> None:
    """On the day that the offer names the worker looks again, and lets the reader in: no event, no press of a key."""
    paid.act("early_fraud_warnings", charge=paid.charge)
    assert paid.status() == "held"
    for days, status in ((119, "held"), (1, "active")):
        paid.shop.pass_days(days)
        _worker_looks(paid.shop.core)
        assert paid.shop.status(READER) == status


def _worker_looks(core: Any) -> None:
    with core.engine.begin() as connection:
        for customer_id in derived.due_for_resync(connection, core.business_clock(), 10):
            core.syncs.mark(connection, customer_id)
    for customer_id in core.syncs.due(10):
        core.syncs.sync(customer_id)


@pytest.mark.parametrize("given_up", ["void_invoice", "mark_uncollectible"])
def test_giving_an_invoice_up_opens_nothing(shop: Any, given_up: str) -> None:
    """The first payment after the trial fails, and staff write it off: `active` at Stripe, and nothing was paid."""
    shop.subscribe(READER)
    api, customer = shop.client.v1, shop.services.readers.state(READER).snapshot.customer_id
    method = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    subscription = api.subscriptions.list({"customer": customer}).data[0].id
    api.subscriptions.update(subscription, {"default_payment_method": method})
    shop.pass_days(31)
    getattr(api.invoices, given_up)(api.subscriptions.retrieve(subscription).latest_invoice)
    assert api.subscriptions.retrieve(subscription).status == "active"
    shop.core.sync_now(customer)
    found = shop.services.readers.state(READER).entitlement
    assert (found.status, found.cause, found.rule) == ("ended", None, "invoice_given_up")


def test_a_dispute_rules_trials_out_beyond_the_customer(paid: Bank) -> None:
    """For another reader of the same mailbox, and for the same one under a new customer: the old one is deleted."""
    dispute = paid.act("disputes", charge=paid.charge)
    paid.act(f"disputes/{dispute['id']}", status="lost")
    paid.status()
    shop = paid.shop
    assert shop.open("r-9", email="R-1@example.com").trial.reason == "payment_disputed"
    assert shop.open("r-8", email="other@example.com").trial.eligible
    shop.client.v1.customers.delete(paid.customer)
    assert paid.status() == "ended"
    assert shop.open(READER).trial.reason == "payment_disputed"


def test_a_disputed_card_ends_another_readers_trial(paid: Bank) -> None:
    """Known only after checkout, as a card that had a trial is, and dealt with as was disclosed for it."""
    paid.act("disputes", charge=paid.charge)
    paid.status()
    shop = paid.shop
    shop.subscribe("r-2")
    assert shop.status("r-2") == "active", "the trial was ended at once, and the first month charged"


@pytest.mark.parametrize("end", ["won", "prevented", "warning_closed"])
def test_a_dispute_that_was_none_rules_nothing_out(paid: Bank, end: str) -> None:
    """Whatever it had been entered under is taken back."""
    dispute = paid.act("disputes", charge=paid.charge)
    paid.status()
    assert not paid.shop.open("r-9", email="r-1@example.com").trial.eligible
    paid.act(f"disputes/{dispute['id']}", status=end)
    paid.status()
    assert paid.shop.open("r-8", email="r-1@example.com").trial.eligible
    assert paid.shop.services.readers.state(READER).trial.eligible
    with paid.shop.core.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from trial_bars")) == 0


def test_a_charge_while_held_is_told_to_support(paid: Bank) -> None:
    """The dispute outlasts the year, the renewal is paid, and the reader is kept out: people must decide."""
    paid.act("disputes", charge=paid.charge)
    paid.status()
    detail, state = paid.shop.services.accounts.detail, paid.shop.services.readers.state
    now = paid.shop.core.business_clock()
    assert sources_of(detail(READER), state(READER), now)["holds"].trouble is None
    paid.shop.pass_days(366)
    assert paid.status() == "held"
    told = sources_of(detail(READER), state(READER), now)["holds"].trouble
    newest = max(detail(READER).invoices, key=lambda each: each["created_at"])
    assert told == f"Charged while access is held ({newest['id']}): give the payment back, or release the hold."
