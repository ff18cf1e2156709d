"""A whole service under production's own settings: gunicorn, worker, Valkey, PostgreSQL, stand-in; each may be hurt."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from sqlalchemy import text

from sandbox.newsroom import ROOT, machine
from sandbox.processes import Child, free_port, stat_fields
from sandbox.servers import Postgres, Valkey
from service.assembly.core import Core, build_core
from service.catalog.stripe_offer import apply
from service.settings import Settings
from service.store.api_keys import ApiKeyStore, Scope
from service.store.migrate import migrate

STRIPE_KEY = "sk_test_5f1c8e07"
WEBHOOK_SECRET = "whsec_5f1c8e07aa"
HOME = "https://www.your-daily.example"
CARD = {"email": "r@example.com", "card_number": "4242 4242 4242 4242", "card_expiry": "12/34", "card_cvc": "123"}


class Room:
    """The parts by name (`web`, `worker`, `valkey`, `postgres`, `stripe`), started, hurt, mended and asked."""

    def __init__(self, folder: Path, **tuning: str) -> None:
        self._folder = folder
        self._ports = {name: free_port() for name in ("web", "stripe")}
        self._valkey = Valkey(folder / "valkey", free_port())
        self._postgres = Postgres(folder / "postgres", free_port())
        self._starts = 0
        self._settings = machine(os.environ) | {
            "DATABASE_URL": self._postgres.url, "REDIS_URL": self._valkey.url, "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET, "STRIPE_API_BASE": self.stripe_url, "SUBJECT_KEY": "5f1c8e07" * 4,
            "SITE_ORIGINS": HOME, "PORT": str(self._ports["web"]), "PLANS_FILE": str(ROOT / "plans.yaml"),
            "PYTHONPATH": str(ROOT),
        } | tuning  # fmt: skip
        self.children: dict[str, Child] = {}
        self.client = stripe.StripeClient(STRIPE_KEY, base_addresses={"api": self.stripe_url}, max_network_retries=2)
        self.core: Core = build_core(Settings.from_environment(self._settings))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['web']}"

    @property
    def stripe_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['stripe']}"

    def open(self) -> None:
        """Start everything, sell the offer, and make a key."""
        for name in ("postgres", "valkey", "stripe"):
            self.start(name)
        migrate(self.core.engine)
        apply(self.client, self.core.catalog)
        scopes = [Scope.DECIDE, Scope.BILLING]
        self.key = ApiKeyStore(self.core.engine).create_key("the site", scopes)
        self.prices = {each.metadata["newsstand_plan"]: each.id for each in self.client.v1.prices.list().data}
        for name in ("web", "worker"):
            self.start(name)

    def close(self) -> None:
        for name in ("web", "worker", "stripe", "valkey", "postgres"):
            if name in self.children:
                self._signal_family(name, signal.SIGCONT)
                self.children[name].stop()
        self.core.engine.dispose()
        self.core.quick_engine.dispose()

    def start(self, name: str) -> None:
        """Start a part, and return once it answers."""
        self.children[name] = {
            "postgres": self._postgres.start, "valkey": self._valkey.start, "stripe": self._start_stripe,
            "web": lambda: self._start_command("web"), "worker": lambda: self._start_command("worker"),
        }[name]()  # fmt: skip
        if name == "web":
            self.children[name].wait_until(lambda: self.get("/health/live") is not None, timeout_seconds=60)

    def mend(self) -> None:
        """Let nothing stand still, and start again what has ended, as whoever supervises would."""
        for name, child in list(self.children.items()):
            self._signal_family(name, signal.SIGCONT)
            if not child.is_running():
                self.start(name)

    def kill(self, name: str) -> None:
        """kill -9 of a part with every process it has."""
        self._signal_family(name, signal.SIGKILL)
        self.children[name].process.wait(20)

    def freeze(self, name: str) -> None:
        self._signal_family(name, signal.SIGSTOP)

    def web_workers(self) -> list[int]:
        return descendants(self.children["web"].pid)

    def get(self, path: str) -> Any:
        """Return (status, JSON) of an open route, None when nobody answers."""
        try:
            answer = requests.get(self.url + path, timeout=10)
        except requests.RequestException:
            return None
        return answer.status_code, answer.json()

    def decide(self, reader_id: str, article_id: str, *, who: str = "reader", timeout: float = 5) -> Any:
        """Return the decision's JSON; None when no answer came (the site's client then lets the reader in)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["web"], timeout=timeout)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        body = json.dumps({"article": {"id": article_id}, f"{who}_id": reader_id})
        try:
            connection.request("POST", "/v1/decisions", body, headers)
            answer = connection.getresponse()
            return json.load(answer) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def checkout(self, reader_id: str) -> requests.Response:
        """Ask for the reader's checkout, once."""
        body = {"reader_id": reader_id, "email": f"{reader_id}@example.com", "plan": "monthly",
                "success_url": f"{HOME}/welcome", "cancel_url": f"{HOME}/"}  # fmt: skip
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.post(f"{self.url}/v1/checkouts", json=body, headers=headers, timeout=30)

    def post_event(self, body: bytes, *, timeout: float = 20) -> int | None:
        """Post an event signed as Stripe signs it; return the status, None when no answer came."""
        at = int(time.time())
        mark = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={at},v1={mark}", "Content-Type": "application/json"}
        try:
            return requests.post(f"{self.url}/webhooks/stripe", body, headers=headers, timeout=timeout).status_code
        except requests.RequestException:
            return None

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

    def standin(self, path: str, body: Any) -> Any:
        answer = requests.post(f"{self.stripe_url}/_standin/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deliveries(self) -> list[Any]:
        found: list[Any] = requests.get(f"{self.stripe_url}/_standin/deliveries", timeout=20).json()["data"]
        return found

    def rows(self, query: str) -> list[Any]:
        with self.core.engine.connect() as connection:
            return list(connection.execute(text(query)))

    def settle(self) -> None:
        """Return once every event has arrived and is applied, after the minute in which dead workers' leases end."""
        self.mend()
        self.wait_until(lambda: bool(self.standin("flush", {})["flushed"]))
        with self.core.engine.begin() as connection:
            connection.execute(text("update customer_syncs set leased_until = null, not_before = null"))
        waiting = ("select 1 from customer_syncs where dirty > synced union all "
                   "select 1 from events where status = 'pending' and customer_id is null union all "
                   "select 1 from accounts where published_version < version union all "
                   "select 1 from repeated_cards where settled_at is null")  # fmt: skip
        try:
            self.wait_until(lambda: self.rows(waiting) == [])
        except AssertionError as error:
            error.add_note(self._account())
            raise

    def _account(self) -> str:
        """Return what is left to do, and what the worker last said, for whoever reads a failure."""
        left = self.rows("select * from customer_syncs where dirty > synced")
        jobs = self.rows("select id, status, task_name, worker_id from procrastinate_jobs order by id desc limit 20")
        return "\n".join(map(str, [*left, *jobs, *self.children["worker"].lines()[-12:]]))

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = 90) -> None:
        give_up_at = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up_at
            time.sleep(0.1)

    def _signal_family(self, name: str, number: signal.Signals) -> None:
        """PostgreSQL's backends are in sessions of their own: a group does not hold them."""
        child = self.children[name]
        for pid in [child.pid, *descendants(child.pid)] if child.is_running() else []:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _log(self, name: str) -> Path:
        self._starts += 1
        return self._folder / f"{name}-{self._starts}.log"

    def _start_command(self, name: str) -> Child:
        command = [str(Path(sys.executable).with_name("newsstand")), name]
        return Child(name, command, log=self._log(name), env=self._settings, cwd=ROOT)

    def _start_stripe(self) -> Child:
        command = [
            sys.executable, "-m", "sandbox.standin", "--port", str(self._ports["stripe"]),
            "--directory", str(self._folder / "stripe"), "--webhook-url", f"{self.url}/webhooks/stripe",
            "--webhook-secret", WEBHOOK_SECRET, "--api-key", STRIPE_KEY,
        ]  # fmt: skip
        child = Child("stripe", command, log=self._log("stripe"), env=self._settings, cwd=ROOT)
        child.wait_until(lambda: "stand-in Stripe:" in child.log.read_text(), timeout_seconds=40)
        return child


def descendants(pid: int) -> list[int]:
    """Return every process below `pid`."""
    parents: dict[int, int] = {}
    for each in Path("/proc").iterdir():
        fields = stat_fields(int(each.name)) if each.name.isdigit() else []
        if fields and fields[0] not in "ZX":
            parents[int(each.name)] = int(fields[1])
    found: list[int] = []
    front = {pid}
    while front:
        front = {child for child, parent in parents.items() if parent in front}
        found += sorted(front)
    return found


@pytest.fixture
def open_room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    """Open rooms with settings of their own; each is closed in the end."""
    rooms: list[Room] = []

    def open_one(**tuning: str) -> Room:
        rooms.append(Room(tmp_path / f"room-{len(rooms)}", **tuning))
        (tmp_path / f"room-{len(rooms) - 1}").mkdir()
        rooms[-1].open()
        return rooms[-1]

    yield open_one
    for each in rooms:
        each.close()


@pytest.fixture
def room(open_room: Callable[..., Room]) -> Room:
    return open_room()
