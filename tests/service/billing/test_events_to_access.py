"""Every event about a payer, from Stripe's delivery over HTTP to the reader's access; as snapshots, and as thin events.

Nothing here asks for a sync: what a reader may do at the end comes from the deliveries alone.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from service.api.application import build_flask
from service.support.events import EventQuery, Events, EventState
from webhooks import fetch_holds

pytestmark = pytest.mark.slow

REFUSED = "pm_card_chargeCustomerFail"
GUIDE = (Path(__file__).parents[3] / "docs" / "integration.md").read_text()
LISTED = re.findall(r"enabled_events\[\]=([a-z_.]+)", GUIDE)
"""What the integration guide has Stripe send: no reader may need more than that."""
ODD = ["novelty.came", "price.created"]
OVER_TIME = {
    "checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "customer.subscription.created", "customer.subscription.updated",
    "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required", "invoice.finalization_failed",
    "invoice.voided", "invoice.marked_uncollectible",
}  # fmt: skip


@dataclass(frozen=True)
class Newsstand:
    """A shop whose endpoint Stripe delivers to, and whose worker is called by hand."""

    shop: Any

    @property
    def api(self) -> Any:
        return self.shop.client.v1

    def work(self) -> None:
        """Let every delivery arrive, and do what the worker would until nothing is left."""
        core = self.shop.core
        for _ in range(10):
            self.shop.lever("flush")
            routed = [core.router.route(each) for each in core.router.due(1000)]
            synced = [core.syncs.sync(each) for each in core.syncs.due(1000)]
            settled = sum(each.settle() for each in core.errands)
            if not routed and not synced and not settled:
                return
        raise AssertionError("there is always more to do")

    def sell(self, reader_id: str | None, lookup_key: str = "newsstand_annual", **more: Any) -> str:
        """Subscribe somebody over Stripe's API, of whom the service hears by events alone; return the customer."""
        customer = self.api.customers.create(
            {
                "test_clock": self.shop.clock_id,
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
                "metadata": {"newsstand_reader_id": reader_id} if reader_id else {},
            }
        ).id
        self.api.subscriptions.create({"customer": customer, "items": [{"price": self.price(lookup_key)}], **more})
        return str(customer)

    def price(self, lookup_key: str) -> str:
        return str(self.api.prices.list({"lookup_keys": [lookup_key]}).data[0].id)

    def subscription(self, customer: str) -> Any:
        return self.api.subscriptions.list({"customer": customer}).data[0]

    def charge(self, customer: str) -> str:
        return str(self.api.charges.list({"customer": customer}).data[0].id)

    def charge_next(self, customer: str, card: str) -> None:
        """Let the next payment be charged to another card."""
        method = self.api.payment_methods.attach(card, {"customer": customer}).id
        self.api.subscriptions.update(self.subscription(customer).id, {"default_payment_method": method})

    def statuses(self, readers: Iterable[str]) -> dict[str, str]:
        return {reader_id: self.shop.status(reader_id) for reader_id in readers}

    def stored(self) -> dict[str, set[str | None]]:
        """Return of every type of event that came why it was ignored: None for one that was applied."""
        core, found = self.shop.core, defaultdict(set)
        for each in Events(core.engine, core.syncs, core.router).page(EventQuery(), 10_000).events:
            assert each.state in (EventState.DONE, EventState.IGNORED), each
            found[each.type].add(each.reason)
        return found


class _Silent(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        return


@pytest.fixture
def newsstand(shop: Any, request: pytest.FixtureRequest) -> Iterator[Newsstand]:
    """The whole web service on a port, registered at Stripe as the guide says, in the form that the test names."""
    server = make_server("127.0.0.1", 0, build_flask(shop.services), threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    made = shop.client.v1.webhook_endpoints.create({"url": url, "enabled_events": [*LISTED, *ODD]})
    secret = shop.core.settings.stripe_webhook_secrets[0]
    shop.lever(f"endpoints/{made.id}", payload=request.param, roll_secret=secret, expires_in_seconds=0)
    yield Newsstand(shop)
    shop.client.v1.webhook_endpoints.delete(made.id)
    server.shutdown()
    server.server_close()
    thread.join()


as_thin_events = pytest.mark.parametrize("newsstand", ["thin"], indirect=True)
as_snapshots = pytest.mark.parametrize("newsstand", ["snapshot"], indirect=True)


def _money_goes_back(stand: Newsstand) -> dict[str, str]:
    api, lever = stand.api, stand.shop.lever
    charge = {
        name: stand.charge(stand.sell(name))
        for name in ("refunded", "half-refunded", "refund-failed", "disputed", "won", "lost", "inquiry", "prevented",
                     "warned", "warned-no-more")
    }  # fmt: skip
    api.refunds.create({"charge": charge["refunded"]})
    api.refunds.create({"charge": charge["half-refunded"], "amount": 995})
    failing = api.refunds.create({"charge": charge["refund-failed"]})
    lever(f"refunds/{failing.id}", status="failed")
    lever("disputes", charge=charge["disputed"])
    for name in ("won", "lost"):
        lever(f"disputes/{lever('disputes', charge=charge[name])['id']}", status=name)
    lever("disputes", charge=charge["inquiry"], status="warning_needs_response")
    lever("disputes", charge=charge["prevented"], status="prevented")
    lever("early_fraud_warnings", charge=charge["warned"])
    warning = lever("early_fraud_warnings", charge=charge["warned-no-more"])
    lever(f"early_fraud_warnings/{warning['id']}", actionable=False)
    held = dict.fromkeys(("refunded", "disputed", "lost", "warned"), "held")
    return dict.fromkeys(charge, "active") | held


def _subscriptions_change(stand: Newsstand) -> dict[str, str]:
    api, lever = stand.api.subscriptions, stand.shop.lever
    reasons = ("first_payment_failure", "final_payment_failure", "pause_requested", "trial_end_without_payment_method",
               "system")  # fmt: skip
    for reason in reasons:
        lever(f"subscriptions/{stand.subscription(stand.sell(reason)).id}", pause=reason)
    sold = {name: stand.subscription(stand.sell(name)).id for name in ("resumed", "no-bills", "ending", "cancelled")}
    lever(f"subscriptions/{sold['resumed']}", pause="pause_requested")
    api.resume(sold["resumed"], {"billing_cycle_anchor": {"type": "unchanged"}})
    api.update(sold["no-bills"], {"pause_collection": {"behavior": "void"}})
    api.update(sold["ending"], {"cancel_at": "min_period_end"})
    api.cancel(sold["cancelled"])
    _hold_an_update_back(stand, stand.sell("update-waits", "newsstand_monthly"))
    expected = {"resumed": "active", "no-bills": "active", "ending": "cancelling", "cancelled": "ended"}
    return dict.fromkeys(reasons, "paused") | expected | {"update-waits": "active"}


def _hold_an_update_back(stand: Newsstand, customer: str) -> None:
    stand.charge_next(customer, REFUSED)
    subscription = stand.subscription(customer)
    item: Any = {"id": subscription["items"].data[0].id, "price": stand.price("newsstand_annual")}
    change: Any = {"items": [item], "payment_behavior": "pending_if_incomplete"}
    assert stand.api.subscriptions.update(subscription.id, change).pending_update is not None


def _customers_change(stand: Newsstand) -> dict[str, str]:
    customers = {name: stand.sell(name) for name in ("deleted", "renamed", "another-card")}
    stand.work()  # a deleted customer no longer says whose it was
    stand.api.customers.delete(customers["deleted"])
    stand.api.customers.update(customers["renamed"], {"email": "new@example.com"})
    stand.charge_next(customers["another-card"], "pm_card_mastercard")
    return {"deleted": "ended", "renamed": "active", "another-card": "active"}


@as_thin_events
def test_what_happens_at_once_reaches_the_reader(newsstand: Newsstand) -> None:
    """Refunds, disputes, warnings, pauses for every reason, changes, deletions, told of by thin events alone."""
    expected = _money_goes_back(newsstand) | _subscriptions_change(newsstand) | _customers_change(newsstand)
    newsstand.work()
    assert newsstand.statuses(expected) == expected
    state = newsstand.shop.services.readers.state
    assert state("update-waits").entitlement.plan == "monthly", "an update that is not paid grants nothing"
    assert (state("renamed").snapshot.email, state("another-card").snapshot.card.brand) == (
        "new@example.com", "mastercard",
    )  # fmt: skip
    ignored = {kind: reasons for kind, reasons in newsstand.stored().items() if reasons != {None}}
    assert ignored == {}


def _let_trials_end(stand: Newsstand) -> dict[str, str]:
    """Let a month of trial end for readers, the invoice of each going another way."""
    names = ("pays", "fails", "asks", "no-invoice", "voided", "given-up")
    sold = {name: stand.sell(name, "newsstand_monthly", trial_period_days=30) for name in names}
    for name in ("fails", "voided", "given-up"):
        stand.charge_next(sold[name], REFUSED)
    stand.charge_next(sold["asks"], "pm_card_authenticationRequired")
    stand.shop.pass_days(30)
    latest = {name: str(stand.subscription(customer).latest_invoice) for name, customer in sold.items()}
    stand.shop.lever(f"invoices/{latest['no-invoice']}", finalization="fails")
    stand.shop.pass_days(1)
    stand.api.invoices.void_invoice(latest["voided"])
    stand.api.invoices.mark_uncollectible(latest["given-up"])
    # Stripe calls a subscription active too whose debt the publisher has given up, which pays for nothing; one whose
    # invoice was never made final owes nothing yet.
    return dict.fromkeys(names, "ended") | {"pays": "active", "no-invoice": "active"}


def _let_checkouts_end(stand: Newsstand) -> dict[str, str]:
    """Let each of these leave Stripe's page in another way, the last two paying by bank debit."""
    shop = stand.shop
    sessions = {name: _session(stand, name) for name in ("expired", "bought", "debit-came", "debit-failed")}
    stand.api.checkout.sessions.expire(sessions["expired"])
    for name in ("debit-came", "debit-failed"):
        shop.lever(f"checkout_sessions/{sessions[name]}", async_payment="expected")
    for name in ("bought", "debit-came", "debit-failed"):
        assert shop.pay(shop.open(name, "annual")).status_code == 303
    for name, outcome in (("debit-came", "succeeded"), ("debit-failed", "failed")):
        shop.lever(f"checkout_sessions/{sessions[name]}", async_payment=outcome)
    return {"expired": "none", "bought": "active", "debit-came": "active", "debit-failed": "none"}


def _session(stand: Newsstand, reader_id: str) -> str:
    return str(stand.shop.open(reader_id, "annual").url).rsplit("/", 1)[-1]


def _send_odd_events(stand: Newsstand) -> dict[str, set[str | None]]:
    """Send what has no effect; return why each is ignored."""
    customer = stand.sell("odd")
    odd: list[tuple[str, dict[str, Any], str]] = [
        ("customer.updated", {"livemode": True}, "wrong_livemode"),
        ("customer.updated", {"account": "acct_other"}, "connected_account"),
    ]
    for kind, distortion, _ in odd:
        stand.shop.lever("events", type=kind, about=customer, **distortion)
    stand.shop.lever("events", type="novelty.came", object={"object": "novelty", "id": "nov_1"})
    stand.shop.lever("events", type="customer.updated", about=customer, api_version="2024-06-20")
    return {"customer.updated": {"wrong_livemode", "connected_account", None}, "novelty.came": {"names_no_customer"}}


@as_snapshots
def test_what_takes_time_reaches_the_reader(newsstand: Newsstand) -> None:
    """Trials that end in every way, checkouts left in every way, and events that are to have no effect."""
    expected = _let_trials_end(newsstand) | _let_checkouts_end(newsstand)
    ignored = _send_odd_events(newsstand) | {"price.created": {"concerns_no_customer"}}
    newsstand.work()
    assert newsstand.statuses(expected) == expected
    stored = newsstand.stored()
    for kind, reasons in ignored.items():
        assert stored.get(kind, reasons) == reasons, kind
    applied = {kind for kind, reasons in stored.items() if None in reasons}
    assert applied >= OVER_TIME


@as_thin_events
def test_who_is_bound_later_gets_what_waited(newsstand: Newsstand) -> None:
    """A customer of nobody we know is kept, without effect; named to be a reader's, their payment opens articles."""
    customer = newsstand.sell(None)
    newsstand.work()
    assert newsstand.statuses(["late"]) == {"late": "none"}
    newsstand.api.customers.update(customer, {"metadata": {"newsstand_reader_id": "late"}})
    newsstand.work()
    assert newsstand.statuses(["late"]) == {"late": "active"}


@as_snapshots
def test_another_product_s_payer_is_no_subscriber(newsstand: Newsstand) -> None:
    """On a shared Stripe account: its events are applied and open nothing, also for a reader of ours."""
    product = newsstand.api.products.create({"name": "Crosswords"}).id
    newsstand.api.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"},
         "lookup_key": "crosswords"}
    )  # fmt: skip
    newsstand.sell("puzzler", "crosswords")
    newsstand.work()
    assert newsstand.statuses(["puzzler"]) == {"puzzler": "none"}


@as_thin_events
def test_a_card_taken_away_is_missed_by_its_thin_event_alone(newsstand: Newsstand) -> None:
    """Neither the event nor Stripe's payment method says any more whose it was; what we last saw does."""
    customer = newsstand.sell("cardless")
    newsstand.work()
    state = newsstand.shop.services.readers.state
    method = state("cardless").snapshot.pays_with.id
    newsstand.api.payment_methods.detach(method)
    assert newsstand.api.payment_methods.retrieve(method).customer is None
    newsstand.work()
    assert state("cardless").snapshot.pays_with is None
    assert newsstand.stored()["v1.payment_method.detached"] == {None}
    assert newsstand.statuses(["cardless"]) == {"cardless": "active"}
    assert customer == state("cardless").snapshot.customer_id


@as_thin_events
def test_a_warning_about_an_older_charge_is_found(newsstand: Newsstand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe lists warnings by charge, and a sync asks of the newest few alone, but for what an event told of."""
    monkeypatch.setattr(fetch_holds, "WARNED_AT_MOST", 0)
    newsstand.shop.lever("early_fraud_warnings", charge=newsstand.charge(newsstand.sell("warned")))
    newsstand.work()
    assert newsstand.statuses(["warned"]) == {"warned": "held"}


@as_snapshots
def test_access_ends_at_its_date_though_nothing_is_told(newsstand: Newsstand) -> None:
    """Cancelled for the period's end; from then on Stripe's deliveries are lost, and nobody asks it either."""
    customer = newsstand.sell("leaving", "newsstand_monthly")
    newsstand.api.subscriptions.update(newsstand.subscription(customer).id, {"cancel_at_period_end": True})
    newsstand.work()
    assert newsstand.statuses(["leaving"]) == {"leaving": "cancelling"}
    newsstand.shop.lever("faults", drop=1.0)
    newsstand.shop.pass_days(32)
    assert newsstand.statuses(["leaving"]) == {"leaving": "ended"}
