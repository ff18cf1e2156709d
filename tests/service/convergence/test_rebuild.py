"""After the loss of everything derived the same entitlements stand again, and a rebuild may be cut short anywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering.meter import MeterUnavailable, Outcome, Subject, SubjectKind
from metering.window import window_at
from service.clocks import wall_clock
from service.domain.erasure import erased_digest
from service.store import erased
from webhooks.failures import TransientFailure

pytestmark = pytest.mark.slow

DERIVED = "truncate customer_snapshots, subscriptions, invoices, holds, entitlements"


def give(town: Any, reader_id: str) -> None:
    """Let staff give a reader, who is no customer, two months."""
    now = town.core.business_clock()
    town.execute("insert into accounts (reader_id) values (:reader)", reader=reader_id)
    town.execute(
        "insert into grants (reader_id, kind, features, from_at, until_at, reason, given_by)"
        " values (:reader, 'courtesy', '{unlimited_articles}', :begins, :ends, 'a kindness', 'staff')",
        reader=reader_id, begins=now, ends=now + timedelta(days=60),
    )  # fmt: skip
    with town.core.engine.begin() as connection:
        town.core.projection.record_entitlement(connection, reader_id, now=now, cause="grant")


def settle_everybody(town: Any) -> None:
    """Readers in every state that Stripe and staff can bring about."""
    grace = town.subscriber("r-grace")
    town.change_card(grace, "pm_card_chargeCustomerFail")
    active = town.subscriber("r-active", plan="annual")
    ended = town.subscriber("r-ended")
    town.advance(31)
    town.see_the_time()
    town.subscriber("r-held", card="pm_card_createDispute")
    cancelling = town.subscriber("r-cancelling")
    town.subscriber("r-trialing", trial_period_days=30)
    for customer_id, end in ((cancelling, {"cancel_at_period_end": True}), (ended, None)):
        found = town.client.v1.subscriptions.list({"customer": customer_id}).data[0].id
        town.client.v1.subscriptions.update(found, end) if end else town.client.v1.subscriptions.cancel(found)
    for customer_id in (grace, active, ended, cancelling):
        town.sync(customer_id)
    give(town, "r-courtesy")


def test_the_loss_of_everything_derived_changes_no_entitlement(town: Any) -> None:
    """Derived tables truncated, Redis flushed: rebuilt, every reader has what they had, under a higher version."""
    settle_everybody(town)
    before, versions = town.entitlements(), town.versions()
    statuses = {reader_id: each["status"] for reader_id, each in before.items()}
    assert statuses == {
        "r-active": "active", "r-cancelling": "cancelling", "r-courtesy": "courtesy", "r-ended": "ended",
        "r-grace": "grace", "r-held": "held", "r-trialing": "trialing",
    }  # fmt: skip
    snapshots = town.rows("select customer_id, snapshot - 'fetched_at' from customer_snapshots order by 1")
    holds = town.rows("select * from holds order by id")
    town.execute(DERIVED)
    town.flush_redis()
    rebuilt = town.convergence.rebuild()
    assert (rebuilt.finished, rebuilt.restored, rebuilt.failed) == (True, 7, [])
    assert town.entitlements() == before
    assert all(town.versions()[reader_id] > version for reader_id, version in versions.items())
    assert town.rows("select customer_id, snapshot - 'fetched_at' from customer_snapshots order by 1") == snapshots
    assert town.rows("select * from holds order by id") == holds
    assert published(town) == {"r-active", "r-cancelling", "r-courtesy", "r-grace", "r-trialing"}
    assert town.rows("select reader_id from accounts where published_version < version") == []


def published(town: Any) -> set[str]:
    """Return the readers whom Redis itself would let in now."""
    now, zone = town.core.business_clock(), town.core.catalog.zone
    found = set()
    for reader_id in town.versions():
        reading = town.core.meter.ask(
            Subject(SubjectKind.READER, reader_id), "an-article", limit=1, window=window_at("month", now, zone),
            consume=False, now=now, wall_now=wall_clock(), metered=False,
        )  # fmt: skip
        if reading.outcome is Outcome.PASS:
            found.add(reader_id)
    return found


def test_a_pass_made_while_nothing_was_known_is_outbid(town: Any) -> None:
    """Between the loss and the rebuild a payer's pass becomes a tombstone; the rebuilt one has a higher version."""
    town.subscriber("r-1")
    town.execute(DERIVED)
    town.core.publisher.publish("r-1")
    assert published(town) == set()
    town.convergence.rebuild()
    assert published(town) == {"r-1"}


def test_customers_whom_only_stripe_knows_are_found(town: Any) -> None:
    """Made at Stripe and never told of: by the customer's metadata, or the subscription's; strangers stay out."""
    town.buy(town.customer("r-by-customer"))
    town.buy(town.customer(None), metadata={"newsstand_reader_id": "r-by-subscription"})
    town.customer(None)
    rebuilt = town.convergence.rebuild()
    assert (rebuilt.restored, rebuilt.failed) == (2, [])
    assert {name: each["status"] for name, each in town.entitlements().items()} == {
        "r-by-customer": "active",
        "r-by-subscription": "active",
    }
    assert len(town.rows("select 1 from customer_snapshots")) == 2


def test_nobody_is_brought_back_who_was_erased(town: Any) -> None:
    """Stripe still has the customer and the subscription; here not even the customer's number is written down again."""
    gone = town.customer("r-erased")
    town.buy(gone)
    with town.core.engine.begin() as connection:
        digest = erased_digest("customer", gone, town.core.settings.subject_key)
        erased.note(connection, {digest: "customer"}, wall_clock())
    rebuilt = town.core.convergence.rebuild()
    assert (rebuilt.finished, rebuilt.restored, rebuilt.failed) == (True, 0, [])
    assert town.rows("select customer_id from customer_syncs") == []


def test_it_goes_on_where_it_stopped(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first batch, the next run begins with the second; `anew` begins with the first."""
    monkeypatch.setattr("service.convergence.rebuild.BATCH", 2)
    for number in range(5):
        give(town, f"r-{number}")
    town.execute("truncate entitlements")
    stopped = town.convergence.rebuild(stopped=lambda: True)
    assert (stopped.finished, stopped.restored) == (False, 2)
    assert town.entitlements().keys() == {"r-0", "r-1"}
    steps: list[tuple[str, int, int | None]] = []
    rest = town.convergence.rebuild(progress=lambda *step: steps.append(step))
    assert (rest.finished, rest.restored) == (True, 3)
    assert town.entitlements().keys() == {f"r-{number}" for number in range(5)}
    assert steps[:2] == [("accounts", 4, 5), ("accounts", 5, 5)]
    town.convergence.rebuild(stopped=lambda: True)
    assert town.convergence.rebuild(anew=True).restored == 5


def test_a_customer_who_cannot_be_synced_holds_nobody_up(town: Any) -> None:
    """One whom Stripe no longer knows is named as failed and stays marked; the others are restored."""
    town.subscriber("r-1")
    town.execute("insert into accounts (reader_id, customer_id) values ('r-0', 'cus_nobody')")
    town.execute(DERIVED)
    rebuilt = town.convergence.rebuild()
    assert (rebuilt.finished, rebuilt.restored, rebuilt.failed) == (True, 1, ["cus_nobody"])
    assert town.entitlements()["r-1"]["status"] == "active"
    assert town.rows("select customer_id from customer_syncs where dirty > synced") == [("cus_nobody",)]


def test_while_stripe_is_away_nothing_is_noted_as_failed(town: Any, standin: Any) -> None:
    """The run ends at once and is begun again later, with nobody's backoff grown."""
    town.subscriber("r-1")
    town.execute(DERIVED)
    standin.account.faults.status = 503
    with pytest.raises(TransientFailure):
        town.convergence.rebuild()
    standin.account.faults.status = 0
    assert town.rows("select attempts from customer_syncs") == [(0,)]
    assert town.convergence.rebuild().restored == 1


def test_redis_away_during_the_rebuild_gets_every_pass_later(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushed and out of reach: nothing has changed in the record, and yet the outbox has everybody's pass."""
    town.subscriber("r-1")
    give(town, "r-2")
    town.core.publisher.publish("r-2")
    town.flush_redis()

    def away(*_: object) -> bool:
        raise MeterUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(town.core.meter, "publish", away)
        assert town.convergence.rebuild().restored == 2
    assert published(town) == set()
    town.core.publisher.publish_outbox()
    assert published(town) == {"r-1", "r-2"}


def test_a_years_old_version_is_never_undercut(town: Any) -> None:
    """The account remembers the version that the lost table had reached."""
    town.subscriber("r-1")
    town.execute("update accounts set version = 41")
    town.execute(DERIVED)
    town.convergence.rebuild()
    assert town.versions() == {"r-1": 42}
    assert town.rows("select recorded_at from entitlements")[0][0] > datetime(2026, 1, 1, tzinfo=UTC)
