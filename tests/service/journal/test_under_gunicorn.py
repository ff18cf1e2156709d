"""The journal of a real web service: filled over HTTP, and complete once the service has been stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, text

from sandbox.newsroom import ROOT, machine
from sandbox.processes import Child, free_port
from service.store.api_keys import ApiKeyStore, Scope

pytestmark = pytest.mark.slow


@pytest.fixture
def web(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[tuple[Child, str]]:
    """`newsstand web` with two workers, and its address."""
    port = free_port()
    environment = machine(os.environ) | {
        "PYTHONPATH": str(ROOT), "DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port),
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk", "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "SUBJECT_KEY": "0123456789abcdef0123456789abcdef", "SITE_ORIGINS": "https://www.daily.example",
        "PLANS_FILE": str(ROOT / "plans.yaml"), "REDIS_TIMEOUT_SECONDS": "2",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "service.app:create_app()"]
    child = Child("gunicorn", command, log=tmp_path / "log", env=environment, cwd=ROOT)
    child.wait_until(lambda: "".join(child.lines()).count("web_started") == 2, timeout_seconds=40)
    yield child, f"http://127.0.0.1:{port}"
    child.stop()


def test_a_stopped_service_has_written_all_that_it_decided(web: tuple[Child, str], engine: Engine) -> None:
    """Thirty decisions by two workers, and a stop within the second: one read and twenty-nine walls are remembered."""
    child, address = web
    headers = {"Authorization": f"Bearer {ApiKeyStore(engine).create_key('tests', [Scope.DECIDE])}"}
    with requests.Session() as site:
        site.trust_env = False
        for number in range(30):
            body = {"visitor_id": "v-1", "article": {"id": f"a-{number}"}}
            assert site.post(f"{address}/v1/decisions", json=body, headers=headers, timeout=20).ok
    child.stop()
    with engine.connect() as connection:
        found = connection.execute(text("select reason, count(*) from decisions group by 1 order by 1")).all()
    assert [tuple(each) for each in found] == [("meter_exhausted", 29), ("metered", 1)]
