"""compose.yaml and the Dockerfile as read, and what building the image leaves, made without a container engine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.newsroom import ROOT


@dataclass
class Stage:
    """One stage of a Dockerfile: what it starts from, and its instructions in order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """Return the arguments of every such instruction."""
        return [rest for name, rest in self.steps if name == instruction]

    def only(self, instruction: str) -> str:
        """Return the arguments of the one such instruction."""
        (found,) = self.all(instruction)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Return what ENV sets."""
        pairs = (pair.partition("=") for line in self.all("ENV") for pair in shlex.split(line))
        return {name: value for name, _, value in pairs}

    @property
    def health_command(self) -> list[str]:
        """Return what HEALTHCHECK runs."""
        command: list[str] = json.loads(self.only("HEALTHCHECK").partition("CMD ")[2])
        return command


def read_stages(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile in shell or exec form; heredocs are not known here."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "ARG":
            key, _, value = rest.partition("=")
            arguments["${" + key + "}"] = value
        elif name == "FROM":
            base, _, alias = rest.partition(" AS ")
            for written, value in arguments.items():
                base = base.replace(written, value)
            stages.append(Stage(base, alias))
        else:
            stages[-1].steps.append((name, rest.strip()))
    return stages


def is_sent(path: str) -> bool:
    """Tell whether .dockerignore lets `path` into the build; the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern, wanted = line.removeprefix("!").rstrip("/"), line.startswith("!")
        parts = path.split("/")
        ways = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        if any(_matches(way, pattern) for way in ways):
            sent = wanted
    return sent


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rpartition("/")[2], pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


class Image:
    """A folder that stands for the image's file system, filled by the Dockerfile's own steps."""

    def __init__(self, folder: Path, stages: list[Stage]) -> None:
        self.folder = folder
        self.last = stages[-1]
        for stage in stages:
            self._build(stage)

    def path(self, absolute: str) -> Path:
        """Return where a path of the image is on this machine."""
        return self.folder / absolute.lstrip("/")

    @property
    def work_directory(self) -> Path:
        return self.path(self.last.only("WORKDIR"))

    @property
    def environment(self) -> dict[str, str]:
        """Return the last stage's variables; only the image's own programs are on PATH."""
        return self.last.environment | {"PATH": str(self.path("/opt/newsstand/bin")), "LANG": "C.UTF-8"}

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a container of this image would; nothing is asserted of how it ends."""
        env = self.environment | settings
        program = shutil.which(command[0], path=env["PATH"])
        assert program, f"{command[0]} is not in the image"
        line = [program, *command[1:]]
        return subprocess.run(
            line, check=False, cwd=self.work_directory, env=env, capture_output=True, text=True, timeout=60
        )

    def _build(self, stage: Stage) -> None:
        directory, kept = self.folder, []
        for name, rest in stage.steps:
            if name == "WORKDIR":
                directory = self.path(rest)
                directory.mkdir(parents=True, exist_ok=True)
            elif name == "COPY" and rest.startswith("--from="):
                _, source, target = rest.split()
                assert source == target, "an environment's scripts name the folder it was made in"
                kept.append(self.path(source))
            elif name == "COPY":
                *sources, target = rest.split()
                _copy_in(sources, directory / target)
            elif name == "RUN":
                self._execute(rest, directory)
        if kept:  # a stage begins empty but for what it is given
            _keep_only(self.folder, [*kept, directory])

    def _execute(self, command: str, directory: Path) -> None:
        here = command.replace("/opt/newsstand", str(self.path("/opt/newsstand")))
        # Compiling every module at once is for the image's first start; here it would only be slow.
        env = dict(os.environ) | {"PATH": f"{self._python()}:/usr/bin:/bin", "PIP_NO_COMPILE": "1"}
        done = subprocess.run(
            ["sh", "-ec", here], check=False, cwd=directory, env=env, capture_output=True, text=True, timeout=240
        )
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
            no_index = "No matching distribution" in said or "Connection" in said or "resolve" in said
            hint = "pip found no package index that has what requirements/*.txt pin. " if no_index else ""
            pytest.fail(f"{hint}The Dockerfile's step `RUN {command}` failed:\n{said}", pytrace=False)

    def _python(self) -> Path:
        """Return a folder in which `python` is the interpreter beneath our own environment, as in the base image."""
        link = self.folder.with_name("base-python") / "python"
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(sys._base_executable)  # type: ignore[attr-defined]
        return link.parent


def _copy_in(sources: list[str], target: Path) -> None:
    for source in sources:
        for file in [ROOT / source] if (ROOT / source).is_file() else sorted((ROOT / source).rglob("*")):
            inside = file.relative_to(ROOT).as_posix()
            if file.is_file() and is_sent(inside):
                copy = target / (file.name if (ROOT / source).is_file() else file.relative_to(ROOT / source))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)


def _keep_only(folder: Path, kept: list[Path]) -> None:
    for each in sorted(folder.iterdir()):
        if each in kept:
            continue
        if any(each in one.parents for one in kept):
            _keep_only(each, kept)
        else:
            shutil.rmtree(each)


@pytest.fixture(scope="session")
def stages() -> list[Stage]:
    """The Dockerfile's stages."""
    return read_stages((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="session")
def compose() -> Any:
    """compose.yaml, its anchors resolved."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def image(stages: list[Stage], server_directory: Path) -> Image:
    """The image's files, built once."""
    return Image(server_directory / "image", stages)


@pytest.fixture
def sent() -> Any:
    """Tells whether a path of the tree reaches the build."""
    return is_sent
