"""Events that name nobody: Stripe is asked whom they concern, over HTTP through the unmodified SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from webhooks.concern import Concern, Reference
from webhooks.events import StripeEvent
from webhooks.failures import Backoff, PermanentFailure, TransientFailure
from webhooks.inbox import Inbox, Stored
from webhooks.routing import RouteOutcome, Router, asker, whom

Make = Callable[..., StripeEvent]
DISPUTE = {"object": "dispute", "id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1"}
PATHS = {
    "dispute → charge": (DISPUTE, {"charge/ch_1": {"object": "charge", "id": "ch_1", "customer": "cus_1"}}),
    "dispute → charge of nobody → payment": (
        DISPUTE,
        {"charge/ch_1": {"object": "charge", "id": "ch_1", "customer": None, "payment_intent": "pi_1"},
         "payment_intent/pi_1": {"object": "payment_intent", "id": "pi_1", "customer": "cus_1"}},
    ),
    "refund → payment": (
        {"object": "refund", "id": "re_1", "charge": None, "payment_intent": "pi_1"},
        {"payment_intent/pi_1": {"object": "payment_intent", "id": "pi_1", "customer": {"id": "cus_1"}}},
    ),
    "invoice payment → invoice": (
        {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1"},
        {"invoice/in_1": {"object": "invoice", "id": "in_1", "customer": "cus_1"}},
    ),
    "setup → itself": (
        {"object": "setup_intent", "id": "seti_1", "customer": None},
        {"setup_intent/seti_1": {"object": "setup_intent", "id": "seti_1", "customer": "cus_1"}},
    ),
    "thin dispute → dispute → charge": (
        {"object": "dispute", "id": "dp_1"},
        {"dispute/dp_1": DISPUTE, "charge/ch_1": {"object": "charge", "id": "ch_1", "customer": "cus_1"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_an_object_leads_to_its_customer(name: str) -> None:
    """Each path is followed with no more questions than it needs."""
    about, things = PATHS[name]
    asked: list[str] = []

    def ask(reference: Reference) -> Mapping[str, Any]:
        asked.append(f"{reference.kind}/{reference.id}")
        return things[asked[-1]]

    assert whom(about, ask) == Concern(customer_id="cus_1")
    assert asked == list(things)


MISSING = PermanentFailure("InvalidRequestError:resource_missing", status=404)


def answers(things: Mapping[str, Mapping[str, Any]]) -> Callable[[Reference], Mapping[str, Any]]:
    """Return what asks a Stripe that knows these things and no others."""

    def ask(reference: Reference) -> Mapping[str, Any]:
        found = things.get(f"{reference.kind}/{reference.id}")
        if found is None:
            raise MISSING
        return found

    return ask


@pytest.mark.parametrize("about", [
    DISPUTE,
    {"object": "refund", "id": "re_1", "charge": "ch_gone", "payment_intent": "pi_1"},
    {"object": "radar.early_fraud_warning", "id": "issfr_1", "charge": "ch_gone", "payment_intent": "pi_1"},
])  # fmt: skip
def test_a_lead_that_stripe_does_not_know_is_passed_over(about: Mapping[str, Any]) -> None:
    """A charge that is not found (404) leaves its payment to be asked for."""
    payment = {"object": "payment_intent", "id": "pi_1", "customer": "cus_1"}
    assert whom(about, answers({"payment_intent/pi_1": payment})) == Concern(customer_id="cus_1")


def test_what_no_lead_is_known_of_is_asked_for_again() -> None:
    """Neither charge nor payment found, or a payment of nobody's beside a missing charge: not yet final."""
    with pytest.raises(PermanentFailure, match="resource_missing"):
        whom(DISPUTE, answers({}))
    of_nobody = {"object": "payment_intent", "id": "pi_1", "customer": None}
    with pytest.raises(PermanentFailure, match="resource_missing"):
        whom(DISPUTE, answers({"payment_intent/pi_1": of_nobody}))


def test_any_other_refusal_ends_the_search() -> None:
    """A key that may not read charges is no reason to believe another lead."""

    def ask(_: Reference) -> Mapping[str, Any]:
        raise PermanentFailure("PermissionError", status=403)

    with pytest.raises(PermanentFailure, match="PermissionError"):
        whom(DISPUTE, ask)


@pytest.mark.parametrize("things", [
    {"payment_method/pm_1": {"object": "payment_method", "id": "pm_1", "customer": None}}, {},
])  # fmt: skip
def test_a_detached_payment_method_is_its_last_payers(things: Mapping[str, Any]) -> None:
    """Stripe names nobody any more, or has forgotten it: who paid with it when we last looked is told."""
    thin = {"object": "payment_method", "id": "pm_1"}
    held = {Reference("payment_method", "pm_1"): "cus_1"}
    assert whom(thin, answers(things), held.get) == Concern(customer_id="cus_1")


def test_a_guests_payment_leads_nowhere() -> None:
    """Objects that point at each other in a circle end the search, each asked for once."""
    asked: list[Reference] = []

    def ask(reference: Reference) -> Mapping[str, Any]:
        asked.append(reference)
        return {"object": reference.kind, "id": reference.id, "customer": None, "payment_intent": "pi_1"}

    assert whom(DISPUTE, ask) == Concern(ignored="names_no_customer")
    assert asked == [Reference("charge", "ch_1"), Reference("payment_intent", "pi_1")]


def test_an_endless_chain_is_cut() -> None:
    """At most six questions are asked of Stripe for one event."""
    asked: list[Reference] = []

    def ask(reference: Reference) -> Mapping[str, Any]:
        asked.append(reference)
        return {"object": "charge", "id": "ch_1", "payment_intent": f"pi_{len(asked)}"}

    assert whom(DISPUTE, ask).ignored == "names_no_customer"
    assert len(asked) == 6


class Desk:
    """An inbox and a router over one database and a recorded Stripe."""

    def __init__(self, engine: Engine, clock: Any, queue: Any, stripe: Any) -> None:
        self.engine, self.clock, self.queue, self.stripe = engine, clock, queue, stripe
        self.inbox = Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql)
        self.router = self.make(asker(stripe.client))

    def make(self, ask: Callable[[Reference], Mapping[str, Any]]) -> Router:
        backoff = Backoff(park_after=3, chance=lambda: 0.0)
        return Router(self.engine, ask, wall_clock=self.clock, defer=self.queue.defer, backoff=backoff)

    def row(self, event: StripeEvent) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(text("select * from events where id = :id"), {"id": event.id}).one()


@pytest.fixture
def desk(engine: Engine, clock: Any, queue: Any, recorded_stripe: Any) -> Desk:
    return Desk(engine, clock, queue, recorded_stripe)


@pytest.fixture
def dispute(desk: Desk, snapshot_event: Make) -> StripeEvent:
    """A stored dispute event that is yet to be routed."""
    event = snapshot_event("charge.dispute.created", DISPUTE)
    assert desk.inbox.store(event) is Stored.TO_ROUTE
    return event


def test_a_dispute_is_bound_to_its_payer(desk: Desk, dispute: StripeEvent, shape: Make) -> None:
    """The event gets customer and mark, the customer a hint, and a sync is queued; a second routing changes nothing."""
    desk.stripe.put("/v1/charges/ch_1", shape("charge", customer="cus_1"))
    assert desk.router.due(10) == [dispute.id]
    assert desk.router.route(dispute.id) is RouteOutcome.ROUTED
    row = desk.row(dispute)
    assert (row.customer_id, row.mark, row.status) == ("cus_1", 1, "pending")
    assert desk.queue.jobs() == [("route", dispute.id), ("sync", "cus_1")]
    assert desk.router.route(dispute.id) is RouteOutcome.SETTLED
    assert (len(desk.queue.jobs()), desk.router.due(10)) == (2, [])


def test_a_dispute_of_the_forgotten_is_emptied(desk: Desk, dispute: StripeEvent, shape: Make) -> None:
    """Only Stripe knew whose it is: once that is known, nothing of it is kept but its id."""
    desk.stripe.put("/v1/charges/ch_1", shape("charge", customer="cus_1"))
    router = Router(
        desk.engine, asker(desk.stripe.client), wall_clock=desk.clock, defer=desk.queue.defer,
        forgotten=lambda _, customer: customer == "cus_1",
    )  # fmt: skip
    assert router.route(dispute.id) is RouteOutcome.IGNORED
    row = desk.row(dispute)
    assert (bytes(row.body), row.customer_id, row.reason) == (b"{}", None, "customer_erased")
    assert desk.queue.jobs() == [("route", dispute.id)]


def test_a_thin_event_is_bound_by_its_object(desk: Desk, thin_event: Make, shape: Make) -> None:
    """Its related object is read under /v1/ by kind and id."""
    event = thin_event("v1.customer.subscription.past_due", "subscription", "sub_1")
    desk.inbox.store(event)
    desk.stripe.put("/v1/subscriptions/sub_1", shape("subscription", id="sub_1", customer="cus_1"))
    assert desk.router.route(event.id) is RouteOutcome.ROUTED
    assert desk.row(event).customer_id == "cus_1"


def test_an_id_cannot_leave_its_collection(desk: Desk, thin_event: Make) -> None:
    """Even a verified event only makes us read one object, whatever its id says."""
    event = thin_event("v1.invoice.paid", "invoice", "../accounts?x=1")
    desk.inbox.store(event)
    desk.router.route(event.id)
    assert desk.stripe.asked == [("/v1/invoices/..%2Faccounts%3Fx%3D1", {})]


def test_a_guests_dispute_is_ignored(desk: Desk, dispute: StripeEvent, shape: Make) -> None:
    """A charge of nobody's: kept, with the reason."""
    desk.stripe.put("/v1/charges/ch_1", shape("charge", id="ch_1"))
    desk.stripe.put("/v1/payment_intents/pi_1", {"object": "payment_intent", "id": "pi_1", "customer": None})
    assert desk.router.route(dispute.id) is RouteOutcome.IGNORED
    assert (desk.row(dispute).status, desk.row(dispute).reason) == ("ignored", "names_no_customer")
    assert desk.router.route(dispute.id) is RouteOutcome.SETTLED


def test_an_unknown_event_is_settled(desk: Desk) -> None:
    """A job for an event that is not there ends quietly."""
    assert desk.router.route("evt_none") is RouteOutcome.SETTLED


def test_no_connection_is_held_while_asking(desk: Desk, dispute: StripeEvent) -> None:
    """A slow Stripe ties up no database connection."""
    held: list[int] = []

    def ask(_: Reference) -> Mapping[str, Any]:
        held.append(desk.engine.pool.checkedout())  # type: ignore[attr-defined]
        return {"object": "charge", "customer": "cus_1"}

    desk.make(ask).route(dispute.id)
    assert held == [0]


def test_a_failure_backs_off_then_quarantines_then_resumes(desk: Desk, dispute: StripeEvent, shape: Make) -> None:
    """What Stripe keeps refusing is tried three times, set aside, and routed once staff resume it."""
    outcomes = []
    for wait in (2, 4, 8):
        outcomes.append(desk.router.route(dispute.id))
        assert desk.router.due(10) == []
        desk.clock.move(wait)
    assert outcomes == [RouteOutcome.FAILED, RouteOutcome.FAILED, RouteOutcome.QUARANTINED]
    row = desk.row(dispute)
    assert (row.status, row.attempts, row.reason) == ("quarantined", 3, "InvalidRequestError:resource_missing")
    assert desk.router.route(dispute.id) is RouteOutcome.SETTLED
    assert desk.router.due(10) == []
    desk.stripe.put("/v1/charges/ch_1", shape("charge", customer="cus_1"))
    with desk.engine.begin() as connection:
        assert desk.router.resume(connection, dispute.id)
    assert desk.queue.jobs()[-1] == ("route", dispute.id)
    assert desk.router.due(10) == [dispute.id]
    assert desk.router.route(dispute.id) is RouteOutcome.ROUTED
    assert desk.row(dispute).reason is None


def test_backing_off_asks_nothing(desk: Desk, dispute: StripeEvent) -> None:
    """A doubled job during the backoff ends at once."""
    desk.router.route(dispute.id)
    asked = len(desk.stripe.asked)
    assert desk.router.route(dispute.id) is RouteOutcome.BACKING_OFF
    assert len(desk.stripe.asked) == asked


def test_an_outage_of_stripes_quarantines_nothing(desk: Desk, dispute: StripeEvent) -> None:
    """However long Stripe is away, a dispute waits for it."""

    def ask(_: Reference) -> Mapping[str, Any]:
        raise TransientFailure("APIConnectionError")

    router = desk.make(ask)
    for _ in range(10):
        assert router.route(dispute.id) is RouteOutcome.FAILED
        desk.clock.move(60)
    assert router.due(10) == [dispute.id]


def test_what_is_settled_meanwhile_stays(desk: Desk, dispute: StripeEvent) -> None:
    """Two routings of one event: the slower one, successful or not, writes nothing."""

    def overtaken(error: Exception | None) -> Callable[[Reference], Mapping[str, Any]]:
        def ask(_: Reference) -> Mapping[str, Any]:
            desk.make(lambda _: {"object": "charge", "customer": "cus_1"}).route(dispute.id)
            if error is not None:
                raise error
            return {"object": "charge", "customer": "cus_late"}

        return ask

    assert desk.make(overtaken(None)).route(dispute.id) is RouteOutcome.SETTLED
    assert desk.row(dispute).customer_id == "cus_1"
    with desk.engine.begin() as connection:
        connection.execute(text("update events set customer_id = null"))
    assert desk.make(overtaken(PermanentFailure("x"))).route(dispute.id) is RouteOutcome.SETTLED
    assert desk.row(dispute).attempts == 0


def test_a_body_damaged_in_the_record_is_ignored(desk: Desk, dispute: StripeEvent) -> None:
    """It names its reason instead of failing for ever."""
    with desk.engine.begin() as connection:
        connection.execute(text("update events set body = 'x'"))
    assert desk.router.route(dispute.id) is RouteOutcome.IGNORED
    assert desk.row(dispute).reason == "not_json"


def test_only_what_waits_can_be_resumed(desk: Desk, dispute: StripeEvent, customer_event: Make) -> None:
    """An event already bound, or unknown, is left as it is."""
    bound = customer_event("cus_1")
    desk.inbox.store(bound)
    with desk.engine.begin() as connection:
        assert not desk.router.resume(connection, bound.id)
        assert not desk.router.resume(connection, "evt_none")
        assert desk.router.resume(connection, dispute.id)
