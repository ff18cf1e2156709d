"""compose.yaml agrees with the code: addresses, secrets, ports, health checks and how long a stop may take."""

from __future__ import annotations

import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from sandbox.newsroom import ROOT
from sandbox.processes import Child, free_port
from sandbox.servers import Postgres, postgres_bin, valkey_server
from service.errors import ConfigurationError
from service.settings import Settings
from service.working import LONGEST_STOP_SECONDS

OURS = ("web", "worker", "migrate")
SECRETS = {
    "STRIPE_SECRET_KEY": "sk_live_" + "5f1c8e07",
    "STRIPE_WEBHOOK_SECRETS": "whsec_5f1c8e07aa",
    "SUBJECT_KEY": "5f1c8e07" * 4,
}
DOT_ENV = SECRETS | {
    "SITE_ORIGINS": "https://www.your-daily.example",
    "POSTGRES_PASSWORD": "pw-of-postgres",
    "VALKEY_PASSWORD": "pw-of-valkey",
}


def interpolated(value: Any, given: dict[str, str]) -> str:
    """Return `value` with its variables filled in as compose does; raises KeyError for one that must be given."""

    def fill(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        return given[name] if operator == ":?" else given.get(name) or rest

    return re.sub(r"\$\{(\w+)(:[?-])([^}]*)\}", fill, str(value))


def seconds(written: str) -> int:
    assert written.endswith("s")
    return int(written[:-1])


@pytest.mark.parametrize("name", OURS)
def test_the_service_accepts_its_settings(compose: Any, name: str) -> None:
    """With a filled-in .env each of the three gets settings that it starts with, listening where it is published."""
    given = {key: interpolated(value, DOT_ENV) for key, value in compose["services"][name]["environment"].items()}
    settings = Settings.from_environment(DOT_ENV | given)
    assert settings.database_url == "postgresql://newsstand:pw-of-postgres@postgres:5432/newsstand"
    assert settings.redis_url == "redis://:pw-of-valkey@valkey:6379/0"
    assert (settings.bind_host, settings.port) == ("0.0.0.0", 8000)  # noqa: S104 - of the container
    assert compose["services"]["web"]["ports"] == [f"127.0.0.1:8000:{settings.port}"]


@pytest.mark.parametrize("missing", sorted(DOT_ENV))
def test_without_a_secret_nothing_starts(compose: Any, missing: str) -> None:
    """There are no default secrets: compose stops at the passwords of its servers, the service at its own."""
    lacking = {key: value for key, value in DOT_ENV.items() if key != missing}
    environment = compose["services"]["web"]["environment"]
    with pytest.raises((KeyError, ConfigurationError), match=missing):
        Settings.from_environment(lacking | {key: interpolated(each, lacking) for key, each in environment.items()})


def test_secrets_come_from_a_file_that_is_never_shared(compose: Any) -> None:
    """Every variable in compose.yaml that is no size is required, and git does not see the file."""
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+):-", text)) == {"VALKEY_MAXMEMORY"}
    assert set(re.findall(r"\$\{(\w+):\?", text)) == {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
    assert {compose["services"][name]["env_file"] for name in OURS} == {".env"}
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_servers_are_those_that_the_addresses_name(compose: Any) -> None:
    """The user, the database and both passwords are the same on both sides, and the data outlives the containers."""
    postgres, valkey = compose["services"]["postgres"], compose["services"]["valkey"]
    made = {name: interpolated(value, DOT_ENV) for name, value in postgres["environment"].items()}
    assert made == {
        "POSTGRES_USER": "newsstand", "POSTGRES_DB": "newsstand", "POSTGRES_PASSWORD": "pw-of-postgres",
    }  # fmt: skip
    assert interpolated(valkey["environment"]["REDISCLI_AUTH"], DOT_ENV) == "pw-of-valkey"
    mounts = dict(mount.split(":")[:2] for each in (postgres, valkey) for mount in each["volumes"])
    assert mounts == {"postgres": "/var/lib/postgresql", "valkey": "/data"}
    assert set(compose["volumes"]) == set(mounts)


def test_the_offer_is_mounted_where_it_is_read(compose: Any, stages: list[Any]) -> None:
    """A publisher edits plans.yaml, and the files it names, beside compose.yaml."""
    directory = stages[-1].only("WORKDIR")
    default = Settings.__dataclass_fields__["plans_file"].default
    for name in OURS:
        mounts = compose["services"][name]["volumes"]
        assert mounts == [f"./plans.yaml:{directory}/{default}:ro", f"./networks:{directory}/networks:ro"]


def test_each_waits_for_what_it_needs(compose: Any) -> None:
    """A dependency that must be healthy has a health check; nobody starts on an old schema."""
    services = compose["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] != "service_healthy" or services[name]["healthcheck"]["test"]
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_a_stop_may_take_as_long_as_the_code_takes(compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before its own deadline, a process would drop the requests or the job it is at."""
    for name, value in (DOT_ENV | {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}).items():
        monkeypatch.setenv(name, value)
    gunicorn = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert seconds(compose["services"]["web"]["stop_grace_period"]) > gunicorn["graceful_timeout"]
    assert seconds(compose["services"]["worker"]["stop_grace_period"]) > LONGEST_STOP_SECONDS


def test_postgres_health_is_asked_with_a_command_that_works(compose: Any, postgres: Postgres) -> None:
    """pg_isready with these options says yes to a server that is up, and no to none."""
    kind, program, *options = compose["services"]["postgres"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "pg_isready")
    command = [postgres_bin(program), *options, "--quiet"]
    assert subprocess.run([*command, f"--port={postgres.port}"], check=False, timeout=30).returncode == 0
    assert subprocess.run([*command, f"--port={free_port()}"], check=False, timeout=30).returncode != 0


@pytest.fixture
def valkey_as_composed(compose: Any, tmp_path: Path) -> Iterator[str]:
    """A Valkey started with compose's own command line; its address."""
    program, *options = [interpolated(each, DOT_ENV) for each in compose["services"]["valkey"]["command"]]
    assert program == "valkey-server"
    port = free_port()
    here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    child = Child("valkey", [valkey_server(), *options, *here], log=tmp_path / "log")
    child.wait_until(lambda: "Ready to accept connections" in child.log.read_text(), timeout_seconds=20)
    yield f"redis://:{DOT_ENV['VALKEY_PASSWORD']}@127.0.0.1:{port}/0"
    child.stop()


def test_valkey_keeps_what_it_is_told(valkey_as_composed: str) -> None:
    """An append-only file, no eviction, a bound on memory, and nobody without the password."""
    with redis.Redis.from_url(valkey_as_composed, decode_responses=True) as client:
        found = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "maxmemory", "save")
    assert found == {
        "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction",
        "maxmemory": str(256 * 1024 * 1024), "save": "",
    }  # fmt: skip
    stranger = redis.Redis.from_url(re.sub(r":[^/]+@", "", valkey_as_composed, count=1).replace("redis//", "redis://"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
