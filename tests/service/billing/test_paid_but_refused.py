"""Readers who had paid and met a wall: found by the next sync, counted once, and never by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from service.access.question import Question
from service.domain.decision import Article, Decision
from service.journal.paid_but_refused import Checks


def read(shop: Any, article: str, reader: str = "r-1", **more: Any) -> Decision:
    question = Question(articles=[Article(id=article, **more)], reader_id=reader, visitor_id=None, consume=True)
    return shop.services.gate.decide(question)[0].decision


def sync(shop: Any, reader: str = "r-1") -> None:
    """Do what the webhook, had it come, would have brought about."""
    with shop.core.engine.connect() as connection:
        query = text("select customer_id from accounts where reader_id = :reader")
        shop.core.sync_now(connection.scalar(query, {"reader": reader}))


@pytest.fixture
def checks(shop: Any) -> Checks:
    return Checks(shop.core.engine, shop.core.catalog, delay_seconds=0)


@pytest.fixture
def paid_unnoticed(shop: Any) -> None:
    """A reader who was walled, then paid, and of whose payment nobody here has heard."""
    read(shop, "a-1")
    assert not read(shop, "a-2").granted
    assert shop.pay(shop.open()).status_code == 303
    shop.pass_days(1)


def test_a_wall_after_a_payment_that_nobody_told_us_of_counts(shop: Any, checks: Checks, paid_unnoticed: None) -> None:
    """The webhook is hidden: two refusals count, once, and the one before the payment doesn't."""
    refused = [read(shop, "a-3"), read(shop, "a-4")]
    assert not any(each.granted for each in refused)
    shop.core.journal.close()
    assert (checks.make(10), checks.total()) == (0, 0)
    sync(shop)
    assert read(shop, "a-5").granted
    assert (checks.make(10), checks.total()) == (2, 2)
    sync(shop)
    assert (checks.make(10), checks.total()) == (0, 2)
    with shop.core.engine.connect() as connection:
        found = connection.execute(text("select reader_id, article_id from paid_but_refused order by 2")).all()
    assert found == [("r-1", "a-3"), ("r-1", "a-4")]


def test_a_check_waits_until_every_process_has_copied_its_journal(
    shop: Any, checks: Checks, paid_unnoticed: None
) -> None:
    """A wall shown a moment before the sync is in no table yet when the sync commits."""
    read(shop, "a-3")
    sync(shop)
    patient = Checks(shop.core.engine, shop.core.catalog, delay_seconds=3600)
    assert patient.make(10) == 0
    shop.core.journal.close()
    assert checks.make(10) == 1


def test_a_check_waits_for_the_last_sync_that_asked_for_it(shop: Any, paid_unnoticed: None) -> None:
    """One asked for before is due just when another sync comes: the wall met before that one is found all the same."""

    def pass_seconds(seconds: int) -> None:
        with shop.core.engine.begin() as connection:
            earlier = text("update refusal_checks set asked_at = asked_at - make_interval(secs => :seconds)")
            connection.execute(earlier, {"seconds": seconds})

    refused = read(shop, "a-3")
    shop.core.journal.close()
    with shop.core.engine.begin() as connection:
        connection.execute(text("delete from decisions"))
    checks = Checks(shop.core.engine, shop.core.catalog)
    sync(shop)
    pass_seconds(16)
    sync(shop)
    found = checks.make(10)
    shop.core.journal.note(
        Article(id="a-3"), refused, reader_id="r-1", visitor_id=None, consume=True, degraded=None, outage=None
    )  # by another process, which copies its journal now
    shop.core.journal.close()
    pass_seconds(16)
    assert (found + checks.make(10), checks.total()) == (1, 1)


def test_an_article_that_the_plan_does_not_open_was_refused_rightly(
    shop: Any, checks: Checks, paid_unnoticed: None
) -> None:
    """A paying reader too meets a wall at a feature that no plan has."""
    assert not read(shop, "a-3", feature="no_plan_has_this").granted
    shop.core.journal.close()
    sync(shop)
    assert (checks.make(10), checks.total()) == (0, 0)


def test_the_total_outlives_restarts_and_is_told(shop: Any, checks: Checks, paid_unnoticed: None) -> None:
    """It is read from a table; without PostgreSQL it is not known."""
    read(shop, "a-3")
    shop.core.journal.close()
    sync(shop)
    checks.make(10)
    assert shop.services.paid_but_refused() == 1
    with shop.core.engine.begin() as connection:
        connection.execute(text("drop table decisions"))
    assert shop.services.paid_but_refused() == 1
    with shop.core.engine.begin() as connection:
        connection.execute(text("alter table paid_but_refused rename to gone"))
    assert shop.services.paid_but_refused() is None


def test_what_cannot_be_checked_stops_nobody_else(shop: Any, checks: Checks, paid_unnoticed: None) -> None:
    """A snapshot that an older release stored, and this one cannot read, is given up."""
    read(shop, "a-3")
    shop.core.journal.close()
    with shop.core.engine.begin() as connection:
        connection.execute(text("insert into refusal_checks values ('r-0', '{}', now() - interval '1 hour')"))
        connection.execute(text("insert into accounts (reader_id, customer_id) values ('r-0', 'cus_0')"))
        connection.execute(
            text("insert into customer_snapshots (customer_id, reader_id, snapshot, fetched_at) "
                 "select 'cus_0', 'r-0', snapshot, fetched_at from customer_snapshots limit 1")
        )  # fmt: skip
    sync(shop)
    assert checks.make(10) == 1
    with shop.core.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from refusal_checks")) == 0


def test_a_life_with_honest_walls_counts_none(shop: Any, checks: Checks) -> None:
    """Walled, then bought at the same instant; unpaid after the trial and walled for a week; then paid."""
    read(shop, "a-1")
    assert not read(shop, "a-2").granted
    checkout = shop.open()
    assert shop.pay(checkout, card_number="4000000000000341").status_code == 303
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"
    assert read(shop, "a-3").granted
    for _ in range(5):
        shop.pass_days(8)
        sync(shop)
    read(shop, "a-4")
    assert not read(shop, "a-5").granted
    (customer,) = shop.client.v1.customers.list({"test_clock": shop.clock_id}).data
    good = shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer.id})
    (unpaid,) = shop.client.v1.invoices.list({"customer": customer.id, "status": "open"}).data
    shop.client.v1.invoices.pay(unpaid.id, params={"payment_method": good.id})
    sync(shop)
    assert read(shop, "a-6").granted
    shop.pass_days(1)
    shop.core.journal.close()
    sync(shop)
    with shop.core.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from decisions where not granted")) == 2
    assert (checks.make(10), checks.total()) == (0, 0)


@pytest.mark.parametrize("end", ["payment fails", "cancelled"])
def test_a_wall_counts_though_what_was_paid_for_is_over(shop: Any, checks: Checks, end: str) -> None:
    """The trial ended before anybody here heard of it: refusals within it count, those after it don't."""
    read(shop, "a-1")
    card = "4000000000000341" if end == "payment fails" else "4242424242424242"
    assert shop.pay(shop.open(), card_number=card).status_code == 303
    (customer,) = shop.client.v1.customers.list({"test_clock": shop.clock_id}).data
    (subscription,) = shop.client.v1.subscriptions.list({"customer": customer.id}).data
    if end == "cancelled":
        shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    shop.pass_days(1)
    assert not read(shop, "a-2").granted
    shop.pass_days(32)
    read(shop, "a-1")
    assert not read(shop, "a-3").granted
    shop.core.journal.close()
    sync(shop)
    assert shop.status() == "ended"
    assert (checks.make(10), checks.total()) == (1, 1)
