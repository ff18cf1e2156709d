"""The Dockerfile says what the code says, and ships nothing that running doesn't need."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click
import pytest

from sandbox.newsroom import ROOT
from service.cli import main
from service.settings import Settings

SETTINGS = {each.metadata["env"]: each.default for each in fields(Settings)}


def test_the_last_stage_only_copies(stages: list[Any]) -> None:
    """It runs nothing, so it installs nothing: no compiler and no package manager's leavings."""
    build, last = stages
    assert build.base == last.base
    assert last.base.endswith("-slim")
    assert last.all("RUN") == []
    assert [rest.split()[0] for rest in last.all("COPY")] == ["--from=build", "gunicorn.conf.py", "networks/"]


def test_it_does_not_run_as_root(stages: list[Any]) -> None:
    """A numeric user other than 0, which an orchestrator can check without looking into the image."""
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", stages[-1].only("USER"))


def test_its_python_is_one_that_the_project_supports(stages: list[Any]) -> None:
    """The one that pyproject.toml starts at, for which the requirements are compiled."""
    (lowest,) = re.findall(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert {stage.base for stage in stages} == {f"python:{lowest}-slim"}


def test_everything_copied_exists_and_is_sent(stages: list[Any], sent: Callable[[str], bool]) -> None:
    """A renamed folder, or one that .dockerignore holds back, is found here and not by who builds."""
    for stage in stages:
        for rest in stage.all("COPY"):
            for source in [] if rest.startswith("--from") else rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert sent(source.rstrip("/")), source


@pytest.mark.parametrize(
    "path",
    [".env", ".git/config", ".sandbox/secrets.json", "sandbox/run.py", "tests/conftest.py", "requirements/sandbox.txt",
     "service/api/__pycache__/auth.pyc", "newsstand.dump"],
)  # fmt: skip
def test_nothing_else_is_sent(path: str, sent: Callable[[str], bool]) -> None:
    """No secret, no history, no test and no sandbox can end up in a layer."""
    assert not sent(path)
    assert sent("service/api/auth.py")


def test_every_package_is_pinned_by_hash(stages: list[Any]) -> None:
    """What pip fetches is compared with the hashes; what is built here asks no index."""
    installs = [run for run in stages[0].all("RUN") if re.search(r"\b(install|wheel)\b", run)]
    assert len(installs) == 4
    for run in installs:
        assert ("--require-hashes" in run) != ("--no-index" in run), run


def test_variables_and_ports_are_the_settings(stages: list[Any]) -> None:
    """The container listens where EXPOSE says, on every address of its own network."""
    last = stages[-1]
    assert set(last.environment) - {"PATH"} <= set(SETTINGS)
    assert last.only("EXPOSE") == last.environment["PORT"] == str(SETTINGS["PORT"])
    assert last.environment["BIND_HOST"] == "0.0.0.0"  # noqa: S104 - of the container


def test_its_commands_exist(stages: list[Any], compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line takes CMD, and compose's commands, as they are written."""
    monkeypatch.chdir(ROOT)
    lines = [shlex.split(stages[-1].only("CMD").translate(str.maketrans("[],", "   ")))]
    lines += [service["command"] for service in compose["services"].values() if service.get("image") == "newsstand"
              and "command" in service]  # fmt: skip
    assert len(lines) == 3
    for program, name, *arguments in lines:
        command = main.get_command(click.Context(main), name)
        assert program == "newsstand"
        assert command is not None, name
        command.make_context(name, arguments)
