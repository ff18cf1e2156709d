"""The composition root refuses what would be a hole, and starts without what may come back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from sandbox.processes import free_port
from service.app import create_app
from service.errors import ConfigurationError
from service.settings import Settings
from service.startup import refuse_sandbox_keys
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine


@pytest.fixture
def settings() -> Settings:
    """Settings outside the sandbox, whose servers do not answer."""
    return Settings.from_environment(
        {
            "DATABASE_URL": f"postgresql://newsstand@127.0.0.1:{free_port()}/newsstand",
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
            "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
            "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
            "SITE_ORIGINS": "https://www.daily.example",
        }
    )


def test_a_database_with_the_sandboxs_keys_is_refused(engine: Engine, settings: Settings) -> None:
    """A production database restored from a sandbox would open to anyone who read the README."""
    store = ApiKeyStore(engine)
    store.create_key("our site", [Scope.DECIDE])
    refuse_sandbox_keys(settings, engine)
    store.ensure_key("site_sandbox", "the sandbox's site", [Scope.DECIDE])
    refuse_sandbox_keys(replace(settings, sandbox=True), engine)
    with pytest.raises(ConfigurationError):
        refuse_sandbox_keys(settings, engine)


def test_the_service_starts_while_its_servers_are_away(settings: Settings) -> None:
    """Not ready, but alive: it answers for itself, and will serve once PostgreSQL is back."""
    client = create_app(settings).test_client()
    assert client.get("/health/live").status_code == 200
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.get_json()["status"]) == (503, "starting")
    refused = client.post("/v1/decisions", json={"article": {"id": "a"}}, headers={"Authorization": "Bearer nsk_x"})
    assert (refused.status_code, refused.headers["Retry-After"] != "") == (503, True)


def test_a_dead_database_is_no_reason_to_refuse_a_start(settings: Settings) -> None:
    """Whether the sandbox's keys are there cannot be seen; nothing is honoured until it can."""
    refuse_sandbox_keys(settings, make_engine(settings.database_url, deadline_seconds=1))
