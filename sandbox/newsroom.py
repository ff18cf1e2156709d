"""What one newsroom consists of: its folder, its ports, its secrets, and the settings its processes get."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from sandbox.identity.people import GROUPS
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
STRIPE_KEY = "sk_test_sandbox"
SITE_KEY = "site_sandbox"
SUPPORT_KEY = "support_sandbox"
CONSOLE_CLIENT = "console"
# What a process needs of the machine. Everything else in the caller's environment stays out: an exported DATABASE_URL,
# a live Stripe key or a proxy must not reach the sandbox.
MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


# Everything shares one machine with a browser and an editor: the production deadlines would be taken for outages.
UNHURRIED = {"REDIS_TIMEOUT_SECONDS": "1", "DATABASE_TIMEOUT_SECONDS": "3"}
UNHURRIED_DECISION_SECONDS = 5.0


class CannotStart(Exception):
    """The newsroom cannot start here; the message is one clear line that says what to change."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens on 127.0.0.1."""

    web: int
    site: int
    stripe: int
    redis: int
    postgres: int
    identity: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Ports:
        """Read the ports; raise CannotStart for what is no port, or for the same port twice."""
        values = {name: _port(name, environment.get(name) or default) for name, default in DEFAULT_PORTS.items()}
        for name, port in values.items():
            for other in values:
                if other < name and values[other] == port:
                    raise CannotStart(f"{other} and {name} are both {port}: give one of them another port")
        return cls(*values.values())

    def by_variable(self) -> dict[str, int]:
        """Return each port under the variable that sets it."""
        return dict(zip(DEFAULT_PORTS, (getattr(self, each.name) for each in fields(self)), strict=True))

    def moved(self) -> dict[str, int]:
        """Return those that differ from the default, for a command that must find them again."""
        return {name: port for name, port in self.by_variable().items() if str(port) != DEFAULT_PORTS[name]}


DEFAULT_PORTS = {
    "PORT": "8000", "SITE_PORT": "8001", "STRIPE_PORT": "8002", "REDIS_PORT": "8003", "POSTGRES_PORT": "8004",
    "IDENTITY_PORT": "8005",
}  # fmt: skip


@dataclass(frozen=True)
class Secrets:
    """What the parts of one newsroom share; made once, kept in its folder, public nowhere."""

    subject_key: str
    webhook_secret: str

    @property
    def identity_secret(self) -> str:
        """Return what the console and the sign-in provider share."""
        return hmac.new(self.subject_key.encode(), b"sign-in provider", hashlib.sha256).hexdigest()

    @classmethod
    def kept_in(cls, path: Path) -> Secrets:
        """Return the secrets in `path`, making them at the first start; raise CannotStart when it is damaged."""
        if not path.exists():
            _write_private(path, json.dumps(vars(cls(secrets.token_hex(32), f"whsec_{secrets.token_hex(24)}"))))
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise CannotStart(f"{path} is damaged: {fresh_start(path.parent)}") from error


@dataclass(frozen=True)
class Newsroom:
    """One newsroom on this machine."""

    directory: Path
    ports: Ports
    secrets: Secrets

    @property
    def service_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def site_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.site}"

    @property
    def stripe_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.stripe}"

    @property
    def identity_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.identity}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports.redis}/0"

    @property
    def database_url(self) -> str:
        return f"postgresql://newsstand@127.0.0.1:{self.ports.postgres}/newsstand"

    @property
    def metrics_directory(self) -> Path:
        return self.directory / "metrics"

    def _plans(self) -> Path:
        """Write the shipped offer as it is, but for one term, and return where.

        Here everybody pays with Stripe's one public test card; the second reader to take the trial would lose it at
        once as a repetition. PLANS_FILE=plans.yaml sells on the real terms.
        """
        offer = self.directory / "plans.yaml"
        real = (ROOT / "plans.yaml").read_text(encoding="utf-8")
        offer.write_text(real.replace("on_repeated_card: end_trial", "on_repeated_card: allow"), encoding="utf-8")
        shutil.copytree(
            ROOT / "networks", self.directory / "networks", dirs_exist_ok=True
        )  # the offer names files there
        return offer

    def log(self, name: str) -> Path:
        """Return the file that process `name` writes to."""
        return self.directory / "logs" / f"{name}.log"

    def settings(self, environment: Mapping[str, str], *, test_clock: str) -> dict[str, str]:
        """Return the environment of the service's processes: ours, and the caller's tuning (WEB_WORKERS, LOG_LEVEL)."""
        tunable = {each.metadata["env"] for each in fields(Settings)}
        passed = {name: value for name, value in environment.items() if name in tunable}
        plans = Path(environment.get("PLANS_FILE") or self._plans()).resolve()
        return UNHURRIED | passed | machine(environment) | {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRETS": self.secrets.webhook_secret,
            "STRIPE_API_BASE": self.stripe_url,
            "STRIPE_TEST_CLOCK": test_clock,
            "SUBJECT_KEY": self.secrets.subject_key,
            "SITE_ORIGINS": self.site_url,
            "PLANS_FILE": str(plans),
            "PORT": str(self.ports.web),
            "BIND_HOST": "127.0.0.1",
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics_directory),
            "CONSOLE_ORIGIN": self.service_url,
            "OIDC_ISSUER": self.identity_url,
            "OIDC_CLIENT_ID": CONSOLE_CLIENT,
            "OIDC_CLIENT_SECRET": self.secrets.identity_secret,
            "OIDC_GROUPS": GROUPS,
            "AUDIT_ANCHOR_FILE": str(self.directory / "audit-heads"),
            "NEWSSTAND_SANDBOX": "1",
        }  # fmt: skip


def machine(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what any process of ours needs of the caller's environment."""
    return {name: environment[name] for name in MACHINE if name in environment} | {"PYTHONUNBUFFERED": "1"}


def fresh_start(directory: Path) -> str:
    """Return how to begin again without the data in `directory`."""
    return f"to start afresh delete {directory}, or set SANDBOX_DIR to another folder"


def make_directory(environment: Mapping[str, str]) -> Path:
    """Return the newsroom's folder, made if need be; raise CannotStart when it cannot be written to."""
    directory = Path(environment.get("SANDBOX_DIR") or ".sandbox").absolute()
    try:
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        probe = directory / "logs" / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"cannot write to {directory} ({error.strerror}): set SANDBOX_DIR to a folder of yours"
        ) from error
    return directory


def _port(name: str, raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or not 0 < int(raw) < 65536:
        raise CannotStart(f"{name}={raw} is no port: give a number from 1 to 65535")
    return int(raw)


def _write_private(path: Path, text: str) -> None:
    """Write `path` readable by us alone, whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    unfinished.replace(path)
