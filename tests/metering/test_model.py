"""Any interleaving of what can happen to readers, browsers and the offer gives the plain model's answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from metering.memory import MemoryMeter
from metering.meter import Guarding, Pass, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from metering.window import window_at

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2028, 2, 27, 22, 59, 30, tzinfo=UTC)
"""Half a minute before a midnight in Paris, two days before a leap day, a month before clocks are put forward."""
OFFERS = [
    {"kind": "day"}, {"kind": "week"}, {"kind": "week", "first_weekday": 6}, {"kind": "month"},
    {"kind": "rolling", "days": 1}, {"kind": "rolling", "days": 3},
]  # fmt: skip
STEPS = [
    timedelta(seconds=1), timedelta(seconds=59), timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24),
    timedelta(days=2), timedelta(days=3), timedelta(days=31),
]  # fmt: skip
_lives = itertools.count()

articles = st.sampled_from([f"a-{number}" for number in range(6)])
readers = st.sampled_from(["r-0", "r-1"])
visitors = st.sampled_from(["v-0", "v-1", "v-2"])
subjects = st.one_of(
    readers.map(lambda name: (SubjectKind.READER, name)), visitors.map(lambda name: (SubjectKind.VISITOR, name))
)

guardings = st.sampled_from([Guarding.OFF, Guarding.ASK, Guarding.VOUCHED])
"""Where the guard has its say: not `JUDGED`, which is for one server alone, and which the model does not know."""


class Lives(RuleBasedStateMachine):
    """Does everything to a meter and to the model, and compares the answers."""

    real: RedisMeter

    @initialize(offer=st.sampled_from(OFFERS), limit=st.integers(0, 3))
    def begin(self, offer: dict[str, Any], limit: int) -> None:
        self.model, self.life = MemoryMeter(), next(_lives)
        self.now, self.offer, self.limit, self.versions = START, offer, limit, itertools.count(1)

    def subject(self, about: tuple[SubjectKind, str]) -> Subject:
        return Subject(about[0], self.name(about[1]))

    def name(self, name: str) -> str:
        return f"{self.life}-{name}"  # fresh ids are a fresh server

    @property
    def window(self) -> Any:
        return window_at(self.offer["kind"], self.now, PARIS, **{k: v for k, v in self.offer.items() if k != "kind"})

    def both(self, act: Callable[[Any], Any]) -> Any:
        found, expected = act(self.real), act(self.model)
        assert found == expected
        return found

    @rule(about=subjects, article=articles, consume=st.booleans(), metered=st.booleans(), guarding=guardings)
    def asks(self, about: Any, article: str, consume: bool, metered: bool, guarding: Guarding) -> None:
        self.both(
            lambda meter: meter.ask(
                self.subject(about), article, limit=self.limit, window=self.window, consume=consume,
                now=self.now, wall_now=self.now, metered=metered, guarding=guarding,
            )
        )  # fmt: skip

    @rule(about=subjects, page=st.lists(articles, max_size=8), consume=st.booleans(), guarding=guardings)
    def asks_for_a_page(self, about: Any, page: list[str], consume: bool, guarding: Guarding) -> None:
        self.both(
            lambda meter: meter.ask_many(
                self.subject(about), page, limit=self.limit, window=self.window, consume=consume,
                now=self.now, wall_now=self.now, guarding=guarding,
            )
        )  # fmt: skip

    @rule(reader=readers, absent=st.booleans(), article=articles)
    def is_looked_up(self, reader: str, absent: bool, article: str) -> None:
        published = Pass(
            version=0 if absent else next(self.versions), valid_until=self.now + timedelta(days=2),
            refreshed_at=self.now, absent=absent, payload=b"",
        )  # fmt: skip
        self.both(
            lambda meter: meter.ask_many(
                self.subject((SubjectKind.READER, reader)), [article], limit=self.limit, window=self.window,
                consume=True, now=self.now, wall_now=self.now, published=published,
            )
        )  # fmt: skip

    @rule(reader=readers, version=st.integers(0, 3), extra=st.sampled_from([0, 1, 127]), ahead=st.booleans())
    def loses_the_pass(self, reader: str, version: int, extra: int, ahead: bool) -> None:
        until = self.now + timedelta(hours=ahead)
        tombstone = Pass(
            version=version, valid_until=until, refreshed_at=self.now, absent=True, payload=b"", extra=extra
        )  # fmt: skip
        self.both(lambda meter: meter.publish(self.name(reader), tombstone))

    @rule(visitor=visitors, reader=readers, late=st.sampled_from([timedelta(), timedelta(hours=2)]))
    def signs_in(self, visitor: str, reader: str, late: timedelta) -> None:
        ids = self.name(visitor), self.name(reader)
        self.both(lambda meter: meter.link(*ids, linked_at=self.now - late, window=self.window, now=self.now))
        self.both(lambda meter: meter.linked_reader_is(*ids, wall_now=self.now))

    @rule(about=subjects)
    def is_reset(self, about: Any) -> None:
        self.both(lambda meter: meter.reset(self.subject(about), window=self.window))

    @rule(about=subjects)
    def is_forgotten(self, about: Any) -> None:
        self.both(lambda meter: meter.forget(self.subject(about), windows=[self.window]))

    @rule(step=st.sampled_from(STEPS))
    def time_passes(self, step: timedelta) -> None:
        self.now += step

    @rule(limit=st.integers(0, 4))
    def the_limit_changes(self, limit: int) -> None:
        self.limit = limit

    @rule(offer=st.sampled_from(OFFERS))
    def the_window_changes(self, offer: dict[str, Any]) -> None:
        self.offer = offer

    @invariant()
    def usage_agrees(self) -> None:
        for about in ((SubjectKind.READER, "r-0"), (SubjectKind.VISITOR, "v-0")):
            subject = self.subject(about)
            usage = self.both(lambda meter, s=subject: meter.usage(s, limit=self.limit, window=self.window))
            assert 0 <= usage.spent <= min(usage.used, self.limit)
            assert usage.window.ends_at > self.now


LENGTHS = {"valkey-9": (60, 40), "redis-7": (15, 40), "cluster-node": (15, 40), "cluster": (60, 40)}


@pytest.mark.parametrize(
    "backend", ["valkey-9", "redis-7", "cluster-node", pytest.param("cluster", marks=pytest.mark.cluster)]
)
def test_every_interleaving_gives_the_models_answers(backend: str, meter: RedisMeter) -> None:
    """Claim: reading, peeking, pages, links, passes, resets, erasure, time and a changed offer, in any order."""
    lives, steps = LENGTHS[backend]
    run_state_machine_as_test(
        type("LivesHere", (Lives,), {"real": meter}),
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
