"""Every setting, once: its environment variable, its default, what it means, and whether it is a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from service.domain.staff import Role
from service.errors import ConfigurationError

SANDBOX_VALUES = frozenset({"site_sandbox", "support_sandbox", "sk_test_sandbox", "whsec_sandbox"})
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://")
_LEVELS = ("debug", "info", "warning", "error", "critical")
_SHORT = {"warn": "warning", "fatal": "critical"}
STRIPE_API = "https://api.stripe.com"
_PLACEHOLDERS = frozenset({"", "changeme", "change-me", "secret", "whsec_", "sk_test_", "sk_live_", "todo", "xxx"})
_INVISIBLE = re.compile(
    "[\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)


def _setting(env: str, parse: Callable[[str], Any], doc: str, *, default: Any = None, secret: bool = False) -> Any:
    """Declare one setting; without a default it must be given."""
    metadata = {"env": env, "parse": parse, "doc": doc, "secret": secret, "required": default is None}
    return field(default=default, metadata=metadata, repr=not secret)


def _text(raw: str) -> str:
    if not raw.strip():
        raise ValueError("is blank")
    return raw.strip()


def _database(raw: str) -> str:
    address = _text(raw)
    try:
        conninfo_to_dict(address)
    except psycopg.ProgrammingError:  # whose words may quote a password
        raise ValueError("is no address such as postgresql://newsstand@localhost/newsstand") from None
    return address


def _redis(raw: str) -> str:
    address = _text(raw)
    if not address.startswith(_REDIS_SCHEMES):
        raise ValueError(f"begins with one of {', '.join(_REDIS_SCHEMES)}")
    return address


def _level(raw: str) -> str:
    level = raw.strip().lower()
    level = _SHORT.get(level, level)
    if level not in _LEVELS:
        raise ValueError(f"is one of {', '.join(_LEVELS)}")
    return level


def _optional(raw: str) -> str:
    return raw.strip()


def _list(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def _keys(raw: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in raw.split(","))
    if "" in keys:
        raise ValueError("holds a blank key")
    return keys


def _port(raw: str) -> int:
    value = int(raw)
    if not 0 < value < 65536:
        raise ValueError("a port is 1 to 65535")
    return value


def _positive(raw: str) -> int:
    value = int(raw)
    if value <= 0:
        raise ValueError("must be above 0")
    return value


def _count(raw: str) -> int:
    value = int(raw)
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


def _percent(raw: str) -> int:
    value = int(raw)
    if not 0 <= value <= 100:
        raise ValueError("must be 0 to 100")
    return value


def _seconds(raw: str) -> float:
    value = float(raw)
    if not 0 < value < 3600:  # also refuses nan
        raise ValueError("must be above 0 and below 3600 seconds")
    return value


def _pause(raw: str) -> float:
    value = float(raw)
    if not 0 <= value < 3600:
        raise ValueError("must be 0 or more, and below 3600 seconds")
    return value


def _flag(raw: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if raw.strip().lower() not in words:
        raise ValueError("must be true or false")
    return words[raw.strip().lower()]


def _group_roles(raw: str) -> Mapping[str, Role]:
    """Return the roles by group; the last `=` of each part is the one that counts, for groups may hold one."""
    roles: dict[str, Role] = {}
    for part in _list(raw):
        group, _, word = part.rpartition("=")
        if not group.strip() or word.strip() not in {each.word for each in Role}:
            raise ValueError("write group=role, comma-separated; roles are viewer, agent, lead, admin")
        roles[group.strip()] = Role.named(word.strip())
    return roles


def _outage(raw: str) -> str:
    if raw not in {"allow", "refuse"}:
        raise ValueError("must be allow or refuse")
    return raw


def _origins(raw: str) -> tuple[str, ...]:
    origins = _list(raw)
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query or "@" in origin:
            raise ValueError(f"{origin!r} is not an origin such as https://www.example.com")
    if not origins:
        raise ValueError("name at least one origin")
    return origins


def _optional_origin(raw: str) -> str:
    """Return one origin as browsers write it, or nothing."""
    if not raw.strip():
        return ""
    origins = _origins(raw)
    if len(origins) != 1:
        raise ValueError("is one origin")
    return origins[0].lower()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service's settings, validated. `from_environment` is the only maker outside tests."""

    database_url: str = _setting("DATABASE_URL", _database, "PostgreSQL 14 or newer, as a libpq address.", secret=True)
    redis_url: str = _setting(
        "REDIS_URL", _redis, "Redis 7.0 or newer, or Valkey. A cluster: `redis+cluster://host:port,host:port`.",
        secret=True,
    )  # fmt: skip
    stripe_secret_key: str = _setting("STRIPE_SECRET_KEY", _text, "Stripe's secret key.", secret=True)
    stripe_webhook_secrets: tuple[str, ...] = _setting(
        "STRIPE_WEBHOOK_SECRETS", _list, "Signing secrets of the webhook endpoint, comma-separated; two while rolling.",
        secret=True,
    )  # fmt: skip
    subject_key: str = _setting(
        "SUBJECT_KEY", _text,
        "Keys the hashes of reader, visitor and article ids in Redis, and of e-mails in the trial ledger. At least 32 "
        "characters; changing it forgets all free-article counts.", secret=True,
    )  # fmt: skip
    link_keys: tuple[str, ...] = _setting(
        "LINK_KEYS", _keys,
        "Keys that sign gifts and links, comma-separated, of at least 32 characters each: the first signs, all are "
        "believed. A site that holds one may mint links by itself. Without any, a key made from `SUBJECT_KEY`.",
        default=(), secret=True,
    )  # fmt: skip
    site_origins: tuple[str, ...] = _setting(
        "SITE_ORIGINS", _origins, "Origins that checkout and portal may send the reader back to, comma-separated."
    )
    plans_file: str = _setting("PLANS_FILE", _text, "The offer.", default="plans.yaml")
    port: int = _setting("PORT", _port, "Where `newsstand web` listens.", default=8000)
    bind_host: str = _setting("BIND_HOST", _text, "The address `newsstand web` listens on.", default="127.0.0.1")
    web_workers: int = _setting("WEB_WORKERS", _positive, "gunicorn worker processes.", default=2)
    web_threads: int = _setting("WEB_THREADS", _positive, "Threads in each web worker.", default=4)
    drain_seconds: float = _setting(
        "DRAIN_SECONDS", _pause,
        "How long `newsstand web`, told to stop, still serves while `/health/ready` says `draining`: longer than a "
        "balancer takes to notice.", default=0.0,
    )  # fmt: skip
    worker_concurrency: int = _setting(
        "WORKER_CONCURRENCY", _positive, "Jobs `newsstand worker` runs at once.", default=4
    )
    stripe_api_base: str = _setting(
        "STRIPE_API_BASE", _text, "Stripe's address; another than Stripe's own is accepted with test keys only.",
        default=STRIPE_API,
    )  # fmt: skip
    stripe_test_clock: str = _setting(
        "STRIPE_TEST_CLOCK", _optional,
        "The id of a Stripe test clock that is the business time, and on which new customers are made. Test keys only.",
        default="",
    )  # fmt: skip
    stripe_timeout_seconds: float = _setting(
        "STRIPE_TIMEOUT_SECONDS", _seconds, "How long one call to Stripe may take.", default=5.0
    )
    redis_timeout_seconds: float = _setting(
        "REDIS_TIMEOUT_SECONDS", _seconds, "How long a decision waits for Redis.", default=0.05
    )
    database_timeout_seconds: float = _setting(
        "DATABASE_TIMEOUT_SECONDS", _seconds, "How long a decision waits for PostgreSQL.", default=0.3
    )
    expected_readers: int = _setting(
        "EXPECTED_READERS", _positive, "Sizes the buckets in Redis: about 64 readers in each.", default=1_000_000
    )
    expected_readers_before: int = _setting(
        "EXPECTED_READERS_BEFORE", _count,
        "What `EXPECTED_READERS` was before it changed, for one window of the meter: free-article counts are then "
        "brought along, at one more round trip a decision. 0 for no change.", default=0,
    )  # fmt: skip
    on_outage: str = _setting(
        "ON_OUTAGE", _outage,
        "Whether readers and visitors are let in (`allow`) or walled (`refuse`) while neither Redis nor PostgreSQL "
        "answers; with one of them gone alone nobody is walled for it.", default="allow",
    )  # fmt: skip
    reconcile_most_percent: int = _setting(
        "RECONCILE_MOST_PERCENT", _percent,
        "Where more of the subscriptions differ from Stripe's, and those of more than 50 customers, the nightly "
        "comparison repairs nothing: a mistake, such as another account's key, is likelier. At 100 it always repairs.",
        default=20,
    )  # fmt: skip
    journal_buffer: int = _setting(
        "JOURNAL_BUFFER", _positive,
        "Decisions that a web process remembers while PostgreSQL is away; beyond it the oldest are dropped.",
        default=20_000,
    )  # fmt: skip
    journal_day_megabytes: int = _setting(
        "JOURNAL_DAY_MEGABYTES", _positive,
        "How large one day of remembered decisions may grow; what comes after is dropped, so that a flood of walls "
        "cannot fill the disk. A million entries take 340.", default=2_000,
    )  # fmt: skip
    journal_tail_days: int = _setting(
        "JOURNAL_TAIL_DAYS", _positive, "How long past the meter's window decisions are remembered.", default=30
    )
    metrics_directory: str = _setting(
        "PROMETHEUS_MULTIPROC_DIR",
        _optional,
        "Where web processes and the worker share metrics; by default the web's own.",
        default="",
    )  # fmt: skip
    audit_anchor_file: str = _setting(
        "AUDIT_ANCHOR_FILE", _optional,
        "A file, best on another machine's disk, where the worker notes how far the audit log goes; `newsstand audit "
        "verify` then finds a log that was cut short.", default="",
    )  # fmt: skip
    console_origin: str = _setting(
        "CONSOLE_ORIGIN", _optional_origin,
        "Where staff's browsers find the console at /support, such as https://desk.example.com; https outside the "
        "sandbox. Empty switches the console off.", default="",
    )  # fmt: skip
    oidc_issuer: str = _setting(
        "OIDC_ISSUER", _optional, "The OpenID Connect provider through which staff sign in.", default=""
    )
    oidc_client_id: str = _setting("OIDC_CLIENT_ID", _optional, "Our registration there.", default="")
    oidc_client_secret: str = _setting("OIDC_CLIENT_SECRET", _optional, "Its secret.", default="", secret=True)
    oidc_groups: Mapping[str, Role] = _setting(
        "OIDC_GROUPS", _group_roles,
        "The allow-list: which of the provider's groups has which role, such as `desk=agent, heads=admin`; roles are "
        "viewer, agent, lead, admin.", default=(),
    )  # fmt: skip
    oidc_groups_claim: str = _setting(
        "OIDC_GROUPS_CLAIM", _text, "The ID token's claim that lists the groups.", default="groups"
    )
    erasure_by_two: bool = _setting(
        "ERASURE_BY_TWO", _flag, "In the console, one admin asks for a reader's erasure and another one does it; "
        "API keys and the command line stand for the publication's own process.",
        default=False,
    )  # fmt: skip
    log_level: str = _setting(
        "LOG_LEVEL", _level, "debug (with a line for every decision), info, warning or error.", default="info"
    )
    sandbox: bool = _setting(
        "NEWSSTAND_SANDBOX", _flag, "Set by `make run` alone: accepts the sandbox's keys.", default=False
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that the environment gives; raise ConfigurationError naming each variable at fault."""
        source = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        faults: list[str] = []
        for each in fields(cls):
            _read(each, source, values, faults)
        if faults:
            raise ConfigurationError("; ".join(faults))
        settings = cls(**values)
        _refuse_unsafe(settings)
        return settings

    @property
    def livemode(self) -> bool:
        """Tell whether the Stripe key moves real money."""
        return not self.stripe_secret_key.startswith(("sk_test_", "rk_test_"))

    def masked(self) -> dict[str, str]:
        """Return every setting by variable name, secrets as asterisks: what the start-up log prints."""
        return {
            each.metadata["env"]: "***" if each.metadata["secret"] else str(getattr(self, each.name))
            for each in fields(self)
        }


def _read(each: Field[Any], source: Mapping[str, str], values: dict[str, Any], faults: list[str]) -> None:
    name = cast("str", each.metadata["env"])
    raw = source.get(name)
    if raw is None or (raw == "" and not each.metadata["required"]):
        if each.metadata["required"]:
            faults.append(f"{name} is not set")
        return
    try:
        values[each.name] = each.metadata["parse"](raw)
    except ValueError as error:
        shown = "" if each.metadata["secret"] else f" ({raw!r})"
        faults.append(f"{name}{shown}: {error}")


def _refuse_unsafe(settings: Settings) -> None:
    """Raise ConfigurationError for what would be a hole: blank, placeholder, sandbox or mixed secrets."""
    secrets = {
        "STRIPE_SECRET_KEY": [settings.stripe_secret_key],
        "STRIPE_WEBHOOK_SECRETS": list(settings.stripe_webhook_secrets) or [""],
        "SUBJECT_KEY": [settings.subject_key],
        "LINK_KEYS": list(settings.link_keys),
    }
    for name, values in secrets.items():
        for value in values:
            _refuse_weak(name, value, settings)
    if not settings.stripe_secret_key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
        raise ConfigurationError("STRIPE_SECRET_KEY must begin with sk_test_, rk_test_, sk_live_ or rk_live_")
    if settings.livemode and settings.stripe_api_base != STRIPE_API:
        raise ConfigurationError("STRIPE_API_BASE: another address than Stripe's own needs a test key")
    if settings.livemode and settings.stripe_test_clock:
        raise ConfigurationError("STRIPE_TEST_CLOCK needs a test key: live customers live in real time")
    if settings.livemode and settings.sandbox:
        raise ConfigurationError("NEWSSTAND_SANDBOX needs a test key")
    _refuse_half_a_console(settings)


def _refuse_half_a_console(settings: Settings) -> None:
    """Raise ConfigurationError for a console that nobody could sign in to, or that anybody could listen to."""
    for name, address in (("CONSOLE_ORIGIN", settings.console_origin), ("OIDC_ISSUER", settings.oidc_issuer)):
        if address and not address.startswith("https://") and not settings.sandbox:
            raise ConfigurationError(f"{name} must begin with https://")
    needed = {
        "OIDC_CLIENT_ID": settings.oidc_client_id,
        "OIDC_CLIENT_SECRET": settings.oidc_client_secret,
        "OIDC_GROUPS": settings.oidc_groups,
        "CONSOLE_ORIGIN": settings.console_origin,
    }
    missing = [name for name, value in needed.items() if not value]
    if settings.oidc_issuer and missing:
        raise ConfigurationError(f"OIDC_ISSUER needs {', '.join(missing)} too")
    if settings.oidc_issuer:
        _refuse_weak("OIDC_CLIENT_SECRET", settings.oidc_client_secret, settings)


def _refuse_weak(name: str, value: str, settings: Settings) -> None:
    if _INVISIBLE.search(value):
        raise ConfigurationError(f"{name} holds blank or invisible characters")
    if value.lower() in _PLACEHOLDERS:
        raise ConfigurationError(f"{name} is empty or a placeholder")
    if value in SANDBOX_VALUES and not settings.sandbox:
        raise ConfigurationError(f"{name} is the sandbox's public value; outside `make run` it is refused")
    if name == "STRIPE_WEBHOOK_SECRETS" and len(value.removeprefix("whsec_")) < 7:
        raise ConfigurationError(f"{name}: a signing secret is longer than that")
    if name == "SUBJECT_KEY" and len(value) < 32:
        raise ConfigurationError("SUBJECT_KEY must have at least 32 characters")
    if name == "LINK_KEYS" and len(value) < 32:
        raise ConfigurationError("LINK_KEYS: each key must have at least 32 characters")


def settings_table() -> str:
    """Return the settings as a Markdown table: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for each in fields(Settings):
        default = (
            "**required**"
            if each.metadata["required"]
            else f"`{each.default}`"
            if each.default not in ("", ())
            else "-"
        )
        rows.append(f"| `{each.metadata['env']}` | {default} | {each.metadata['doc']} |")
    return "\n".join(rows)
