"""Lua scripts, and commands on one connection: sent together, answered in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hiredis import pack_command
from redis.connection import Connection
from redis.exceptions import NoScriptError, ResponseError

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


def ask_on(connection: Connection, asked: Asked, *, asking: bool) -> list[Any]:
    """Run them one after the other in one round trip, two when the server has not seen a script of theirs yet.

    Raises the first error. All but the last are sent whole: were one of them not known to a new server, those after it
    would run without it, and then once more, and a read just counted would be answered as read before.
    """
    *before, last = asked
    commands = [each.words(known=False) for each in before] if before else []
    commands.append(last.words(known=True))
    replies = _exchange(connection, commands, asking=asking)
    for place, reply in enumerate(replies):
        if isinstance(reply, NoScriptError):
            again = [each.words(known=False) for each in asked[place:]]
            replies[place:] = _exchange(connection, again, asking=asking)
            break
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _exchange(connection: Connection, commands: Sequence[Words], *, asking: bool) -> list[Any]:
    """Send the commands together and return a reply for each; what the server refused is returned, not raised.

    `asking` says before each that we were sent here by a server that is handing the slot over.
    """
    # Less than half the cost of redis-py's high-level call (43 µs against 105 µs of CPU), felt on every page view.
    # Packed by hiredis itself: redis-py looks at each word twice before it hands them over.
    sent = [words for each in commands for words in (("ASKING",), each)] if asking else commands
    packed = b"".join(map(pack_command, sent))  # type: ignore[arg-type]
    connection.send_packed_command([packed], check_health=False)  # type: ignore[no-untyped-call]
    replies = []
    for _ in sent:
        try:
            replies.append(connection.read_response())
        except ResponseError as refusal:
            replies.append(refusal)
    return replies[1::2] if asking else replies
