"""Lua scripts, and commands on one connection: sent together, answered in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hiredis import pack_command
from redis.exceptions import NoScriptError

Argument = str | bytes | int
Words = tuple[Argument, ...]


class Script:
    """A Lua file of this package, after those it builds upon; known to the server by its SHA-1."""

    def __init__(self, name: str, *, after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.source = b"\n".join(Path(__file__).with_name(f"{each}.lua").read_bytes() for each in (*after, name))
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()


class Call(NamedTuple):
    """One run of a script. Its keys have one hash tag, so that they lie on one server of a cluster."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]

    @property
    def key(self) -> str:
        """Return a key by which a cluster's server is found."""
        return self.keys[0]

    def words(self, *, known: bool) -> Words:
        """Return the command that runs it; EVAL also teaches the server the script."""
        name, script = ("EVALSHA", self.script.sha) if known else ("EVAL", self.script.source)
        return (name, script, len(self.keys), *self.keys, *self.arguments)


class Command(NamedTuple):
    """One command as Redis knows it; its second word is its key, if it has one."""

    given: Words

    @property
    def key(self) -> Argument | None:
        """Return a key by which a cluster's server is found; any of them will do for a command without one."""
        return self.given[1] if len(self.given) > 1 else None

    def words(self, *, known: bool) -> Words:  # noqa: ARG002 - there is no server that does not know it
        """Return the command."""
        return self.given


Asked = Sequence[Call | Command]
"""What is sent together, to one server."""


class Line(Protocol):
    """A connection to one server."""

    def exchange(self, packed: bytes, count: int) -> list[Any]:
        """Send `count` commands and return their replies; what the server refuses is one of these, not raised."""
        ...


def ask_on(line: Line, asked: Asked, *, asking: bool) -> list[Any]:
    """Run them one after the other in one round trip, two when the server has not seen a script of theirs yet.

    Raises the first error. All but the last are sent whole: were one of them not known to a new server, those after it
    would run without it, and then once more, and a read just counted would be answered as read before.
    """
    *before, last = asked
    commands = [each.words(known=False) for each in before] if before else []
    commands.append(last.words(known=True))
    replies = _exchange(line, commands, asking=asking)
    for place, reply in enumerate(replies):
        if isinstance(reply, NoScriptError):
            again = [each.words(known=False) for each in asked[place:]]
            replies[place:] = _exchange(line, again, asking=asking)
            break
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _exchange(line: Line, commands: Sequence[Words], *, asking: bool) -> list[Any]:
    """Send the commands together and return a reply for each.

    `asking` says before each that we were sent here by a server that is handing the slot over.
    """
    sent = [words for each in commands for words in (("ASKING",), each)] if asking else commands
    # Packed by hiredis itself: redis-py looks at each word twice before it hands them over.
    replies = line.exchange(b"".join(map(pack_command, sent)), len(sent))  # type: ignore[arg-type]
    return replies[1::2] if asking else replies
