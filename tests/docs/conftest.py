"""Reads the documents: fenced blocks and directives in order, and curl lines as the requests they make."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.newsroom import ROOT
from sandbox.tour.browser import direct_session

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$|^<!-- run: (\w+) -->$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block, or a directive (`language` is then `run`), and the line it begins at."""

    language: str
    text: str
    line: int


@dataclass
class Request:
    """What one curl line sends."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def send(self) -> requests.Response:
        """Send it, with patience: a document's `--max-time` is for production, not for a busy test machine."""
        data = None if self.body is None else self.body.encode()
        with direct_session() as session:
            return session.request(self.method, self.url, headers=self.headers, data=data, timeout=30)


def read_blocks(text: str) -> list[Block]:
    """Return the blocks of a Markdown text in order."""
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block("run", match[3], line) if match[3] else Block(match[1], match[2], line))
    return found


def read_curl(line: str) -> Request:
    """Return what the curl command `line` sends; raises ValueError for an option that is not understood here."""
    program, *words = shlex.split(line)
    if program != "curl":
        raise ValueError(f"no curl command: {line}")
    request, parts = Request("", ""), []
    arguments = iter(words)
    for word in arguments:
        if word == "-s":
            continue
        if not word.startswith("-"):
            request.url = word
            continue
        _take(request, parts, word, next(arguments))
    if parts:
        request.body = "&".join(parts)
        request.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    request.method = request.method or ("POST" if parts else "GET")
    return request


def _take(request: Request, parts: list[str], option: str, value: str) -> None:
    if option == "-X":
        request.method = value
    elif option == "-H":
        name, _, content = value.partition(": ")
        request.headers[name] = content
    elif option == "-d":
        parts.append(value)
    elif option == "-u":
        request.headers["Authorization"] = f"Basic {b64encode(value.encode()).decode()}"
    elif option != "--max-time":
        raise ValueError(f"curl option {option} is not understood")


def differences(printed: Any, real: Any, at: str = "$") -> list[str]:
    """Return where a real answer is not of the shape that is printed.

    Fields, types, truth values, numbers, prices and single words must be equal; ids, instants, addresses and sentences
    must only be text. A printed object with the key `…` may have left out others.
    """
    if isinstance(printed, dict) and isinstance(real, dict):
        wanted = set(printed) - {"…"}
        faults = [f"{at}.{name} is missing" for name in sorted(wanted - set(real))]
        if "…" not in printed:
            faults += [f"{at}.{name} is not printed" for name in sorted(set(real) - wanted)]
        return faults + [f for name in sorted(wanted & set(real))
                         for f in differences(printed[name], real[name], f"{at}.{name}")]  # fmt: skip
    if isinstance(printed, list) and isinstance(real, list):
        if len(printed) != len(real):
            return [f"{at} has {len(real)} entries, not {len(printed)}"]
        pairs = enumerate(zip(printed, real, strict=True))
        return [fault for index, (one, other) in pairs for fault in differences(one, other, f"{at}[{index}]")]
    if isinstance(printed, str) and isinstance(real, str) and not _is_telling(printed):
        return []
    return [] if type(printed) is type(real) and printed == real else [f"{at} is {real!r}, not {printed!r}"]


def _is_telling(text: str) -> bool:
    word = re.fullmatch(r"[a-z]+(_[a-z]+)*|[A-Z ]+", text)
    return word is not None or text.startswith("$") or re.fullmatch(r"\d{4}-\d\d-\d\d\.[a-z]+", text) is not None


@pytest.fixture
def blocks() -> Callable[[str], list[Block]]:
    """Return a document's blocks by its path from the root."""
    return lambda path: read_blocks((ROOT / path).read_text())


@pytest.fixture
def curl() -> Callable[[str], Request]:
    """Reads a curl line."""
    return read_curl


@pytest.fixture
def differing() -> Callable[[Any, Any], list[str]]:
    """Compares a printed answer with a real one."""
    return differences


@pytest.fixture
def documents() -> list[Path]:
    """Every Markdown file that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
