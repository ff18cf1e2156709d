"""Service and stand-in driven together in virtual time by Hypothesis, held to an oracle after every step."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sandbox.simulation.at_stripe import Trouble
from sandbox.simulation.judge import Judge
from sandbox.simulation.newsroom import open_newsroom
from sandbox.simulation.people import CARDS, DASHBOARD, DEBTS, People, Reader
from sandbox.standin.billing.policy import BillingPolicy
from service.domain.decision import Access
from webhooks.fetch import StripeFetch
from webhooks.snapshot import CustomerSnapshot
from webhooks.turn import SyncOutcome, Turn

pytestmark = pytest.mark.slow

PLANS = Path(__file__).parents[2] / "plans.yaml"
HOUR, DAY = 3_600, 86_400
READERS_AT_MOST = 3
SHARES = 4
SEED = int(os.environ.get("SEED", "20261122"))
_steps: Counter[str] = Counter()
_compared: Counter[str] = Counter()
_refused: Counter[str] = Counter()

a_reader = st.integers(0, READERS_AT_MOST - 1)
a_plan = st.sampled_from(["monthly", "annual"])
a_card = st.sampled_from(["own", "own", *CARDS])
which = st.integers(0, 7)
a_while = st.sampled_from([HOUR, 6 * HOUR, DAY, 3 * DAY, 8 * DAY, 31 * DAY])


def acts(*names: str) -> Any:
    return st.sampled_from(names)


a_past = st.tuples(acts("monthly", "monthly", "annual", "none"), acts("own", "own", "shared", "fails later"))
"""Plan and card: what a reader has bought before anybody looked."""


def step(name: str) -> None:
    """Count a step by what it was."""
    _steps[name] += 1


def of(readers: list[Reader], number: int) -> Reader:
    return readers[number % len(readers)]


class NewsroomMachine(RuleBasedStateMachine):
    """Readers, staff, banks, Stripe, the network and the worker, in any order; `addresses` are PostgreSQL's and
    Redis'."""

    addresses: tuple[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.room: Any = None
        self.buyers: list[Reader] = []
        self.subscribers: list[Reader] = []
        self.payers: list[Reader] = []
        self.accused: list[Reader] = []
        self.debtors: list[Reader] = []

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        after_retries=acts("canceled", "unpaid", "past_due", "paused"),
        shares_address=st.booleans(),
        pasts=st.tuples(*[a_past] * READERS_AT_MOST),
        days=st.sampled_from([0, 1, 31, 32, 40]),
    )
    def open(
        self, seed: int, after_retries: Any, shares_address: bool, pasts: tuple[tuple[str, str], ...], days: int
    ) -> None:
        self.dice = random.Random(seed)
        self.room = open_newsroom(*self.addresses, PLANS, BillingPolicy(after_retries=after_retries))
        self.people = People(self.room)
        self.judge = Judge(self.room, self.people, PLANS)
        self.slow: list[tuple[Turn, CustomerSnapshot]] = []
        for number, (plan, card) in enumerate(pasts):
            reader = self.people.arrive(email="Same.Person@example.com" if shares_address and number < 2 else None)
            if plan != "none":
                self.bought(reader, plan, card)
        self.room.silence(days * DAY)
        self.converge_now()

    def teardown(self) -> None:
        if self.room is not None:
            _compared["comparisons"] += self.judge.compared
            _refused.update(self.people.refusals)
            self.room.close()

    def bought(self, reader: Reader, plan: str, card: str) -> None:
        self.people.checkout(reader, plan)
        self.people.pay(reader, card)
        self.people.come_back(reader)

    # Readers -----------------------------------------------------------------------------------------------

    @rule(number=a_reader, plan=a_plan)
    def checkout(self, number: int, plan: str) -> None:
        step("checkout")
        self.people.checkout(self.people.readers[number], plan)

    @precondition(lambda self: self.buyers)
    @rule(number=a_reader, card=a_card, page=st.integers(-2, -1), proves=st.booleans())
    def pay(self, number: int, card: str, page: int, proves: bool) -> None:
        step("page paid")
        self.people.pay(of(self.buyers, number), card, page=page, proves=proves)

    @precondition(lambda self: self.buyers)
    @rule(number=a_reader)
    def pay_by_debit(self, number: int) -> None:
        step("page paid by debit")
        self.people.pay_by_debit(of(self.buyers, number))

    @rule(number=a_reader, plan=a_plan, card=a_card)
    def subscribe(self, number: int, plan: str, card: str) -> None:
        step("subscribe")
        self.bought(self.people.readers[number], plan, card)

    @precondition(lambda self: self.buyers)
    @rule(number=a_reader)
    def come_back(self, number: int) -> None:
        step("come back")
        self.people.come_back(of(self.buyers, number))

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader, act=acts("cancel", "undo", "monthly", "annual"))
    def at_the_site(self, number: int, act: str) -> None:
        step(f"at the site: {act}")
        reader = of(self.subscribers, number)
        if act in ("monthly", "annual"):
            self.people.change_plan(reader, act)
        else:
            getattr(self.people, act)(reader)

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader, act=acts("cancel", "resume", "update_card", "pay_invoice"), card=a_card)
    def in_portal(self, number: int, act: str, card: str) -> None:
        step(f"in the portal: {act}")
        self.people.in_portal(of(self.subscribers, number), act, card)

    @rule(number=a_reader, article=st.integers(0, 3))
    def read(self, number: int, article: int) -> None:
        step("read")
        self.people.read(self.people.readers[number], f"a-{article}", Access.METERED)
        self.judge.opens(self.people.readers[number], f"s-{article}")

    # Staff, banks, the Dashboard ---------------------------------------------------------------------------

    @precondition(lambda self: self.payers)
    @rule(number=a_reader, part=st.sampled_from([0.3, 1.0]), number_of=which)
    def refund(self, number: int, part: float, number_of: int) -> None:
        step("refund")
        self.people.refund(of(self.payers, number), part, number_of)

    @precondition(lambda self: self.payers)
    @rule(number=a_reader, number_of=which, act=acts("refund fails", "warning", "chargeback", "inquiry", "prevented"))
    def bank(self, number: int, number_of: int, act: str) -> None:
        step(f"bank: {act}")
        reader = of(self.payers, number)
        if act == "refund fails":
            self.people.refund_fails(reader, number_of)
        elif act == "warning":
            self.people.warn(reader, number_of)
        else:
            status = {"chargeback": "needs_response", "inquiry": "warning_needs_response"}.get(act, act)
            self.people.dispute(reader, number_of, status)

    @precondition(lambda self: self.debtors)
    @rule(number=a_reader, number_of=which, succeeds=st.booleans())
    def decide_debit(self, number: int, number_of: int, succeeds: bool) -> None:
        step(f"debit: {'succeeds' if succeeds else 'fails'}")
        self.people.decide_debit(of(self.debtors, number), number_of, succeeds=succeeds)

    @rule(number=a_reader, seconds=a_while)
    def give_courtesy(self, number: int, seconds: int) -> None:
        step("courtesy given")
        self.people.give_courtesy(self.people.readers[number], seconds)

    @precondition(lambda self: any(each.given for each in self.people.readers))
    @rule(number=a_reader, number_of=which)
    def take_courtesy_back(self, number: int, number_of: int) -> None:
        step("courtesy taken back")
        self.people.take_courtesy_back(of([each for each in self.people.readers if each.given], number), number_of)

    @precondition(lambda self: self.accused)
    @rule(number=a_reader, number_of=which)
    def release_hold(self, number: int, number_of: int) -> None:
        step("hold released")
        self.people.release(of(self.accused, number), number_of)

    @precondition(lambda self: self.buyers)
    @rule(number=a_reader)
    def expire_session(self, number: int) -> None:
        step("Dashboard: session expired")
        self.people.expire_session(of(self.buyers, number))

    @precondition(lambda self: self.payers)
    @rule(number=a_reader, number_of=which, status=acts("won", "lost", "warning_closed", "under_review"))
    def decide_dispute(self, number: int, number_of: int, status: str) -> None:
        step(f"dispute: {status}")
        self.people.decide_dispute(of(self.payers, number), number_of, status)

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader, act=st.sampled_from(sorted(DASHBOARD)))
    def in_dashboard(self, number: int, act: str) -> None:
        step(f"Dashboard: {act}")
        self.people.in_dashboard(of(self.subscribers, number), act)

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader, number_of=which, how=st.sampled_from(sorted(DEBTS)))
    def settle_debt(self, number: int, number_of: int, how: str) -> None:
        step(f"debt: {how}")
        self.people.settle_debt(of(self.subscribers, number), number_of, how)

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader, really=st.integers(0, 9))
    def delete_customer(self, number: int, really: int) -> None:
        if really == 0:
            step("Dashboard: customer deleted")
            self.people.delete_customer(of(self.subscribers, number))

    # The network and the worker ----------------------------------------------------------------------------

    @precondition(lambda self: self.room.on_the_way)
    @rule(index=which, fate=acts("delivered", "delivered", "lost"))
    def webhook(self, index: int, fate: str) -> None:
        step(f"webhook {fate}")
        (self.room.lose if fate == "lost" else self.room.deliver)(index)

    @precondition(lambda self: self.room.arrived)
    @rule(index=which)
    def repeat(self, index: int) -> None:
        step("webhook repeated")
        self.room.repeat(index)

    @precondition(lambda self: self.room.on_the_way)
    @rule()
    def deliver_all(self) -> None:
        step("all webhooks, shuffled")
        self.room.deliver_all(self.dice)

    @rule(act=acts("job", "sweep", "backfill"))
    def work(self, act: str) -> None:
        step(act)
        paywall = self.room.paywall
        {"job": paywall.work_once, "sweep": paywall.work, "backfill": lambda: paywall.jobs.backfill(lambda: False)}[
            act
        ]()

    @precondition(lambda self: self.subscribers)
    @rule(number=a_reader)
    def slow_worker_begins(self, number: int) -> None:
        """A worker fetches, and is then so slow that its lease may run out before it commits."""
        core = self.room.paywall.core
        turn = core.syncs.take(self.people.customer_of(of(self.subscribers, number)) or "")
        if isinstance(turn, Turn):
            step("slow worker fetches")
            self.room.is_troubled = True
            self.room.stripe.trouble.clear()
            self.slow.append((turn, StripeFetch(core.client, core.business_clock).fetch(turn.customer_id)))

    @precondition(lambda self: self.slow)
    @rule(index=which)
    def slow_worker_ends(self, index: int) -> None:
        step("slow worker commits")
        core = self.room.paywall.core
        if core.syncs.settle(*self.slow.pop(index % len(self.slow))) is SyncOutcome.SYNCED:
            core.publisher.publish_outbox()

    @rule(kind=st.sampled_from(list(Trouble)), after=st.integers(0, 6), times=st.integers(1, 3))
    def trouble(self, kind: Trouble, after: int, times: int) -> None:
        step(f"trouble: {kind}")
        self.room.is_troubled = True
        self.room.stripe.trouble += [None] * after + [kind] * times

    @rule()
    def flush_redis(self) -> None:
        step("Redis flushed")
        self.room.redis.flushall()

    # Time --------------------------------------------------------------------------------------------------

    @rule(seconds=a_while)
    def silence(self, seconds: int) -> None:
        step("time in silence")
        self.room.silence(seconds)

    @rule(seconds=a_while)
    def live(self, seconds: int) -> None:
        step("time with worker and webhooks")
        self.converge_now()
        self.room.live(seconds, self.dice)
        self.judge.with_a_worker(webhooks=True)

    @rule(seconds=a_while)
    def live_without_webhooks(self, seconds: int) -> None:
        step("time with worker, without webhooks")
        self.room.live(seconds, self.dice, webhooks=False)
        if not self.room.is_troubled:
            self.judge.with_a_worker(webhooks=False)

    @rule(compares=st.booleans())
    def converge(self, compares: bool) -> None:
        step("convergence")
        self.converge_now()
        if compares:
            step("reconcile")
            self.judge.no_drift()

    def converge_now(self) -> None:
        self.slow.clear()
        self.room.converge(self.dice)
        self.judge.converged()

    @invariant()
    def nobody_is_wronged(self) -> None:
        if self.room is None:
            return
        standings = self.judge.at_any_moment()
        self.room.collect()
        self.buyers = [each for each in self.people.readers if each.pages]
        self.subscribers = [each.reader for each in standings if each.is_subscribed]
        self.payers = [each.reader for each in standings if each.truth and each.truth.charges]
        self.accused = [each.reader for each in standings if each.is_accused]
        self.debtors = [each.reader for each in standings if each.awaits_a_bank]


@pytest.fixture
def machine(database_url: str, redis_url: str) -> type[NewsroomMachine]:
    """The machine on this process' servers; every example empties them."""
    return type("Machine", (NewsroomMachine,), {"addresses": (database_url, redis_url)})


def run(machine: type[NewsroomMachine], *, share: int, examples: int, steps: int) -> int:
    """Run it without a memory of earlier failures, so that the seed alone decides; return the steps made."""
    for counter in (_steps, _compared, _refused):
        counter.clear()
    seed(SEED * 100 + share)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink] if os.environ.get("SHRINK") else [Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return _steps.total()


def test_access_equals_what_stripe_says(machine: type[NewsroomMachine]) -> None:
    """A share of the lives: after each step the service says what it saw, and refuses no payer for silence."""
    assert run(machine, share=99, examples=4, steps=40) >= 120


@pytest.mark.simulate
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("share", range(SHARES))
def test_twenty_thousand_steps(machine: type[NewsroomMachine], share: int, covered: Callable[..., None]) -> None:
    """5,000 of 20,000 steps: readers, staff, banks, losses, repeats, trouble, slow workers, silence; no violation."""
    steps = run(machine, share=share, examples=20_000 // SHARES // 35, steps=50)
    covered("machine", violations=0, comparisons=_compared.total(), steps=steps)
    covered("machine, steps by rule", **_steps)
    covered("machine, refused in good order", **_refused)
    assert steps >= 20_000 // SHARES
