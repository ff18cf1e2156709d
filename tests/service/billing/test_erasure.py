"""A reader who lives through everything is erased, and nothing that names them is found anywhere afterwards."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import insert, inspect, text, update

from metering.meter import Subject, SubjectKind
from service.access.question import Question
from service.billing.checkouts import Checkouts
from service.domain.decision import Article
from service.domain.refunds import RefundRequest
from service.domain.staff import Role
from service.domain.vocabulary import EarlyWarning
from service.errors import Conflict, InvalidRequest, NotFound, StripeUnavailable
from service.privacy import erasure
from service.privacy.everything import HELD
from service.store import accounts, tables, trials
from service.store.audit import AuditQuery
from service.store.idempotency import IdempotencyStore
from service.store.journal_tables import paid_but_refused, refusal_checks
from service.store.notes import add as add_note
from service.store.notice_tables import notices_told
from service.store.staff_tables import staff_sign_ins
from service.support.acts.merging import MergeWish
from service.support.acts.meter import MoreWish
from service.support.acts.releasing import ReleaseWish
from service.support.audit import Entry, Trail
from webhooks.events import StripeEvent, parse
from webhooks.inbox import Stored

READER, VISITOR, EMAIL = "Canary/Reader-7é", "canary-visitor-1", "Canary.Bird@Example.com"
BEFORE, FIRST = "Canary/Before-3", "Canary-First-1"
"""Readers whom support made one with the reader: the first was made one with the second."""
OLD_EMAIL, FORMER_EMAIL = "Canary.Old@Example.net", "canary.former@example.org"
ARTICLE = "canary-article"
NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
NEIGHBOUR = "r-neighbour"


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # two whole lives, on machines that may be busy


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes here, so there is nothing to wait for."""
    monkeypatch.setattr(erasure, "SETTLE_SECONDS", 0.0)


@dataclass
class Life:
    """One reader's, in a shop with a neighbour who must not notice."""

    shop: Any
    customer_id: str = ""

    def trail(self, act: str = "account.erase") -> Trail:
        entry = Entry(actor="staff:7", act=act, subjects=(READER,), detail={"confirm": READER}, request_id="req-1")
        return Trail(self.shop.services.audit, entry)

    def erase(self, **options: Any) -> erasure.Erased:
        reason = options.pop("reason", "asked by letter")
        done: erasure.Erased = self.shop.services.erasures.erase(READER, reason=reason, trail=self.trail(), **options)
        return done

    def live(self) -> None:
        """Read, be walled, sign in, be made one, buy, give, be warned, disputed, refunded, written about, looked at."""
        self._read()
        self._be_made_one()
        checkout = self.shop.open(READER, email=EMAIL, success_url="http://127.0.0.1:8001/canary")
        assert self.shop.pay(checkout, email=EMAIL).status_code == 303
        assert self.shop.services.checkouts.outcome(checkout.id).status == "complete"
        snapshot = self.shop.services.readers.state(READER).snapshot
        self.customer_id = snapshot.customer_id
        self.shop.services.gifts.give(READER, ARTICLE)
        self.shop.pass_days(41)
        self.sync()
        self.shop.services.plan_changes.change(READER, "annual")
        self._be_refunded()
        self._be_written_about()
        self.shop.core.convergence.look_back(30)
        self.sync()
        self.shop.core.journal.close()

    def _read(self) -> None:
        for reader_id in (None, READER, READER):
            for number in range(3):
                article = Article(id=f"{ARTICLE}-{number}")
                question = Question(articles=[article], reader_id=reader_id, visitor_id=VISITOR, consume=True)
                self.shop.services.gate.decide(question)

    def _be_made_one(self) -> None:
        """Of three accounts, in two steps; each has read, one has an address of its own. Then articles are added."""
        wish: dict[str, Any] = {"reason": "canary twice", "asked_by": "staff:7", "role": Role.ADMIN}
        with self.shop.core.engine.begin() as connection:
            for reader_id, email in ((READER, EMAIL), (BEFORE, OLD_EMAIL), (FIRST, None)):
                accounts.ensure(connection, reader_id, email)
        for reader_id in (BEFORE, FIRST):
            question = Question(articles=[Article(id=ARTICLE)], reader_id=reader_id, visitor_id="v-other", consume=True)
            self.shop.services.gate.decide(question)
        for staying, other in ((BEFORE, FIRST), (READER, BEFORE)):
            merge = MergeWish(reader_id=staying, other=other, **wish)
            self.shop.services.acts.merge.do(merge, self.trail("act.merge"))
        more = MoreWish(reader_id=READER, articles=2, **wish)
        self.shop.services.acts.add_articles.do(more, self.trail("act.add_articles"))

    def _be_refunded(self) -> None:
        """The month's payment in part, by staff, then disputed in vain; the year's because a bank warned of fraud."""
        charges = self.shop.client.v1.charges.list({"customer": self.customer_id}).data
        invoices = self.shop.services.readers.state(READER).snapshot.invoices
        month = [each.id for each in invoices if each.amount_paid_minor][-1]
        request = RefundRequest(
            reader_id=READER, invoice_id=month, amount_minor=1, reason=f"{EMAIL} moved", asked_by="staff:7"
        )
        self.shop.services.refunds.refund(request)
        dispute = self.shop.lever("disputes", charge=charges[-1].id)
        self.sync()
        release = ReleaseWish(
            reader_id=READER, hold_id=dispute["id"], reason="canary rang", asked_by="staff:7", role=Role.ADMIN
        )
        self.shop.services.acts.release_hold.do(release, self.trail("act.release_hold"))
        self.shop.lever(f"disputes/{dispute['id']}", status="won")
        self.shop.lever("early_fraud_warnings", charge=charges[0].id)
        self.sync()

    def _be_written_about(self) -> None:
        store = IdempotencyStore(self.shop.core.engine)
        for key, answer in (("key", {"reader_id": READER, "status": "active"}), (f"buy-{VISITOR}", {})):
            claimed = store.claim(1, key, b"digest", datetime.now(UTC))
            store.finish(claimed, 200, json.dumps(answer))
        self.take_in(self._nameless_event())
        self.take_in(self._event_of_before())
        with self.shop.core.engine.begin() as connection:
            add_note(connection, READER, body=f"{EMAIL} rang about {ARTICLE}", written_by="staff:7", written_at=NOW)
            given = {"from_at": NOW, "until_at": NOW, "reason": "canary storm", "given_by": "staff:7"}
            row = {"reader_id": READER, "kind": "courtesy", "features": ["archives"]} | given
            connection.execute(insert(tables.grants).values(row))
            drift = {"customer_id": self.customer_id, "subscription_id": "sub_1", "kind": "differs", "ours": EMAIL}
            connection.execute(insert(tables.drift).values(drift | {"found_at": NOW, "seen_at": NOW}))
            trials.bar(connection, {"reader": READER}, reader_id=READER, dispute_id="dp_1")
            notice = {"id": "canary", "reader_id": READER, "kind": "renews", "amount_minor": 290, "currency": "usd"}
            connection.execute(insert(notices_told).values(notice | {"as_of": NOW, "told_at": NOW}))
            run = {"name": "rebuild", "reached": {"reader_id": READER}, "started_at": NOW, "updated_at": NOW}
            connection.execute(insert(tables.long_runs).values(run))
            card = {
                "subscription_id": "sub_9",
                "customer_id": self.customer_id,
                "reader_id": READER,
                "policy": "cancel",
            }
            connection.execute(insert(tables.repeated_cards).values(card | {"settled_at": NOW}))
            ways = ("/support/accounts/Canary%2FReader-7%C3%A9", "/support/accounts?q=canary.OLD%40example.net")
            for number, return_to in enumerate(ways):
                way = {"state": "s", "nonce": "n", "code_verifier": "c", "ends_at": NOW, "return_to": return_to}
                connection.execute(insert(staff_sign_ins).values(way | {"digest": bytes([number])}))
            refused = {"recorded_at": NOW, "decision_id": 1, "decided_at": NOW, "found_at": NOW}
            refused |= {"reader_id": READER, "article_id": ARTICLE}
            connection.execute(insert(paid_but_refused).values(refused))
            connection.execute(insert(refusal_checks).values(reader_id=BEFORE, asked_at=NOW))
            said: list[dict[str, Any]] = [
                {"act": "account.read", "subjects": (READER,)},
                {"act": "account.read", "subjects": (FIRST,)},
                {"act": "accounts.search", "subjects": (), "detail": {"q": EMAIL.lower()}},
                {"act": "accounts.search", "subjects": (), "detail": {"q": OLD_EMAIL.lower()}},
                {"act": "accounts.search", "subjects": (NEIGHBOUR,), "detail": {"q": FORMER_EMAIL}},
                {"act": "accounts.export", "subjects": (FIRST, NEIGHBOUR, READER), "detail": {"q": "canary"}},
                {"act": "refund", "subjects": (NEIGHBOUR,), "reason": f"as for {READER}, she said"},
                {"act": "account.read", "subjects": (NEIGHBOUR,), "reason": "rang"},
            ]
            for each in said:
                self.shop.services.audit.record(connection, Entry(actor="staff:7", **each))

    def _nameless_event(self) -> bytes:
        """A charge of somebody without a customer, whose address Stripe writes in escapes."""
        about = {"object": "charge", "id": "ch_canary", "billing_details": {"email": EMAIL.lower()}}
        event = {"object": "event", "id": "evt_nameless", "type": "charge.succeeded", "livemode": False}
        return json.dumps(event | {"data": {"object": about}}).encode()

    def _event_of_before(self) -> bytes:
        """Stripe's word that the customer's address changed, which only the inbox still knows."""
        about = {"object": "customer", "id": self.customer_id, "email": EMAIL}
        event = {"object": "event", "id": "evt_former", "type": "customer.updated", "livemode": False}
        data = {"object": about, "previous_attributes": {"email": FORMER_EMAIL}}
        return json.dumps(event | {"data": data}, separators=(",", ": ")).encode()

    def take_in(self, body: bytes) -> Stored:
        event = parse(body)
        assert isinstance(event, StripeEvent)
        stored: Stored = self.shop.core.inbox.store(event)
        return stored

    def sync(self) -> None:
        self.shop.core.sync_now(self.customer_id)

    def cancel(self) -> None:
        """End the subscription at once, at Stripe."""
        for each in self.shop.client.v1.subscriptions.list({"customer": self.customer_id}).data:
            self.shop.client.v1.subscriptions.cancel(each.id)

    def dump(self) -> dict[str, str]:
        """Return every row of every table as text by the table's name, bytes readable."""
        found = {}
        with self.shop.core.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            for name in inspect(connection).get_table_names():
                rows = driver.execute(f"select * from {name}").fetchall()  # noqa: S608 - a table's name
                found[name] = "\n".join(repr(row) for row in rows).encode().decode("unicode_escape", "replace")
        return found

    def traces(self, *words: str) -> dict[str, list[str]]:
        """Return the tables in which a word is found, whatever its case or escaping."""
        spellings = {each.lower() for word in words for each in (word, json.dumps(word)[1:-1])}
        found = {name: [each for each in spellings if each in rows.lower()] for name, rows in self.dump().items()}
        return {name: each for name, each in found.items() if each}

    def in_redis(self, redis_url: str) -> list[str]:
        """Return the keys that hold something of the reader or the browser; Redis has hashes of their ids alone."""
        keys = self.shop.core.meter._keys
        fields = {keys.place(Subject(SubjectKind.READER, each)).field for each in (READER, BEFORE, FIRST)}
        fields |= {keys.place(Subject(SubjectKind.VISITOR, VISITOR)).field}
        with redis.Redis.from_url(redis_url) as client:
            found = {key: client.dump(key) or b"" for key in client.scan_iter()}
            values = {key: repr(client.hgetall(key)).encode() for key in found if client.type(key) == b"hash"}
        hashed = [key for key in values if any(repr(each)[2:-1].encode() in values[key] for each in fields)]
        hashed = [key for key in hashed if b":absent:" not in key]  # "nobody of that name": gone within three minutes
        plain = [key for key, value in found.items() if b"canary" in (key + value).lower()]
        return sorted(key.decode() for key in hashed + plain)


@pytest.fixture
def life(shop: Any) -> Life:
    """The reader's life, with the policy that gives warned payments back, and the neighbour's."""
    policy = shop.core.projection._policy
    object.__setattr__(policy, "early_warning", EarlyWarning.REFUND)
    theirs = shop.open(NEIGHBOUR)
    shop.pay(theirs, card_number="5555 5555 5555 4444")
    assert shop.services.checkouts.outcome(theirs.id).status == "complete"
    found = Life(shop)
    found.live()
    return found


def test_nothing_is_left_of_an_erased_reader(life: Life, redis_url: str) -> None:
    """The canary: unmistakable words in every field; after the erasure no table and no key of Redis has one.

    They are in every table that may hold something of a reader before, so that the search is known to find them. The
    neighbour stays whole, money is kept without the person, and what Stripe tells later brings nothing back.
    """
    before = life.traces("canary", life.customer_id)
    assert {held.name for held in HELD} - before.keys() == set()
    assert life.in_redis(redis_url)
    neighbour = life.shop.services.accounts.detail(NEIGHBOUR)

    with pytest.raises(Conflict, match="A subscription is running"):
        life.erase()
    with pytest.raises(Conflict, match=f"made one with that of {READER}"):
        life.shop.services.erasures.erase(BEFORE, reason="asked", trail=life.trail())
    assert life.traces("canary", life.customer_id).keys() == before.keys()
    life.cancel()
    with life.shop.core.engine.connect() as connection:
        paid = connection.scalar(text("select sum(amount_paid_minor) from invoices"))
    done = life.erase()
    assert life.traces("canary", life.customer_id) == {}
    assert life.in_redis(redis_url) == []
    assert life.customer_id in done.at_stripe[0]
    assert list(life.shop.services.audit.faults()) == []

    after = life.shop.services.accounts.detail(NEIGHBOUR)
    assert (after.subscriptions, after.checkouts, after.trial_ledger) == (
        neighbour.subscriptions, neighbour.checkouts, neighbour.trial_ledger,
    )  # fmt: skip
    assert life.shop.status(NEIGHBOUR) == "trialing"
    newest = life.shop.services.audit.page(AuditQuery()).rows[0]
    assert (newest["actor"], newest["act"], newest["reason"], newest["subjects"]) == (
        "staff:7", "account.erase", "asked by letter", [],
    )  # fmt: skip
    taken_away = life.shop.services.audit.page(AuditQuery(subject=NEIGHBOUR, act="accounts.export")).rows[0]
    assert [each.startswith("erased:") for each in taken_away["subjects"]] == [True, False, True]
    assert "rang" in [row["reason"] for row in life.shop.services.audit.page(AuditQuery(subject=NEIGHBOUR)).rows]
    _money_is_kept_without_the_person(life, paid)
    _a_second_press_tells_no_untruth(life, done)
    _late_words_bring_nothing_back(life)


def _money_is_kept_without_the_person(life: Life, paid: int) -> None:
    """Amounts paid and given back, what was agreed to."""
    with life.shop.core.engine.connect() as connection:
        assert connection.scalar(text("select sum(amount_paid_minor) from invoices")) >= paid
        kept = connection.execute(text("select kind, plan, outcome, reader_id from consents order by id")).all()
        refunds = connection.execute(text("select amount_minor, reason, asked_by from staff_refunds")).all()
        warned = connection.execute(text("select customer_id, outcome from warned_charges")).all()
    assert [row[:3] for row in kept] == [("plan_change", "annual", "changed"), ("checkout", "monthly", "complete")]
    assert all(row.reader_id.startswith("erased:") for row in kept)
    assert refunds == [(1, "erased", "staff:7")]
    assert warned == [("erased", "refunded")]


def _a_second_press_tells_no_untruth(life: Life, done: erasure.Erased) -> None:
    """What is to be done at Stripe is told again to who still has the number; to others, that they were told."""
    again = life.erase(customers=[life.customer_id, "cus_of_somebody_else"])
    assert (done.before, again.at_stripe) == (None, done.at_stripe)
    assert again.before is not None
    assert (life.erase().at_stripe, life.traces("canary", life.customer_id)) == ([], {})


def _late_words_bring_nothing_back(life: Life) -> None:
    """A webhook, an event to be routed, backfill, rebuild, sync, reconciliation: of the erased, only ids stay."""
    about = {"object": "customer", "id": life.customer_id, "email": EMAIL}
    late = {"object": "event", "id": "evt_late", "type": "customer.updated", "livemode": False}
    assert life.take_in(json.dumps(late | {"data": {"object": about}}).encode()) is Stored.IGNORED
    charge = life.shop.client.v1.charges.list({"customer": life.customer_id}).data[0].id
    routed = {"object": "event", "id": "evt_routed", "type": "radar.early_fraud_warning.created", "livemode": False}
    warning = {"object": "radar.early_fraud_warning", "id": "issfr_late", "charge": charge, "said": EMAIL}
    assert life.take_in(json.dumps(routed | {"data": {"object": warning}}).encode()) is Stored.TO_ROUTE
    assert life.shop.core.router.route("evt_routed") == "ignored"
    life.shop.core.convergence.look_back(30)
    life.shop.core.convergence.rebuild()
    assert life.traces("canary", life.customer_id) == {}
    assert life.shop.core.syncs.sync_now(life.customer_id, 1).up_to_date
    assert life.traces("canary").keys() == set()
    assert life.shop.core.convergence.reconcile(repair=True).rows == []


def test_an_erasure_is_refused_for_reasons_and_who_comes_back_begins_anew(life: Life) -> None:
    """A reason that names the reader, a payment on its way back, Stripe away: each time nothing is erased.

    Who comes back is somebody new, but has had the trial.
    """
    life.cancel()
    life.sync()
    for reason in (f"{EMAIL.lower()} asked", f"it is {life.customer_id}!"):
        with pytest.raises(InvalidRequest):
            life.erase(reason=reason)
    waiting = update(tables.repeated_cards).values(settled_at=None)
    with life.shop.core.engine.begin() as connection:
        connection.execute(waiting)
    with pytest.raises(Conflict, match="just being given back"):
        life.erase(ask_stripe=False)
    life.shop.lever("faults", status=500)
    with pytest.raises(StripeUnavailable):
        life.erase()
    assert life.shop.services.erasures.prospect(READER).rows["accounts"] == 3
    with life.shop.core.engine.begin() as connection:
        connection.execute(waiting.values(settled_at=NOW))
    life.erase(ask_stripe=False)
    with pytest.raises(NotFound):
        life.shop.services.erasures.prospect(READER)
    life.erase(ask_stripe=False)
    life.shop.lever("faults")
    _who_comes_back_begins_anew(life)


def _who_comes_back_begins_anew(life: Life) -> None:
    """Under the same reader id, or another with the same address or card; what they buy then is theirs."""
    services = life.shop.services
    assert services.readers.state(READER).trial.reason == "trial_used_reader"
    assert life.shop.open("r-other", email=EMAIL.upper()).trial.reason == "trial_used_email"
    checkout = life.shop.open(READER, email=EMAIL)
    assert not checkout.trial.eligible
    assert life.shop.pay(checkout).status_code == 303
    assert services.checkouts.outcome(checkout.id).status == "complete"
    assert life.shop.status(READER) == "active"
    assert services.accounts.detail(READER).customer_id != life.customer_id
    life.customer_id = services.accounts.detail(READER).customer_id
    life.cancel()
    life.erase()
    assert life.traces("canary/reader", life.customer_id) == {}


def settle_one_purchase(shop: Any) -> Life:
    """Let the reader have bought and ended a year."""
    shop.subscribe(READER, plan="annual")
    shop.services.cancellations.end_now(READER, comment="asked to")
    return Life(shop, shop.services.accounts.detail(READER).customer_id)


def test_a_checkout_opened_meanwhile_stops_the_erasure(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened while Stripe is looked at, it could be paid by somebody of whom nothing is taken in. Repeated, it goes."""
    life = settle_one_purchase(shop)
    look = shop.services.erasures._sync_now

    def look_while_the_reader_clicks(customer_id: str) -> None:
        look(customer_id)
        shop.open(READER, plan="annual")

    with monkeypatch.context() as patched:
        patched.setattr(shop.services.erasures, "_sync_now", look_while_the_reader_clicks)
        with pytest.raises(Conflict) as refused:
            life.erase()
    assert refused.value.code == "work_under_way"
    assert (len(shop.open_sessions()), shop.services.erasures.prospect(READER).rows["checkouts"]) == (1, 2)
    assert life.erase().rows["checkouts"] == 2
    assert shop.open_sessions() == []


def test_no_checkout_is_opened_for_whom_is_being_erased(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reserved once the erasure holds the account, it waits for the erasure's end, and is refused."""
    life = settle_one_purchase(shop)
    erasures, plan = shop.services.erasures, shop.core.catalog.plan("annual")
    sweep, reserve = erasures._sweep, shop.services.checkouts._reserve
    waiting: list[Future[Any]] = []

    def sweep_while_the_reader_clicks(*args: Any) -> Any:
        if not waiting:
            request = shop.request(READER, plan="annual")
            waiting.append(pool.submit(reserve, request, plan, life.customer_id))
            wait_for_somebody_held_up(shop)
        return sweep(*args)

    monkeypatch.setattr(erasures, "_sweep", sweep_while_the_reader_clicks)
    with ThreadPoolExecutor(1) as pool:
        life.erase()
        with pytest.raises(Conflict) as refused:
            waiting[0].result(timeout=10)
    assert (refused.value.code, shop.open_sessions(), life.traces("canary")) == ("checkout_closed", [], {})


def wait_for_somebody_held_up(shop: Any) -> None:
    held_up = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'checkouts'")
    give_up_at = time.monotonic() + 10
    with shop.core.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(held_up):
            assert time.monotonic() < give_up_at
            time.sleep(0.02)


@pytest.mark.parametrize("back", [False, True])
def test_a_checkout_under_way_sells_nothing_to_a_customer_who_was_erased(
    shop: Any, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """A request that looked the customer up before the erasure and reserves after it, be the reader back or not."""
    life = settle_one_purchase(shop)
    reserve = Checkouts._reserve

    def erase_first(self: Checkouts, *args: Any) -> Any:
        monkeypatch.setattr(Checkouts, "_reserve", reserve)
        life.erase()
        if back:
            shop.open(READER, plan="annual")
            shop.services.checkouts.close(READER)
        return reserve(self, *args)

    monkeypatch.setattr(Checkouts, "_reserve", erase_first)
    with pytest.raises(Conflict) as refused:
        shop.open(READER, plan="annual")
    assert (refused.value.code, shop.open_sessions()) == ("checkout_closed", [])


@pytest.mark.parametrize(("hours", "erased"), [(1, False), (25, True)])
def test_a_page_that_stripe_cannot_be_asked_about_stops_the_erasure_for_a_day(
    shop: Any, hours: int, erased: bool
) -> None:
    """Stripe does not know the customer: what is known of their page is believed, and a page lasts a day."""
    shop.open(READER, email=EMAIL)
    with shop.core.engine.begin() as connection:
        moved = text("update checkouts set expires_at = now() + make_interval(hours => 24 - :hours)")
        connection.execute(moved, {"hours": hours})
    life = Life(shop)
    if erased:
        life.erase(ask_stripe=False)
        assert life.traces("canary") == {}
    else:
        with pytest.raises(Conflict) as refused:
            life.erase(ask_stripe=False)
        assert refused.value.code == "work_under_way"


def test_an_open_checkout_is_closed_first(shop: Any) -> None:
    """Or somebody who was erased would pay for nothing."""
    shop.open(READER, email=EMAIL)
    assert len(shop.open_sessions()) == 1
    Life(shop).erase()
    assert shop.open_sessions() == []
    assert Life(shop).traces("canary") == {}


def test_the_month_before_is_forgotten_too_however_long_this_one_is(shop: Any, redis_url: str) -> None:
    """On the first of December: what was read in November, a shorter month, stays in Redis for a day otherwise."""
    life = Life(shop)
    life._read()
    shop.pass_days(15)
    assert life.in_redis(redis_url)
    with shop.core.engine.begin() as connection:
        accounts.ensure(connection, READER, EMAIL)
    life.erase()
    assert life.in_redis(redis_url) == []
