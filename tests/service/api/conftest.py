"""The HTTP layer over hand-written use cases: what is tested here is translation, not the use cases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine
from werkzeug.test import TestResponse

from metering.meter import Outcome, Reading
from metering.window import window_at
from service.access.gate import Gate
from service.access.question import Answer, Question
from service.access.readers import Readers, ReaderState
from service.access.told_notices import ToldNotices
from service.api.application import build_flask
from service.api.auth import KeyChecker
from service.api.health import Report
from service.api.services import Services
from service.billing.cancellations import Cancellation, Cancellations
from service.billing.checkouts import Checkout, CheckoutOutcome, CheckoutRequest, Checkouts
from service.billing.plan_changes import PlanChanges
from service.billing.portals import Portals
from service.billing.refunds import Refund, Refunds
from service.domain.catalog import Catalog
from service.domain.decision import Article, Decision, Reason
from service.domain.disclosure import disclosure
from service.domain.entitlement import Entitlement, GrantKind, Status
from service.domain.money import Money
from service.domain.notices import Notice
from service.domain.plan_changes import ChangeLine, PlanChange
from service.domain.refunds import RefundRequest
from service.domain.trials import TrialEligibility, TrialReason
from service.errors import Conflict, InvalidRequest
from service.exemptions.gifts import Gift, GiftBox, Gifts
from service.exemptions.links import SignedLinks
from service.exemptions.tokens import Tokens
from service.numbers.figures import FIGURES, Cohort, FigureId
from service.numbers.reading import Numbers, Shown
from service.numbers.tables import Span, table_of
from service.privacy.erasure import Erased, Erasures, Prospect
from service.privacy.export import Exports
from service.store.api_keys import ApiKey, Scope, digest_of
from service.store.audit import AuditQuery
from service.store.errands import Backlog
from service.store.idempotency import IdempotencyStore
from service.support.accounts import AccountDetail, AccountQuery, Accounts, FoundAccount, Page
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.all import Acts
from service.support.audit import Audit, AuditPage, Entry, Trail
from service.support.drift import DriftPage, DriftReport
from service.support.events import (
    EventDetail,
    EventPage,
    EventPlace,
    EventQuery,
    Events,
    EventState,
    Replay,
    StoredEvent,
    Stuck,
)
from service.support.inbox_health import InboxHealth, InboxReport
from service.support.story.explain import Asked, Explain, Explanation
from service.support.story.timeline import Timeline, TimelinePage
from service.support.syncing import StaffSync
from webhooks.endpoint import webhook_blueprint
from webhooks.events import StripeEvent
from webhooks.inbox import Inbox, Stored
from webhooks.signature import Verifier
from webhooks.snapshot import SubscriptionFacts

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ORIGIN = "https://www.example.com"
TRIAL = TrialEligibility(eligible=True, days=30, reason=TrialReason.FIRST_TRIAL)
NOBODY = Entitlement(
    status=Status.NONE, cause=None, plan=None, features=(), until=None, horizon=None, renews=False,
    subscription_id=None, rule="no_subscription",
)  # fmt: skip
TRIALING = Entitlement(
    status=Status.TRIALING, cause=GrantKind.TRIAL, plan="monthly", features=("unlimited_articles", "ad_free"),
    until=NOW + timedelta(days=30), horizon=NOW + timedelta(days=30, hours=2), renews=True,
    subscription_id="sub_1", rule="trialing",
)  # fmt: skip


EVENT = StoredEvent(
    id="evt_1", type="invoice.paid", state=EventState.QUARANTINED, reason="AuthenticationError", customer_id="cus_1",
    reader_id="r-81", created_at=NOW, received_at=NOW, api_version=None, attempts=8, not_before=None,
)  # fmt: skip


class FakeGate(Gate):
    """Answers what it is given, and remembers the questions."""

    def __init__(self, catalog: Catalog) -> None:
        self.questions: list[Question] = []
        window = window_at("month", NOW, catalog.zone)
        reading = Reading(outcome=Outcome.ROOM, used=1, limit=1, window=window)
        decision = Decision(
            granted=True, reason=Reason.METERED, counted=True, reading=reading, entitlement=None, wall=None,
            decided_at=NOW,
        )  # fmt: skip
        self.answer = Answer(decision=decision, visitor_id="v-5", degraded=None)

    def decide(self, asked: Question) -> list[Answer]:
        self.questions.append(asked)
        return [self.answer] * len(asked.articles)


class FakeReaders(Readers):
    """Knows every reader, all in one state."""

    def __init__(self) -> None:
        self.links: list[tuple[str, str]] = []
        self.known = ReaderState(
            reader_id="r-81",
            entitlement=NOBODY,
            sold=NOBODY,
            subscription=None,
            snapshot=None,
            reading=None,
            trial=TRIAL,
        )

    def state(self, reader_id: str) -> ReaderState:
        return replace(self.known, reader_id=reader_id)

    def link(self, reader_id: str, visitor_id: str) -> None:
        self.links.append((reader_id, visitor_id))


class FakeNotices(ToldNotices):
    """Remembers which notices of whom the site was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def note(self, reader_id: str, notices: Sequence[Notice]) -> None:
        self.told += [(reader_id, each.id) for each in notices]


class FakeGifts(Gifts):
    """Gives whatever is asked, to be opened for two weeks; `created` False for one given before."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.created = True

    def give(self, reader_id: str, article_id: str) -> tuple[Gift, GiftBox]:
        if self.failure is not None:
            raise self.failure
        self.asked.append((reader_id, article_id))
        box = self.box(reader_id)
        return replace(box.gifts[0], created=self.created), box

    def box(self, reader_id: str) -> GiftBox:
        until = NOW + timedelta(days=14)
        gift = Gift(token=f"{int(until.timestamp())}.all-1.s", article_id="a-1", given_at=NOW, expires_at=until)
        return GiftBox(per_month=5, remaining=4, resets_at=NOW + timedelta(days=20, hours=14), gifts=(gift,))


class FakeCheckouts(Checkouts):
    """Opens a new checkout each time; `failure` is raised first. `gate` can hold a request inside."""

    def __init__(self, catalog: Catalog) -> None:
        self.requests: list[CheckoutRequest] = []
        self.catalog = catalog
        self.failure: Exception | None = None
        self.created = True
        self.inside = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def open(self, request: CheckoutRequest) -> Checkout:
        self.inside.set()
        self.go_on.wait(timeout=10)
        if self.failure is not None:
            raise self.failure
        plan = self.catalog.plan(request.plan)
        if plan is None:
            raise InvalidRequest("There is no such plan.", code="unknown_plan", errors={"plan": ["Unknown plan."]})
        self.requests.append(request)
        number = len(self.requests)
        return Checkout(
            id=f"chk_{number}",
            url=f"https://checkout.stripe.com/c/pay/{number}",
            expires_at=NOW + timedelta(days=1),
            trial=TRIAL,
            disclosure=disclosure(plan, TRIAL, NOW, self.catalog),
            created=self.created,
        )

    def outcome(self, checkout_id: str) -> CheckoutOutcome:
        if self.failure is not None:
            raise self.failure
        return CheckoutOutcome(id=checkout_id, reader_id="r-81", plan="monthly", status="complete")


class FakePortals(Portals):
    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []

    def open(self, reader_id: str, return_url: str) -> str:
        self.opened.append((reader_id, return_url))
        return "https://billing.stripe.com/p/session/1"


class FakeCancellations(Cancellations):
    def __init__(self) -> None:
        self.cancelled: list[tuple[str, str | None, str | None]] = []
        self.undone: list[str] = []

    def cancel(self, reader_id: str, *, reason: str | None, comment: str | None) -> Cancellation:
        self.cancelled.append((reader_id, reason, comment))
        return Cancellation(access_until=NOW + timedelta(days=11), undo_until=NOW + timedelta(days=11))

    def undo(self, reader_id: str) -> None:
        self.undone.append(reader_id)


class FakePlanChanges(PlanChanges):
    """Tells one price for every change, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, object]] = []

    def preview(self, reader_id: str, plan_id: str) -> PlanChange:
        self.asked.append((reader_id, plan_id, "preview"))
        return PlanChange(
            plan=plan_id, quoted_at=NOW, due_now=Money(1845, "usd"), credit=Money(0, "usd"),
            renewal=Money(1990, "usd"), renews_at=NOW + timedelta(days=365),
            lines=(ChangeLine(description="Unused time", amount=Money(-145, "usd")),),
        )  # fmt: skip

    def change(self, reader_id: str, plan_id: str, *, quoted_at: datetime | None = None) -> PlanChange:
        found = self.preview(reader_id, plan_id)
        self.asked[-1] = (reader_id, plan_id, quoted_at)
        return found


class FakeRefunds(Refunds):
    """Refunds whatever is asked; `created` False for a repeat."""

    def __init__(self) -> None:
        self.requests: list[RefundRequest] = []
        self.created = True

    def refund(self, request: RefundRequest) -> Refund:
        self.requests.append(request)
        return Refund(
            id="re_1", invoice_id=request.invoice_id, status="succeeded", amount=Money(290, "usd"),
            left=Money(0, "usd"), created=self.created,
        )  # fmt: skip


class FakeAccounts(Accounts):
    """A support desk that knows nobody, or one; the real one has tests on PostgreSQL."""

    def __init__(self) -> None:
        self.queries: list[AccountQuery] = []
        self.page = Page(accounts=[], next_after=None)
        self.known: AccountDetail | None = None

    def search(self, query: AccountQuery) -> Page:
        self.queries.append(query)
        return self.page

    def pages(self, query: AccountQuery) -> Iterator[Sequence[FoundAccount]]:
        self.queries.append(query)
        yield self.page.accounts

    def detail(self, reader_id: str) -> AccountDetail | None:
        return self.known


class FakeAct(Act[Any]):
    """Does whatever is wished, and remembers it; the real ones have tests of their own."""

    def __init__(self, wishes: list[Wish]) -> None:
        self._wishes = wishes

    def effect(self, wish: Wish) -> Effect:
        return Effect(words=(f"Would act for {wish.reader_id}.",), quote={"amount": 290})

    def do(self, wish: Wish, trail: Trail) -> Done:
        self._wishes.append(wish)
        return Done(words=("Done.",), id="7")


class FakeStaffSync(StaffSync):
    """Syncs whoever is asked for, unless `failure` is raised."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        self.failure: Exception | None = None

    def sync(self, reader_id: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.synced.append(reader_id)


class FakeTimeline(Timeline):
    """Shows one page, whatever is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.page_shown = TimelinePage(moments=[], next_after=None)

    def page(self, reader_id: str, only: Any = None, **asked: Any) -> TimelinePage:
        self.asked.append({"reader_id": reader_id, "only": only} | asked)
        return self.page_shown


class FakeDrift(DriftReport):
    """Shows one page, whatever is asked."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.page_shown = DriftPage(rows=[], next_before=None)

    def page(self, before: int | None) -> DriftPage:
        self.asked.append(before)
        return self.page_shown


class FakeEvents(Events):
    """Knows one event, and replays whatever is asked; the real one has tests on PostgreSQL."""

    def __init__(self) -> None:
        self.queries: list[EventQuery] = []
        self.replayed: list[str] = []
        self.outcome = Replay.RESUMED
        self.known: EventDetail | None = EventDetail(event=EVENT, livemode=False, account=None, payload={"id": "evt_1"})

    def page(self, query: EventQuery, size: int = 50) -> EventPage:
        self.queries.append(query)
        return EventPage(events=[EVENT], next_after=EventPlace(received_at=NOW, id="evt_1"))

    def detail(self, event_id: str) -> EventDetail | None:
        return self.known

    def outlook(self, event_id: str) -> Replay:
        return self.outcome

    def replay(self, event_id: str, trail: Trail) -> Replay:
        self.replayed.append(event_id)
        return self.outcome

    def stuck(self, query: EventQuery) -> Stuck:
        self.queries.append(query)
        return Stuck(events=12, customers=9, more=False)

    def replay_all(self, query: EventQuery, trail: Trail) -> Stuck:
        self.replayed.append("all")
        return self.stuck(query)


class FakeNumbers(Numbers):
    """Has counted the same few things on every day; what is real is tested on PostgreSQL."""

    def __init__(self) -> None:
        self.asked: list[tuple[FigureId, int, Cohort]] = []
        self.counted_at: datetime | None = NOW

    def show(self, figure_id: FigureId, *, days: int, cohort: Cohort = Cohort.WEEK) -> Shown:
        self.asked.append((figure_id, days, cohort))
        span = Span(first=NOW.date() - timedelta(days=days - 1), last=NOW.date(), cohort=cohort)
        table = table_of(figure_id, {(NOW.date(), "usd"): 35}, span, {"monthly": "Monthly"})
        return Shown(
            figure=FIGURES[figure_id], span=span, table=table, as_of=self.counted_at, counted_at=self.counted_at
        )


class FakeInboxReport(InboxReport):
    def __init__(self) -> None:
        counts = dict.fromkeys(EventState, 1)
        self.shown = InboxHealth(
            as_of=NOW, oldest_seconds=2.5, counts=counts, newest={EventState.DONE: 7}, newest_since=NOW,
            last_received_at=NOW, followed_until=None,
            errands=[Backlog(kind="warned_charge", waiting=2, failing=1, reason="PermissionError")],
        )  # fmt: skip

    def health(self) -> InboxHealth:
        return self.shown


class FakeAudit(Audit):
    """Remembers entries, and shows one page, whatever is asked; `failure` is raised instead of remembering."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.asked: list[AuditQuery] = []
        self.page_shown = AuditPage(rows=[], next_before=None)
        self.failure: Exception | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        yield cast("Connection", None)

    def record_all(self, connection: Connection, entries: Iterable[Entry]) -> None:
        if self.failure is not None:
            raise self.failure
        self.entries.extend(entries)

    def erase(
        self, connection: Connection, entry: Entry, *, subjects: Sequence[str], mentions: Sequence[str] = ()
    ) -> int:
        self.record_all(connection, [entry])
        return 1

    def page(self, query: AuditQuery) -> AuditPage:
        self.asked.append(query)
        return self.page_shown


class FakeExports(Exports):
    """Holds as good as nothing on anybody."""

    def __init__(self) -> None:
        pass

    def export(self, reader_id: str) -> dict[str, Any]:
        notes = {"why": "What staff wrote.", "rows": [{"body": "Rang on Monday."}]}
        return {"reader_id": reader_id, "made_at": "2026-11-10T09:00:00Z", "meter": None, "held": {"notes": notes}}


class FakeExplain(Explain):
    """Knows everybody, and of nobody more than what is decided now."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def refuse_unknown(self, reader_id: str) -> None:
        """Know everybody."""

    def explain(self, asked: Asked) -> Explanation:
        return Explanation(
            asked=asked, article=Article(id=asked.article_id), moment=NOW, reader_id=asked.whose.reader_id, then=None,
            missing="Nothing is remembered.", version=None, standing=None, reads=[], now=self._answer,
            now_rule="There was room.", inputs=[], verdict="It is open.", around=[],
        )  # fmt: skip


class FakeErasures(Erasures):
    """Erases nothing, and leaves the entry that an erasure leaves."""

    def __init__(self) -> None:
        pass

    def prospect(self, reader_id: str) -> Prospect:
        obstacle = Conflict("A subscription is running.", code="subscription_running")
        return Prospect(reader_id=reader_id, customer_ids=["cus_1"], rows={"accounts": 1}, obstacle=obstacle)

    def erase(
        self, reader_id: str, *, reason: str, trail: Trail, ask_stripe: bool = True, customers: Collection[str] = ()
    ) -> Erased:
        trail.erased(cast("Connection", None), subjects=[reader_id], mentions=(), reason=reason)
        return Erased(rows={"accounts": 1}, at_stripe=["Note cus_1 now."], before=NOW)


class FakeInbox(Inbox):
    """Stores nothing and says it did."""

    def __init__(self) -> None:
        self.events: list[StripeEvent] = []

    def store(self, event: StripeEvent) -> Stored:
        self.events.append(event)
        return Stored.MARKED


@dataclass
class FakeHealth:
    report: Report = field(
        default_factory=lambda: Report(
            ready=True, status="ready", parts={"redis": True, "database": True}, oldest_unprocessed_event_seconds=None
        )
    )

    def ready(self) -> Report:
        return self.report


def keys_of_all_scopes() -> list[ApiKey]:
    """One key per scope, whose text is the scope's name with `-key`, and one of all the site's scopes."""
    scopes = {f"{scope}-key": {scope.value} for scope in Scope} | {"site-key": {"decide", "billing"}}
    return [
        ApiKey(
            id=number, label=plain, prefix=plain, digest=digest_of(plain), scopes=frozenset(held), created_at=NOW,
            revoked_at=None,
        )
        for number, (plain, held) in enumerate(scopes.items(), start=1)
    ]  # fmt: skip


@dataclass
class Api:
    """The application and the fakes behind it. `call` sends JSON under a key that opens everything the site may do."""

    app: Flask
    services: Services
    gate: FakeGate
    readers: FakeReaders
    checkouts: FakeCheckouts
    portals: FakePortals
    cancellations: FakeCancellations
    plan_changes: FakePlanChanges
    refunds: FakeRefunds
    accounts: FakeAccounts
    wishes: list[Wish]
    staff_sync: FakeStaffSync
    timeline: FakeTimeline
    drift: FakeDrift
    events: FakeEvents
    audit: FakeAudit
    health: FakeHealth

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def call(self, method: str, path: str, *, key: str | None = "site-key", **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        return self.client.open(path, method=method, headers=headers, **options)


@pytest.fixture(scope="session")
def build_api(catalog: Catalog) -> Callable[..., Api]:
    """Build the application; `engine` is needed only where `Idempotency-Key` is used, `changes` are Services'."""

    def build(engine: Engine | None = None, **changes: Any) -> Api:
        gate, readers, checkouts = FakeGate(catalog), FakeReaders(), FakeCheckouts(catalog)
        portals, cancellations, accounts, health = FakePortals(), FakeCancellations(), FakeAccounts(), FakeHealth()
        plan_changes, refunds, drift = FakePlanChanges(), FakeRefunds(), FakeDrift()
        audit, staff_sync, timeline, events = FakeAudit(), FakeStaffSync(), FakeTimeline(), FakeEvents()
        wishes: list[Wish] = []
        webhook = webhook_blueprint(verifier=Verifier(["whsec_fixture_secret"]), inbox=FakeInbox(), wall_clock=wall_now)
        services = Services(
            catalog=catalog,
            gate=gate,
            readers=readers,
            notices=FakeNotices(),
            gifts=FakeGifts(),
            signed_links=SignedLinks(Tokens(["a-key-of-the-fixtures-of-32-characters"]), business_clock=lambda: NOW),
            checkouts=checkouts,
            portals=portals,
            cancellations=cancellations,
            plan_changes=plan_changes,
            refunds=refunds,
            accounts=accounts,
            acts=Acts(**{each.name: FakeAct(wishes) for each in dataclass_fields(Acts)}),
            staff_sync=staff_sync,
            exports=FakeExports(),
            timeline=timeline,
            explain=FakeExplain(gate.answer),
            erasures=FakeErasures(),
            drift=drift,
            events=events,
            inbox=FakeInboxReport(),
            numbers=FakeNumbers(),
            audit=audit,
            keys=KeyChecker(keys_of_all_scopes, wall_now),
            idempotency=IdempotencyStore(cast("Engine", engine)),
            health=health,
            site_origins=(ORIGIN,),
            wall_clock=wall_now,
            business_clock=lambda: NOW,
            slow_calls_at_once=2,
            blueprints=(webhook,),
        )
        services = replace(services, **changes)
        app = build_flask(services)
        return Api(
            app, services, gate, readers, checkouts, portals, cancellations, plan_changes, refunds, accounts,
            wishes, staff_sync, timeline, drift, events, audit, health,
        )  # fmt: skip

    return build


@pytest.fixture
def api(build_api: Callable[..., Api]) -> Api:
    """The application over fakes alone."""
    return build_api()


def wall_now() -> datetime:
    return NOW


@pytest.fixture
def trialing() -> Entitlement:
    """A trial's entitlement."""
    return TRIALING


@pytest.fixture
def subscription(make_subscription: Callable[..., SubscriptionFacts]) -> SubscriptionFacts:
    """An active monthly subscription."""
    return make_subscription()


@pytest.fixture
def checkout_body() -> dict[str, str]:
    """A well-formed request for a checkout."""
    return {
        "reader_id": "r-81",
        "email": "reader@example.com",
        "plan": "monthly",
        "success_url": f"{ORIGIN}/welcome",
        "cancel_url": f"{ORIGIN}/offer",
    }


@pytest.fixture
def templates_folder() -> Path:
    """Where the documentation page's template lives."""
    return Path(__file__).parents[3] / "service" / "api" / "templates"


class HandClock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.instant = NOW

    def __call__(self) -> datetime:
        return self.instant

    def advance(self, step: timedelta) -> None:
        self.instant += step


@pytest.fixture
def hand_clock() -> HandClock:
    """Wall time, turned by hand."""
    return HandClock()


@pytest.fixture
def account() -> AccountDetail:
    """An account with one row of everything, as PostgreSQL returns them."""
    return AccountDetail(
        reader_id="r-81",
        email="reader@example.com",
        customer_id="cus_1",
        created_at=NOW,
        fetched_at=NOW,
        sync_failure=None,
        subscriptions=[
            {
                "id": "sub_1", "customer_id": "cus_1", "reader_id": "r-81", "status": "active", "plan": "monthly",
                "price_id": "price_1", "created_at": NOW, "trial_end_at": None, "period_end_at": NOW,
                "cancel_at": None, "ended_at": None, "fetched_at": NOW,
            }
        ],
        invoices=[
            {
                "id": "in_1", "customer_id": "cus_1", "subscription_id": "sub_1", "status": "paid", "currency": "usd",
                "amount_due_minor": 290, "amount_paid_minor": 290, "period_end_at": NOW, "created_at": NOW,
                "paid_at": NOW, "hosted_url": None,
            }
        ],
        grants=[
            {
                "id": 1, "reader_id": "r-81", "kind": "courtesy", "features": ["archives"], "from_at": NOW,
                "until_at": NOW + timedelta(days=7), "reason": "late delivery", "given_by": "staff-1",
                "revoked_at": None, "created_at": NOW,
            }
        ],
        holds=[
            {
                "id": "dp_1", "customer_id": "cus_1", "kind": "dispute", "status": "needs_response",
                "amount_minor": 290, "currency": "usd", "charge_id": "ch_1", "invoice_id": "in_1",
                "subscription_id": "sub_1", "from_at": NOW, "released_at": None, "blocks": True, "revokes": False,
            }
        ],
        fraud_warnings=[
            {
                "warning_id": "issfr_1", "customer_id": "cus_1", "charge_id": "ch_1", "attempts": 0,
                "not_before": None, "settled_at": NOW, "outcome": "refunded", "found_at": NOW,
            }
        ],
        trial_ledger=[
            {"kind": "email", "value": "a1b2", "reader_id": "r-81", "subscription_id": "sub_1", "created_at": NOW}
        ],
        refunds=[
            {
                "refund_id": "re_1", "invoice_id": "in_1", "amount_minor": 290, "currency": "usd", "reason": "moved",
                "asked_by": "key:3", "asked_at": NOW, "outcome": "succeeded",
            }
        ],
        visitors=[{"visitor_id": "v-5", "reader_id": "r-81", "linked_at": NOW}],
        checkouts=[
            {
                "id": "chk_1", "plan": "monthly", "status": "complete", "created_at": NOW,
                "disclosure": {"renewal": "every month"}, "catalog_version": "c1",
            }
        ],
        consents=[
            {
                "id": 1, "kind": "plan_change", "plan": "annual", "outcome": "changed", "agreed_at": NOW,
                "disclosure": {"renewal": "every year"}, "catalog_version": "c1",
            }
        ],
        gifts=[{"article_id": "a-1", "given_at": NOW, "expires_at": NOW + timedelta(days=14)}],
        notices_told=[
            {
                "id": "payment_due:in_1:2", "kind": "payment_due", "due_at": None, "amount_minor": 290,
                "currency": "usd", "told_at": NOW,
            }
        ],
        more=frozenset({"checkouts"}),
        notes=[{"id": 1, "body": "Rang on Monday.", "written_by": "staff:7", "written_at": NOW}],
    )  # fmt: skip


@pytest.fixture
def audit_row() -> dict[str, Any]:
    """An entry of the audit log, as PostgreSQL returns it."""
    return {
        "seq": 9, "at": NOW, "actor": "key:3", "act": "account.read", "request_id": "req-1", "erases": [],
        "strips": [5, 5], "details_digest": bytes(32), "previous": bytes(32), "digest": bytes(32), "subjects": ["r-81"],
        "reason": None, "detail": {"status": 200},
    }  # fmt: skip
