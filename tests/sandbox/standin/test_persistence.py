"""State survives a restart, also one that was no good-bye."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.processes import free_port
from sandbox.standin import deliveries
from sandbox.standin.server import StandIn
from sandbox.standin.store import Store

NOON, DAY = 1_767_268_800, 86_400


def test_a_second_run_finds_the_first_one_s_data(tmp_path: Path, open_shop: Any, connected: Any) -> None:
    """Objects, keys and clocks are there again, and life goes on where it was."""
    with StandIn(tmp_path) as first:
        shop = open_shop(first.base_url)
        clock = shop.clock()
        bought = shop.buy(shop.monthly, customer=shop.customer(clock), trial_days=30)
        kept = shop.client.v1.customers.create({"email": "k@example.com"}, {"idempotency_key": "kept"})
    with StandIn(tmp_path) as second:
        client = connected(second.base_url)
        assert client.v1.subscriptions.retrieve(bought.id).status == "trialing"
        assert client.v1.customers.create({"email": "k@example.com"}, {"idempotency_key": "kept"}).id == kept.id
        shop.url, shop.client = second.base_url, client
        shop.advance(clock, NOON + 31 * DAY)
        assert client.v1.subscriptions.retrieve(bought.id).status == "active"


def test_pending_deliveries_and_advances_go_on_after_a_restart(tmp_path: Path, open_shop: Any, inbox: Any) -> None:
    """An endpoint that was down gets its events from the next run, signed with its secret; registering is once."""
    down = f"http://127.0.0.1:{free_port()}/webhooks"
    with StandIn(tmp_path, webhook_url=down, webhook_secret="whsec_a") as first:
        open_shop(first.base_url)
    with StandIn(tmp_path, webhook_url=down, webhook_secret="whsec_a") as second:
        with second.account.store.transaction():
            endpoint = second.account.store.all("webhook_endpoint")[0]["id"]
            second.account.find("webhook_endpoint", endpoint)["url"] = inbox.url
        flushed = requests.post(f"{second.base_url}/_standin/flush", timeout=30).json()
        assert flushed == {"flushed": True, "pending": 0}
        assert len(second.account.store.all("webhook_endpoint")) == 1
    assert inbox.types() == ["product.created", "price.created", "price.created"]


def test_old_deliveries_are_forgotten_also_over_restarts(
    tmp_path: Path, open_shop: Any, inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the latest arrived ones are kept; what is pending or failed never counts against them."""
    monkeypatch.setattr(deliveries, "KEPT_DELIVERED", 2)
    for run in range(2):
        with StandIn(tmp_path, webhook_url=inbox.url, webhook_secret="whsec_a") as standin:
            shop = open_shop(standin.base_url) if run == 0 else None
            requests.post(f"{standin.base_url}/v1/customers", auth=("sk_test_x", ""), timeout=5)
            assert requests.post(f"{standin.base_url}/_standin/flush", timeout=30).json()["flushed"]
            kept = requests.get(f"{standin.base_url}/_standin/deliveries", timeout=5).json()["data"]
            assert [each["type"] for each in kept] == ["customer.created", ["price.created", "customer.created"][run]]
            assert shop is None or shop.client.v1.events.list(params={"delivery_success": False}).data == []


def test_the_program_survives_kill_9(tmp_path: Path, open_shop: Any, connected: Any) -> None:
    """`python -m sandbox.standin`: what was answered before a kill -9 is there after the next start."""
    port = free_port()
    child = _run(tmp_path, port)
    try:
        shop = open_shop(f"http://127.0.0.1:{port}")
        customers = [shop.customer() for _ in range(20)]
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    child = _run(tmp_path, port)
    try:
        found = connected(f"http://127.0.0.1:{port}").v1.customers.list(params={"limit": 100}).data
        assert [each.id for each in found] == customers[::-1]
    finally:
        child.terminate()
        assert child.wait(10) == 0


def _run(directory: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox.standin", "--port", str(port), "--directory", str(directory)]
    child = subprocess.Popen([*command, "--clock-name", "sandbox"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{port}/health", timeout=1).ok:
                return child
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the stand-in did not start")


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """The program ends with code 1 and says which address is taken."""
    with StandIn() as running:
        port = running.base_url.rsplit(":", 1)[1]
        command = [sys.executable, "-m", "sandbox.standin", "--port", port, "--directory", str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.decode().strip().splitlines()) == 1


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    """Neither memory nor file keeps half of a change."""
    store = Store(tmp_path / "s.sqlite3")
    with store.transaction():
        store.add({"object": "thing", "id": "a", "n": 1})
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(store)
    assert [each["id"] for each in store.all("thing")] == ["a"]
    store.close()
    assert [each["n"] for each in Store(tmp_path / "s.sqlite3").all("thing")] == [1]


def _change_and_fail(store: Store) -> None:
    with store.transaction():
        item = store.get("thing", "a")
        assert item is not None
        item["n"] = 2
        store.add({"object": "thing", "id": "b", "n": 2})
        raise ZeroDivisionError
