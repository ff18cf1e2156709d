"""Drift is found, reported and repaired; who does not differ is not asked for; a run goes on where it stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
import stripe
from sqlalchemy import text

from service.clocks import wall_clock
from service.convergence.looking import Looking
from service.convergence.reconcile import Reconcile, is_unlikely
from service.support.drift import DriftReport
from service.support.drift_words import sentence
from webhooks.failures import PermanentFailure

pytestmark = pytest.mark.slow


def found(town: Any) -> list[tuple[str, str]]:
    """Return the open drift as (kind, field)."""
    return [tuple(row) for row in town.rows("select kind, field from drift where repaired_at is null order by id")]


def cancel(town: Any, customer_id: str) -> None:
    """Cancel at Stripe; no webhook comes."""
    town.client.v1.subscriptions.cancel(town.client.v1.subscriptions.list({"customer": customer_id}).data[0].id)


def syncs_of(town: Any) -> Counter[str]:
    """Return how often each customer was synced until now."""
    return Counter({row.customer_id: row.synced for row in town.rows("select customer_id, synced from customer_syncs")})


def test_agreement_is_no_drift(town: Any) -> None:
    """Readers in several states, all synced: nothing is found and nobody is synced."""
    town.subscriber("r-trialing", trial_period_days=30)
    town.subscriber("r-annual", plan="annual")
    cancelled = town.subscriber("r-ended")
    cancel(town, cancelled)
    town.sync(cancelled)
    before = syncs_of(town)
    report = town.convergence.reconcile(repair=True)
    assert (report.compared, report.differing, report.rows, report.finished) == (3, 0, [], True)
    assert syncs_of(town) == before


def test_a_dry_run_reports_and_changes_nothing_else(town: Any) -> None:
    """A cancellation that we missed: each differing field with our word and Stripe's, and still no sync."""
    town.subscriber("r-same")
    customer_id = town.subscriber("r-1")
    cancel(town, customer_id)
    before = syncs_of(town)
    report = town.convergence.reconcile(repair=False)
    assert (report.compared, report.differing, report.repaired) == (2, 1, 0)
    fields = {row["field"]: (row["ours"], row["theirs"]) for row in report.rows}
    assert fields["status"] == ("active", "canceled")
    assert {"canceled_at", "ended_at"} < fields.keys()
    assert {row["customer_id"] for row in report.rows} == {customer_id}
    assert (syncs_of(town), town.entitlements()["r-1"]["status"]) == (before, "active")


def test_repair_syncs_only_the_customers_that_differ(town: Any) -> None:
    """Found first by a dry run, then repaired: the drift is closed, the entitlement right, the others untouched."""
    same, ended = town.subscriber("r-same"), town.subscriber("r-1")
    cancel(town, ended)
    town.convergence.reconcile(repair=False)
    before = syncs_of(town)
    report = town.convergence.reconcile(repair=True)
    assert (report.differing, report.repaired, report.failed) == (1, 1, 0)
    assert syncs_of(town)[same] == before[same]
    assert syncs_of(town)[ended] > before[ended]
    assert found(town) == []
    assert town.entitlements()["r-1"]["status"] == "ended"
    assert town.convergence.reconcile(repair=False).differing == 0
    assert len(town.rows("select 1 from drift where found_at = seen_at")) == 0, "the same rows, seen again"


def test_what_is_missing_here_is_found(town: Any) -> None:
    """A subscription never told of, and one whose snapshot or row was lost."""
    town.buy(town.customer("r-new"))
    no_snapshot, no_row = town.subscriber("r-2"), town.subscriber("r-3")
    town.execute("delete from customer_snapshots where customer_id = :id", id=no_snapshot)
    town.execute("delete from subscriptions where customer_id = :id", id=no_row)
    assert town.convergence.reconcile(repair=True).repaired == 3
    assert {(row.kind, row.field) for row in town.rows("select kind, field from drift")} == {("missing_here", "")}
    assert {name: each["status"] for name, each in town.entitlements().items()} == dict.fromkeys(
        ["r-new", "r-2", "r-3"], "active"
    )
    assert town.convergence.reconcile(repair=False).differing == 0


def test_a_row_that_disagrees_with_its_snapshot_is_drift(town: Any) -> None:
    """What support searches by must be as true as what entitlements are computed from."""
    town.subscriber("r-1")
    town.execute("update subscriptions set status = 'past_due'")
    (row,) = town.convergence.reconcile(repair=False).rows
    assert (row["field"], row["ours"], row["theirs"]) == ("status", "past_due", "active")


def test_an_invoice_paid_unheard_of_is_drift(town: Any) -> None:
    """What was paid decides how long access lasts, even while the subscription looks the same."""
    town.subscriber("r-1")
    unpaid = """update customer_snapshots set snapshot = jsonb_set(
        jsonb_set(snapshot, '{invoices,0,status}', '"open"'), '{invoices,0,amount_paid_minor}', '0')"""
    town.execute(unpaid)
    (row,) = town.convergence.reconcile(repair=True).rows
    assert (row["field"], row["ours"].split()[1:], row["theirs"].split()[1:]) == (
        "latest_invoice",
        ["open", "0"],
        ["paid", "290"],
    )
    assert found(town) == []


def test_what_stripe_knows_no_more_is_found_and_goes(town: Any) -> None:
    """Only a 404 proves it: one that is merely not on the list (of another clock) is compared, and agrees."""
    town.subscriber("r-1")
    town.execute(
        "insert into subscriptions (id, customer_id, status, price_id, created_at, fetched_at)"
        " select 'sub_gone', customer_id, 'active', 'price_x', created_at, fetched_at from subscriptions"
    )
    elsewhere = town.client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
            "metadata": {"newsstand_reader_id": "r-elsewhere"},
        }
    ).id
    town.buy(elsewhere)
    town.sync(elsewhere)
    (row,) = town.convergence.reconcile(repair=True).rows
    assert (row["kind"], row["subscription_id"]) == ("gone_at_stripe", "sub_gone")
    assert town.rows("select 1 from subscriptions where id = 'sub_gone'") == []


def test_a_refusal_is_no_proof_that_a_subscription_is_gone(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that may list but not read: the run ends, and nothing is taken for gone."""
    town.execute(
        "insert into subscriptions (id, customer_id, status, price_id, created_at, fetched_at)"
        " values ('sub_unlisted', 'cus_1', 'active', 'price_x', now(), now())"
    )
    asked = town.core.client.raw_request

    def refuse(method: str, path: str, **params: Any) -> Any:
        if path.endswith("sub_unlisted"):
            raise stripe.PermissionError("not yours", http_status=403)
        return asked(method, path, **params)

    monkeypatch.setattr(town.core.client, "raw_request", refuse)
    with pytest.raises(PermanentFailure):
        town.convergence.reconcile(repair=True)
    assert found(town) == []


def test_other_products_of_the_account_are_none_of_ours(town: Any) -> None:
    """A shared Stripe account's other customers are neither drift nor fetched."""
    product = town.client.v1.products.create({"name": "Mugs"}).id
    recurring: Any = {"interval": "month"}
    price = town.client.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 500, "recurring": recurring}
    ).id
    stranger = town.customer(None)
    town.client.v1.subscriptions.create({"customer": stranger, "items": [{"price": price}]})
    report = town.convergence.reconcile(repair=True)
    assert (report.compared, report.differing) == (1, 0)
    assert syncs_of(town) == Counter()


def test_what_is_being_applied_is_not_drift_yet(town: Any) -> None:
    """A hint of this minute waits for its sync; one that has waited for long is drift like any other."""
    customer_id = town.subscriber("r-1")
    cancel(town, customer_id)
    with town.core.engine.begin() as connection:
        town.core.syncs.mark(connection, customer_id)
    assert town.convergence.reconcile(repair=False).differing == 0
    town.execute("update customer_syncs set dirty_since = dirty_since - interval '11 minutes'")
    assert town.convergence.reconcile(repair=False).differing == 1


def test_who_was_synced_after_stripe_was_asked_is_not_drift(town: Any) -> None:
    """Our record may be newer than the list it is compared with."""
    customer_id = town.subscriber("r-1")
    cancel(town, customer_id)
    then = lambda: wall_clock() - timedelta(hours=1)  # noqa: E731
    looking = Looking(town.core.engine, town.client, test_clock=town.clock_id, wall_clock=then)
    hour_ago = Reconcile(town.core.engine, looking, town.core.syncs, wall_clock=then)
    assert hour_ago.run(repair=False).differing == 0


def test_drift_that_is_no_more_is_closed(town: Any) -> None:
    """Found by a dry run, repaired by a webhook's sync: the next run says so."""
    customer_id = town.subscriber("r-1")
    cancel(town, customer_id)
    town.convergence.reconcile(repair=False)
    assert found(town) != []
    town.sync(customer_id)
    town.convergence.reconcile(repair=False)
    assert found(town) == []


def test_it_goes_on_where_it_stopped(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the newest, the next run compares the older ones alone, and closes nothing that it did not see."""
    monkeypatch.setattr("service.convergence.listing._PAGE", 2)
    for number in range(4):
        cancel(town, town.subscriber(f"r-{number}"))
        town.advance(0.001)
    stopped = town.convergence.reconcile(repair=False, stopped=lambda: True)
    assert (stopped.finished, stopped.compared) == (False, 1), "one of the page's two waits for the second page"
    assert town.convergence.reconcile(repair=True, stopped=lambda: True).compared == 1, "another kind, its own cursor"
    rest = town.convergence.reconcile(repair=False)
    assert (rest.finished, rest.compared) == (True, 3)
    assert {row["customer_id"] for row in rest.rows} == {
        row.customer_id for row in town.rows("select * from customer_syncs")
    }
    assert town.convergence.reconcile(repair=False).compared == 4


def test_one_that_cannot_be_read_is_reported_and_passed_by(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe's shapes change: what this version cannot read must not hide the drift of the others."""
    odd, cancelled = town.subscriber("r-odd"), town.subscriber("r-1")
    cancel(town, cancelled)
    looking = town.convergence._reconcile._looking
    original = looking._stretches

    def broken(until: Any) -> Any:
        for stretch in original(until):
            changed = [
                each | {"items": {}} if each["customer"]["id"] == odd else each for each in stretch.subscriptions
            ]
            yield replace(stretch, subscriptions=changed)

    monkeypatch.setattr(looking, "_stretches", broken)
    report = town.convergence.reconcile(repair=True)
    assert (report.differing, report.repaired) == (2, 1)
    assert found(town) == [("unreadable", "")]


def test_a_customer_who_cannot_be_synced_stays_open(town: Any, standin: Any) -> None:
    """The repair failed: the report says so, the drift stays, and the customer stays marked."""
    customer_id = town.subscriber("r-1")
    cancel(town, customer_id)
    fetch, town.core.syncs._fetch = town.core.syncs._fetch, lambda _: 1 / 0
    report = town.convergence.reconcile(repair=True)
    town.core.syncs._fetch = fetch
    assert (report.repaired, report.failed) == (0, 1)
    assert ("differs", "status") in found(town)
    assert town.rows("select customer_id from customer_syncs where dirty > synced") == [(customer_id,)]


def test_what_is_paid_with_is_drift_whatever_it_is(town: Any) -> None:
    """A card where we know of none, another payment method where we know of one; and nothing where it is the same."""
    cardless, debited = town.subscriber("r-cardless"), town.subscriber("r-debited")
    for customer_id in (cardless, debited):
        method = town.client.v1.customers.retrieve(customer_id).invoice_settings.default_payment_method
        subscription = town.client.v1.subscriptions.list({"customer": customer_id}).data[0].id
        town.client.v1.subscriptions.update(subscription, {"default_payment_method": method})
        town.sync(customer_id)
    assert town.convergence.reconcile(repair=False).rows == []
    debit = '{"pays_with": {"id": "pm_debit", "kind": "sepa_debit", "fingerprint": "iban"}, "card": null}'
    nothing = '{"pays_with": null, "card": null}'
    change = text("update customer_snapshots set snapshot = snapshot || cast(:kept as jsonb) where customer_id = :id")
    with town.core.engine.begin() as connection:
        for customer_id, kept in ((cardless, nothing), (debited, debit)):
            connection.execute(change, {"kept": kept, "id": customer_id})
    rows = town.convergence.reconcile(repair=True, anyway=True).rows
    assert {(row["customer_id"], row["field"]) for row in rows} == {(cardless, "card"), (debited, "card")}
    assert town.convergence.reconcile(repair=False).rows == []


def test_a_customer_s_changed_fields_are_drift(town: Any) -> None:
    """An address, a card, a deletion that no event told of: found by a run, and right after its repair."""
    moved, paying = town.subscriber("r-moved"), town.subscriber("r-paying")
    own, gone = town.subscriber("r-own-card"), town.subscriber("r-gone")
    town.client.v1.customers.update(moved, {"email": "new@example.com"})
    town.change_card(paying, "pm_card_mastercard")
    method = town.client.v1.payment_methods.attach("pm_card_amex", {"customer": own}).id
    subscription = town.client.v1.subscriptions.list({"customer": own}).data[0].id
    town.client.v1.subscriptions.update(subscription, {"default_payment_method": method})
    town.client.v1.customers.delete(gone)
    rows = town.convergence.reconcile(repair=True).rows
    fields = {row["customer_id"]: row["field"] for row in rows if row["field"] in WHO_PAYS}
    assert fields == {moved: "customer_email", paying: "card", own: "card", gone: "customer_deleted"}
    assert "new@example.com" not in str(rows)
    assert found(town) == []
    brands = {row.brand for row in town.rows("select snapshot -> 'card' ->> 'brand' as brand from customer_snapshots")}
    assert brands == {"visa", "mastercard", "amex", None}
    assert town.convergence.reconcile(repair=False).differing == 0


WHO_PAYS = ("customer_email", "customer_deleted", "card")


def test_holds_that_no_event_told_of_are_drift(town: Any, lever: Any) -> None:
    """A refund, a dispute that changes, a warning, of payers on no test clock: found, repaired, and found no more."""
    charges = {name: _charge_off_clocks(town, name) for name in ("r-refunded", "r-disputed", "r-warned", "r-fine")}
    town.client.v1.refunds.create({"charge": charges["r-refunded"]})
    dispute = lever("disputes", charge=charges["r-disputed"])
    lever("early_fraud_warnings", charge=charges["r-warned"])
    assert {(row["field"].split()[0], row["theirs"]) for row in town.convergence.reconcile(repair=True).rows} >= {
        ("refund", "succeeded"), ("dispute", "needs_response"), ("fraud_warning", "actionable"),
    }  # fmt: skip
    statuses = {reader_id: each["status"] for reader_id, each in town.entitlements().items()}
    assert statuses == dict.fromkeys(charges, "held") | {"r-fine": "active"}
    lever(f"disputes/{dispute['id']}", status="won")
    (row,) = town.convergence.reconcile(repair=True).rows
    assert (row["ours"], row["theirs"]) == ("needs_response", "won")
    assert (town.entitlements()["r-disputed"]["status"], found(town)) == ("active", [])
    assert town.convergence.reconcile(repair=False).differing == 0


def test_a_refund_that_failed_is_no_drift(town: Any, lever: Any) -> None:
    """Its money came back, so a fetch sees nothing of it: one sync, and not another every night for ever."""
    refund = town.client.v1.refunds.create({"charge": _charge_off_clocks(town, "r-refunded")})
    assert town.convergence.reconcile(repair=True).differing == 1
    lever(f"refunds/{refund.id}", status="failed")
    assert town.convergence.reconcile(repair=True).differing == 1
    assert town.convergence.reconcile(repair=False).differing == 0
    assert town.entitlements()["r-refunded"]["status"] == "active"


@pytest.fixture
def lever(standin: Any) -> Any:
    """Let happen at the stand-in what only a bank brings about."""

    def pull(path: str, **body: Any) -> Any:
        return requests.post(f"{standin.base_url}/_standin/{path}", json=body, timeout=10).json()

    return pull


def _charge_off_clocks(town: Any, reader_id: str) -> str:
    """Sell a year to somebody who lives in the wall's time, and let the service know of it; return the charge."""
    customer = town.client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
            "metadata": {"newsstand_reader_id": reader_id},
        }
    ).id
    town.buy(customer, "annual")
    town.sync(customer)
    return str(town.client.v1.charges.list({"customer": customer}).data[0].id)


def owing_two(town: Any) -> tuple[str, str]:
    """Let a reader owe two months, of which we know; return the customer and the older invoice."""
    customer_id = town.subscriber("r-1")
    town.change_card(customer_id, "pm_card_chargeCustomerFail")
    town.advance(31)
    older = town.client.v1.subscriptions.list({"customer": customer_id}).data[0].latest_invoice
    town.advance(31)
    town.see_the_time()
    town.sync(customer_id)
    return customer_id, str(older)


@pytest.fixture
def endless_dunning(lever: Any) -> Any:
    """Let Stripe leave a subscription past due however often its charge fails."""
    lever("policy", after_retries="past_due")
    yield
    lever("policy", after_retries="canceled")


@pytest.mark.usefixtures("endless_dunning")
def test_an_older_debt_paid_unheard_of_is_drift(town: Any) -> None:
    """Two months are owed, the older one is paid, and nothing tells: the newest invoice says the same as before."""
    customer_id, older = owing_two(town)
    method = town.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer_id}).id
    town.client.v1.invoices.pay(older, {"payment_method": method})
    assert town.entitlements()["r-1"]["status"] == "ended"
    (row,) = town.convergence.reconcile(repair=True).rows
    assert (row["field"], row["ours"], row["theirs"]) == (f"invoice {older}", "open 0", "paid 290")
    town.see_the_time()
    assert (town.entitlements()["r-1"]["rule"], found(town)) == ("past_due_renewal", [])
    assert town.convergence.reconcile(repair=False).differing == 0


@pytest.mark.usefixtures("endless_dunning")
def test_only_older_debts_are_asked_for_one_by_one(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that are owed the newest came with its subscription; none is asked of once the subscription is over."""
    customer_id, older = owing_two(town)
    asked: list[str] = []
    real = town.core.client.raw_request

    def listen(method: str, path: str, **params: Any) -> Any:
        asked.append(path)
        return real(method, path, **params)

    monkeypatch.setattr(town.core.client, "raw_request", listen)
    town.convergence.reconcile(repair=False)
    assert [path for path in asked if path.startswith("/v1/invoices")] == [f"/v1/invoices/{older}"]
    cancel(town, customer_id)
    town.sync(customer_id)
    asked.clear()
    town.convergence.reconcile(repair=False)
    assert [path for path in asked if path.startswith("/v1/invoices")] == []


def test_all_is_looked_at_before_anything_is_repaired(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while looking, nobody was synced; stopped while repairing, the next run goes on with the next one."""
    monkeypatch.setattr("service.convergence.listing._PAGE", 2)
    for number in range(3):
        cancel(town, town.subscriber(f"r-{number}"))
        town.advance(0.001)
    before = syncs_of(town)
    steps = iter([False, True])
    looked = town.convergence.reconcile(repair=True, stopped=lambda: next(steps))
    assert (looked.finished, looked.repaired, syncs_of(town)) == (False, 0, before)
    phases: list[str] = []

    def tell(phase: str, _done: int, _total: int | None) -> None:
        phases.append(phase)

    first = town.convergence.reconcile(repair=True, progress=tell, stopped=lambda: phases[-1] == "repairs")
    assert (first.finished, first.repaired) == (False, 1)
    assert phases == sorted(phases, key=["subscriptions", "repairs"].index), "first all is looked at"
    rest = town.convergence.reconcile(repair=True)
    assert (rest.finished, rest.compared, rest.repaired, found(town)) == (True, 0, 2, [])
    assert Counter(each.synced for each in town.rows("select synced from customer_syncs")) == Counter({2: 3})


def test_what_is_unlikely_is_not_repaired(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody was cancelled, it seems: reported, nothing changed, until somebody says that it is so."""
    monkeypatch.setattr("service.convergence.reconcile.FEW_CUSTOMERS", 1)
    for number in range(2):
        cancel(town, town.subscriber(f"r-{number}"))
    before = syncs_of(town)
    report = town.convergence.reconcile(repair=True)
    assert (report.finished, report.refused, report.differing, report.repaired) == (True, True, 2, 0)
    assert (syncs_of(town), {each["status"] for each in town.entitlements().values()}) == (before, {"active"})
    assert DriftReport(town.core.engine).page(None).last_run.found["refused"] == 1
    report = town.convergence.reconcile(repair=True, anyway=True)
    assert (report.refused, report.repaired, found(town)) == (False, 2, [])


@pytest.mark.parametrize(
    ("differing", "compared", "percent", "unlikely"),
    [(50, 50, 20, False), (51, 255, 20, False), (51, 254, 20, True), (51, 51, 100, False), (51, 10_000, 0, True)],
)
def test_few_or_a_small_share_are_likely(differing: int, compared: int, percent: int, unlikely: bool) -> None:
    """Fifty customers always are; beyond them, up to the share that the settings name."""
    assert is_unlikely(differing, compared, most_percent=percent) is unlikely


def test_a_payer_of_nobody_is_drift_that_no_sync_repairs(town: Any) -> None:
    """Paid for under a second customer of a reader, or of one who names nobody: seen every night until people act."""
    town.subscriber("r-1")
    second, stranger = town.subscriber("r-1"), town.subscriber(None)
    before = syncs_of(town)
    report = town.convergence.reconcile(repair=True)
    rows = {row["customer_id"]: (row["kind"], row["theirs"]) for row in report.rows}
    assert rows == {second: ("unbound", "r-1"), stranger: ("unbound", None)}
    assert (report.repaired, report.failed, syncs_of(town)) == (0, 0, before)
    said = sentence(next(row for row in report.rows if row["customer_id"] == second), ZoneInfo("UTC"))
    assert "names the reader r-1" in said
    for customer_id in (second, stranger):
        cancel(town, customer_id)
    town.convergence.reconcile(repair=True)
    assert found(town) == []
