"""What a snapshot changes in the record, and what reaches Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import redis
from sqlalchemy import select, text

from sandbox.processes import free_port
from service.access.projection import Projection
from service.store.account_facts import facts_of
from service.store.derived import find_snapshot, payer_of, payer_with
from service.store.tables import customer_snapshots, payment_method_held
from webhooks.snapshot import CardFacts, PaymentMethodFacts


def rows(parts: Any, query: str) -> list[Any]:
    with parts.engine.connect() as connection:
        return list(connection.execute(text(query)).all())


def test_a_change_appends_a_version_and_a_repeat_does_not(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Entitlements are append-only; the same facts twice are one version."""
    parts.apply(make_snapshot(make_subscription()))
    parts.apply(make_snapshot(make_subscription()))
    parts.apply(make_snapshot(make_subscription(status="canceled", trial_end_at=parts.clock())))
    found = rows(parts, "select version, entitlement->>'status' from entitlements order by version")
    assert found == [(1, "active"), (2, "ended")]
    assert rows(parts, "select status, plan, version from accounts") == [("ended", "monthly", 2)]


def test_a_sale_beside_a_sale_is_an_alarm_once(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """When it becomes so, whatever the cause, and not with every later look; one that is over is no second."""
    heard: list[str] = []
    projection = Projection(parts.catalog.policy, email_key="k" * 40, alarm=heard.append)
    first, second = make_subscription(id="sub_1"), make_subscription(id="sub_2", status="past_due")
    for subscriptions, alarms in (
        ([first, make_subscription(id="sub_0", status="canceled")], 0),
        ([first, second], 1),
        ([first, second], 1),
        ([first], 1),
        ([first, second], 2),
    ):
        with parts.engine.begin() as connection:
            projection.project(connection, make_snapshot(*subscriptions))
        assert heard == ["sold_twice"] * alarms


def test_what_a_fetch_left_out_is_an_alarm_once(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A snapshot that lacks some of our own says so, is kept as such, and alarms when that is new."""
    told: list[str] = []
    projection = Projection(parts.catalog.policy, email_key="k", alarm=told.append)
    for incomplete in ((), ("charges",), ("charges",), ("charges", "invoices")):
        with parts.engine.begin() as connection:
            projection.project(connection, make_snapshot(make_subscription(), incomplete=incomplete))
    assert told == ["incomplete_snapshot", "incomplete_snapshot"]
    with parts.engine.connect() as connection:
        kept = find_snapshot(connection, "cus_1")
    assert kept is not None
    assert kept.incomplete == ("charges", "invoices")


def test_a_status_nobody_knows_is_an_alarm_once(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """Once for each status and customer; what another product's subscription is called is nobody's concern."""
    told: list[str] = []
    projection = Projection(parts.catalog.policy, email_key="k", alarm=told.append)
    for status, plan in (
        ("active", "monthly"), ("hibernating", None), ("hibernating", "monthly"), ("hibernating", "monthly"),
    ):  # fmt: skip
        with parts.engine.begin() as connection:
            projection.project(connection, make_snapshot(make_subscription(status=status, plan=plan)))
    assert told == ["unknown_status"]


def test_a_snapshot_replaces_what_was_known(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A subscription that Stripe no longer lists is gone from search too."""
    parts.apply(make_snapshot(make_subscription(id="sub_1"), make_subscription(id="sub_2")))
    parts.apply(make_snapshot(make_subscription(id="sub_2", status="past_due")))
    assert rows(parts, "select id, status from subscriptions") == [("sub_2", "past_due")]


def test_an_unknown_customer_is_stored_and_applied_once_bound(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Nobody's customer changes nobody's access; its facts wait."""
    stranger = make_snapshot(make_subscription(reader_id=None), reader_id=None)
    parts.apply(stranger)
    assert rows(parts, "select customer_id, reader_id from customer_snapshots") == [("cus_1", None)]
    assert rows(parts, "select * from accounts") == []


def test_a_foreign_product_opens_nothing(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A Stripe account shared with another product makes no phantom members."""
    parts.apply(make_snapshot(make_subscription(plan=None)))
    assert rows(parts, "select status from accounts") == [("none",)]


def test_a_second_customer_of_a_reader_does_not_take_the_account_over(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Metadata naming a reader who has a customer already is kept apart, for people to look at."""
    parts.apply(make_snapshot(make_subscription()))
    parts.apply(make_snapshot(make_subscription(id="sub_x"), customer_id="cus_2"))
    assert rows(parts, "select reader_id, customer_id from accounts") == [("r-1", "cus_1")]
    kept = "select reader_id, named_reader_id from customer_snapshots where customer_id = 'cus_2'"
    assert rows(parts, kept) == [(None, "r-1")]


def test_a_second_customer_who_pays_is_shown_on_the_account(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """While the subscription runs, support reads whose payment opens nothing; one that is over is nobody's trouble."""
    parts.apply(make_snapshot(make_subscription()))
    second = make_snapshot(make_subscription(id="sub_x"), customer_id="cus_2")
    parts.apply(second)

    def unbound() -> list[str]:
        with parts.engine.connect() as connection:
            return facts_of(connection, "r-1")["unbound"]

    assert unbound() == ["cus_2"]
    for change in ({"plan": None}, {"status": "canceled"}):
        parts.apply(replace(second, subscriptions=(make_subscription(id="sub_x", **change),)))
        assert unbound() == [], change


def test_a_trial_is_entered_in_the_ledger_without_the_address(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Reader, customer and a keyed hash of the e-mail are remembered; the address itself is not."""
    trial = make_subscription(
        status="trialing", trial_start_at=parts.clock(), trial_end_at=parts.clock() + timedelta(days=30)
    )
    parts.apply(make_snapshot(trial))
    ledger = dict(rows(parts, "select kind, value from trial_ledger"))
    assert set(ledger) == {"reader", "customer", "email"}
    assert "example.com" not in ledger["email"]


def test_a_bank_accounts_trial_is_remembered_and_repeated(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """A debit's account counts as a card does: another reader's trial with it is noted, to be acted on."""
    for number, own in ((1, "iban"), (2, None)):  # the second one's debit is the customer's default
        debit = PaymentMethodFacts(id=f"pm_{number}", kind="sepa_debit", fingerprint="iban")
        trial = make_subscription(
            id=f"sub_{number}", reader_id=f"r-{number}", status="trialing", payment_fingerprint=own,
            trial_start_at=parts.clock(), trial_end_at=parts.clock() + timedelta(days=30),
        )  # fmt: skip
        parts.apply(
            make_snapshot(
                trial, customer_id=f"cus_{number}", reader_id=f"r-{number}", email=f"{number}@example.com",
                pays_with=debit,
            )
        )  # fmt: skip
    assert rows(parts, "select value, reader_id from trial_ledger where kind = 'card'") == [("iban", "r-1")]
    assert rows(parts, "select subscription_id, reader_id from repeated_cards") == [("sub_2", "r-2")]
    with parts.engine.connect() as connection:
        assert payer_of(connection, "cus_2")[1] == "iban"
        assert parts.trials.for_reader(connection, "r-2").reason == "trial_used_reader"
        assert payer_with(connection, "pm_1") == "cus_1"
        assert payer_with(connection, "pm_2") == "cus_2"
        assert payer_with(connection, "pm_3") is None


def test_what_was_kept_of_cards_alone_is_still_read(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A snapshot from before other payment methods were told: its card's fingerprint and id count."""
    card = CardFacts(
        brand="visa", last4="4242", fingerprint="f", funding=None, exp_month=1, exp_year=2040, payment_method_id="pm_0"
    )  # fmt: skip
    parts.apply(make_snapshot(make_subscription(), card=card))
    with parts.engine.begin() as connection:
        connection.execute(text("update customer_snapshots set snapshot = snapshot - 'pays_with'"))
        assert payer_of(connection, "cus_1")[1] == "f"
        assert payer_with(connection, "pm_0") == "cus_1"
        kept = find_snapshot(connection, "cus_1")
    assert kept is not None
    assert (kept.card, kept.pays_with) == (card, None)


def test_whose_a_payment_method_was_is_found_by_an_index(parts: Any) -> None:
    """The table has a row for each payer: reading them all for one event would be felt."""
    with parts.engine.connect() as connection:
        connection.execute(text("set enable_seqscan = off"))
        query = select(customer_snapshots.c.customer_id).where(payment_method_held == "pm_1")
        asked = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"explain {asked}").scalars().all()
    assert "customer_snapshots_payment_method_idx" in "".join(plan)


def test_a_pass_that_could_not_be_published_waits_in_the_outbox(
    build_parts: Callable[..., Any], parts: Any, engine: Any, redis_url: str, make_snapshot: Any, make_subscription: Any
) -> None:
    """With Redis away the record still commits; the sweeper publishes when Redis is back."""
    away = build_parts(engine, f"redis://127.0.0.1:{free_port()}/0")
    away.apply(make_snapshot(make_subscription()))
    assert rows(parts, "select version, published_version from accounts") == [(1, 0)]
    assert parts.publisher.publish_outbox() == 1
    assert rows(parts, "select version, published_version from accounts") == [(1, 1)]
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 1


def test_the_next_look_is_due_when_the_period_ends(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A lost event is made up for: the boundary itself is written down."""
    snapshot = make_snapshot(make_subscription())
    parts.apply(snapshot)
    [(resync_at,)] = rows(parts, "select resync_at from customer_snapshots")
    assert resync_at >= snapshot.subscriptions[0].period_end_at
    assert resync_at - snapshot.subscriptions[0].period_end_at < timedelta(hours=3)
