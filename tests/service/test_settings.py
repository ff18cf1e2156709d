"""The service refuses to start with what would be a hole, and says which variable is at fault."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import Settings, settings_table

ROOT = Path(__file__).parents[2]
SOUND = {
    "DATABASE_URL": "postgresql://newsstand@db/newsstand",
    "REDIS_URL": "redis://cache:6379/0",
    "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
    "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef,whsec_fedcba9876543210",
    "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
    "SITE_ORIGINS": "https://www.daily.example",
}


def test_sound_settings_are_read() -> None:
    """Lists are split, numbers are numbers, and what is not given has its default."""
    settings = Settings.from_environment(SOUND | {"PORT": "9000"})
    assert settings.stripe_webhook_secrets == ("whsec_0123456789abcdef", "whsec_fedcba9876543210")
    assert (settings.port, settings.redis_timeout_seconds, settings.livemode) == (9000, 0.05, False)


@pytest.mark.parametrize("missing", SOUND)
def test_each_required_setting_is_named_when_missing(missing: str) -> None:
    """A newcomer learns which variable to set, not that something is None."""
    with pytest.raises(ConfigurationError, match=missing):
        Settings.from_environment({name: value for name, value in SOUND.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRETS", ""),
        ("STRIPE_WEBHOOK_SECRETS", ","),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef,whsec_"),
        ("STRIPE_WEBHOOK_SECRETS", "\u00a0"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b"),
        ("STRIPE_WEBHOOK_SECRETS", "\ufeff"),
        ("STRIPE_WEBHOOK_SECRETS", "changeme"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_sandbox"),
        ("STRIPE_SECRET_KEY", "sk_test_sandbox"),
        ("STRIPE_SECRET_KEY", "sk_test_"),
        ("STRIPE_SECRET_KEY", "pk_test_51Habcdefghijk"),
        ("STRIPE_SECRET_KEY", " "),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", " "),
        ("DATABASE_URL", "mysql://newsstand:hush@db/newsstand"),
        ("REDIS_URL", ""),
        ("REDIS_URL", "cache:6379"),
        ("LOG_LEVEL", "loud"),
        ("SUBJECT_KEY", "short"),
        ("SUBJECT_KEY", "changeme"),
        ("SITE_ORIGINS", "https://www.daily.example/path"),
        ("SITE_ORIGINS", "https://user@www.daily.example"),
        ("SITE_ORIGINS", "javascript:alert(1)"),
        ("SITE_ORIGINS", ""),
        ("PORT", "0"),
        ("PORT", "many"),
        ("REDIS_TIMEOUT_SECONDS", "0"),
        ("REDIS_TIMEOUT_SECONDS", "nan"),
        ("ON_OUTAGE", "panic"),
        ("NEWSSTAND_SANDBOX", "perhaps"),
    ],
)
def test_unsafe_or_senseless_values_refuse_the_start(name: str, value: str) -> None:
    """Each is refused with the variable's name, and a secret is never repeated in the message."""
    with pytest.raises(ConfigurationError, match=name) as refused:
        Settings.from_environment(SOUND | {name: value})
    if "SECRET" in name and len(value) > 8:
        assert value not in str(refused.value)


LIVE = SOUND | {"STRIPE_SECRET_KEY": "sk_live_" + "51Habcdefghijk"}


@pytest.mark.parametrize(
    "extra",
    [
        {"STRIPE_API_BASE": "http://127.0.0.1:8002"},
        {"STRIPE_TEST_CLOCK": "clock_123"},
        {"NEWSSTAND_SANDBOX": "1"},
    ],
)
def test_a_live_key_takes_no_test_arrangement(extra: dict[str, str]) -> None:
    """Real money never meets a stand-in, a simulated clock or the sandbox's keys."""
    with pytest.raises(ConfigurationError):
        Settings.from_environment(LIVE | extra)
    assert Settings.from_environment(LIVE).livemode


def test_secrets_are_masked() -> None:
    """Neither the start-up log nor a traceback's repr shows a secret."""
    settings = Settings.from_environment(SOUND)
    shown = f"{settings.masked()} {settings!r}"
    for name in ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "SUBJECT_KEY"):
        assert SOUND[name] not in shown
    assert "whsec_0123456789abcdef" not in shown


def test_every_variable_the_code_reads_is_in_the_table() -> None:
    """One table documents them all; docs/configuration.md is that table."""
    table = settings_table()
    for each in fields(Settings):
        assert f"`{each.metadata['env']}`" in table
    assert table in (ROOT / "docs" / "configuration.md").read_text()


def test_only_the_composition_root_and_the_command_line_read_the_environment() -> None:
    """`os.environ` elsewhere would be a setting that nobody documented."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in ("service", "webhooks", "metering")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"os\.(environ|getenv)", path.read_text())
    }
    assert readers <= {"service/settings.py", "service/metrics.py", "service/cli.py"}


CONSOLE = {
    "CONSOLE_ORIGIN": "https://desk.daily.example",
    "OIDC_ISSUER": "https://id.daily.example/realms/staff",
    "OIDC_CLIENT_ID": "newsstand",
    "OIDC_CLIENT_SECRET": "0123456789abcdef",
    "OIDC_GROUPS": "heads=admin",
}


def test_the_console_is_off_until_it_has_an_origin() -> None:
    """And has whoever signs in through which provider, with which groups, once it is told."""
    assert Settings.from_environment(SOUND).console_origin == ""
    settings = Settings.from_environment(SOUND | CONSOLE | {"OIDC_GROUPS": "a=b=agent, heads=admin"})
    assert {group: role.word for group, role in settings.oidc_groups.items()} == {"a=b": "agent", "heads": "admin"}


@pytest.mark.parametrize("missing", ["CONSOLE_ORIGIN", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_GROUPS"])
def test_half_a_sign_in_is_refused(missing: str) -> None:
    """A console that nobody could sign in to says so at the start, not to the first who tries."""
    with pytest.raises(ConfigurationError, match=missing):
        Settings.from_environment(SOUND | {name: value for name, value in CONSOLE.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSOLE_ORIGIN", "http://desk.daily.example"),
        ("CONSOLE_ORIGIN", "https://desk.daily.example/support"),
        ("CONSOLE_ORIGIN", "https://a.example, https://b.example"),
        ("CONSOLE_ORIGIN", "desk.daily.example"),
        ("OIDC_ISSUER", "http://id.daily.example"),
        ("OIDC_CLIENT_SECRET", "changeme"),
        ("OIDC_GROUPS", "heads=boss"),
        ("OIDC_GROUPS", "=admin"),
        ("OIDC_GROUPS", "heads"),
    ],
)
def test_a_console_that_would_be_a_hole_is_refused(name: str, value: str) -> None:
    """Plain http, another page's address, a placeholder, a role that there is not."""
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment(SOUND | CONSOLE | {name: value})
