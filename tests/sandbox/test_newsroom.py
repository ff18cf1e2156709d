"""A newsroom's settings come from its own folder and ports, never from what the caller's shell happens to export."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox.newsroom import CannotStart, Newsroom, Ports, Secrets, make_directory
from service.settings import Settings


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """A newsroom on the default ports."""
    return Newsroom(tmp_path, Ports.from_environment({}), Secrets.kept_in(tmp_path / "secrets.json"))


def test_the_service_accepts_the_settings(newsroom: Newsroom) -> None:
    """They pass the service's own validation and name this newsroom's parts."""
    settings = Settings.from_environment(newsroom.settings({}, test_clock="clock_1"))
    assert settings.sandbox
    assert settings.database_url.endswith(":8004/newsstand")
    assert settings.site_origins == ("http://127.0.0.1:8001",)
    assert (settings.stripe_api_base, settings.stripe_test_clock) == ("http://127.0.0.1:8002", "clock_1")
    assert settings.stripe_webhook_secrets == (newsroom.secrets.webhook_secret,)


def test_real_settings_in_the_shell_stay_out(newsroom: Newsroom) -> None:
    """An exported live key, database or proxy never reaches the sandbox; tuning does."""
    exported = {"STRIPE_SECRET_KEY": "sk_live_x", "DATABASE_URL": "postgresql://prod", "NEWSSTAND_SANDBOX": "0",
                "HTTP_PROXY": "http://proxy", "PGSSLMODE": "require", "WEB_WORKERS": "3", "PATH": "/bin"}  # fmt: skip
    given = newsroom.settings(exported, test_clock="")
    assert not {"sk_live_x", "postgresql://prod", "http://proxy", "require"} & set(given.values())
    assert (given["NEWSSTAND_SANDBOX"], given["WEB_WORKERS"], given["PATH"]) == ("1", "3", "/bin")


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    """A second start finds the same secrets, readable by their owner alone."""
    path = tmp_path / "secrets.json"
    assert Secrets.kept_in(path) == Secrets.kept_in(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_damaged_secrets_are_one_line(tmp_path: Path) -> None:
    """It names the file and how to start afresh."""
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(CannotStart, match=r"secrets.json is damaged: to start afresh delete .* or set SANDBOX_DIR"):
        Secrets.kept_in(tmp_path / "secrets.json")


@pytest.mark.parametrize("raw", ["http", "0", "65536", "-1", "٣", "8000 "])
def test_what_is_no_port_is_one_line(raw: str) -> None:
    """It names the variable."""
    with pytest.raises(CannotStart, match=r"^REDIS_PORT=.* is no port"):
        Ports.from_environment({"REDIS_PORT": raw})


def test_the_same_port_twice_is_one_line() -> None:
    """It names both variables."""
    with pytest.raises(CannotStart, match=r"^PORT and SITE_PORT are both 8001"):
        Ports.from_environment({"PORT": "8001"})


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file in the way, say."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"cannot write to .*/file/room \(Not a directory\): set SANDBOX_DIR"):
        make_directory({"SANDBOX_DIR": str(tmp_path / "file" / "room")})
