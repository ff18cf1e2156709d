"""Workers that die on demand, and the readers whose money they are working on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
import stripe
from sqlalchemy import Engine, text

from sandbox.newsroom import ROOT, machine
from sandbox.standin.server import StandIn
from service.assembly.core import Core, build_core
from service.catalog.stripe_offer import apply
from service.settings import Settings
from webhooks.events import StripeEvent, parse
from webhooks.inbox import Stored

_FIGURE = "counted under faults"
SCRIPT = Path(__file__).with_name("mortal_worker.py")


class MortalWorkers:
    """Workers forked from one warm process; see mortal_worker.py."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=machine(os.environ) | settings | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def work(self, *, kill_at: int | None) -> Any:
        """Let a worker do what is queued, and kill it when the `kill_at`-th reply comes in."""
        return self._order(do="work", kill_at=kill_at)

    def recover(self) -> None:
        """Let another worker finish whatever a dead one has left."""
        ended = self._order(do="recover", kill_at=None)
        assert ended["code"] == 0, ended

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(20) == 0

    def _order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass
class Town:
    """The service's parts in this process beside the stand-in, and workers that are other processes."""

    core: Core
    client: stripe.StripeClient
    standin: StandIn
    workers: MortalWorkers
    prices: dict[str, str]
    seen: set[str] = field(default_factory=set)

    @property
    def engine(self) -> Engine:
        return self.core.engine

    def customer(self, reader_id: str, card: str = "pm_card_visa") -> str:
        made = self.client.v1.customers.create(
            {
                "email": f"{reader_id}@example.com",
                "payment_method": card,
                "invoice_settings": {"default_payment_method": card},
                "metadata": {"newsstand_reader_id": reader_id},
            }
        )
        return made.id

    def buy(self, customer_id: str, **more: Any) -> str:
        items: Any = [{"price": self.prices["monthly"]}]
        return self.client.v1.subscriptions.create({"customer": customer_id, "items": items, **more}).id

    def post_events(self, *types: str) -> list[str]:
        """Take in, as the webhook does, what Stripe has told since; of these types only. Return the events' ids."""
        told = self.client.raw_request("get", "/v1/events?limit=100").data["data"]
        new = [each for each in reversed(told) if each["id"] not in self.seen]
        self.seen |= {each["id"] for each in new}
        return [self._store(each) for each in new if each["type"] in types]

    def _store(self, body: Any) -> str:
        event = parse(json.dumps(body).encode())
        assert isinstance(event, StripeEvent), event
        assert self.core.inbox.store(event) in {Stored.MARKED, Stored.TO_ROUTE}
        return event.id

    def let_leases_run_out(self) -> None:
        """Let the minute pass after which a dead worker's lease binds nobody."""
        with self.engine.begin() as connection:
            connection.execute(text("update customer_syncs set leased_until = now() - interval '1 second' "
                                    "where leased_until is not null"))  # fmt: skip

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), values))

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.core.settings.redis_url) as client:
            client.flushall()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep a figure for the summary, so that a proof says what it has counted."""
    return lambda figure: record_property(_FIGURE, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that passing tests have told."""
    told = [each for report in terminalreporter.getreports("passed") for each in report.user_properties]
    for name, figure in told:
        if name == _FIGURE:
            terminalreporter.write_line(f"counted: {figure}")


@pytest.fixture
def town(database_url: str, redis_url: str, standin: StandIn, stripe_client: stripe.StripeClient) -> Iterator[Town]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "STRIPE_API_BASE": standin.base_url,
        "SUBJECT_KEY": "a-key-for-tests-of-more-than-32-characters",
        "SITE_ORIGINS": "http://127.0.0.1:8001",
        "PLANS_FILE": str(ROOT / "plans.yaml"),
        "REDIS_TIMEOUT_SECONDS": "2",
        "DATABASE_TIMEOUT_SECONDS": "5",
        "NEWSSTAND_SANDBOX": "1",
    }
    core = build_core(Settings.from_environment(settings))
    apply(stripe_client, core.catalog)
    prices = {each.metadata["newsstand_plan"]: each.id for each in stripe_client.v1.prices.list({"limit": 100}).data}
    workers = MortalWorkers(settings)
    yield Town(core, stripe_client, standin, workers, prices)
    workers.stop()
    core.engine.dispose()
    core.quick_engine.dispose()
