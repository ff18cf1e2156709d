"""Commands and scripts to Redis or Valkey, each decision within one hard deadline, or MeterUnavailable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import redis
from redis.connection import Connection
from redis.exceptions import ResponseError

from metering.budget import Budget
from metering.meter import MeterUnavailable
from metering.script import Argument, Call, Script, exchange, run_calls
from metering.server import Server

T = TypeVar("T")
Exchange = Callable[[Connection, bool], T]
"""What is done with one connection; the flag is `asking` of script.py."""


class Connections(ABC):
    """Every fault the servers or the network can show is MeterUnavailable, at the latest when the budget is spent.

    Refused, timed out, OOM, READONLY, LOADING, MOVED, TRYAGAIN, CLUSTERDOWN: all one. Stock redis-py waits 59.8 s on a
    frozen server. `on_fault` is told the exception's name.
    """

    def __init__(self, *, budget: Budget, on_fault: Callable[[str], None]) -> None:
        self.budget = budget
        self._on_fault = on_fault

    def run(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run `script` in one round trip (two when the server has not seen it yet) and return its reply."""
        return self.run_all([Call(script, keys, arguments)])[0]

    def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts one after the other in one round trip; all their keys have one hash tag."""
        return self._guarded(calls[0].keys[0], lambda connection, asking: run_calls(connection, calls, asking=asking))

    def command(self, *words: Argument) -> Any:
        """Send one command, whose second word is its key if it has one, and return its reply."""

        def send(connection: Connection, asking: bool) -> Any:
            [reply] = exchange(connection, [words], asking=asking)
            if isinstance(reply, ResponseError):
                raise reply
            return reply

        return self._guarded(words[1] if len(words) > 1 else None, send)

    def _guarded(self, key: Argument | None, act: Exchange[T]) -> T:
        try:
            with self.budget.call():
                return self._ask(key, act)
        except (redis.RedisError, OSError) as fault:
            self._on_fault(type(fault).__name__)
            raise MeterUnavailable(f"Redis: {type(fault).__name__}: {fault}") from fault

    @property
    @abstractmethod
    def is_one_server(self) -> bool:
        """Tell whether one script may have keys of any hash tags."""

    @abstractmethod
    def _ask(self, key: Argument | None, act: Exchange[T]) -> T:
        """Do it on a connection to the server that holds `key`; raises RedisError or OSError."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""


class OneServer(Connections):
    """All keys lie on one server."""

    def __init__(self, server: Server, *, budget: Budget, on_fault: Callable[[str], None]) -> None:
        super().__init__(budget=budget, on_fault=on_fault)
        self._server = server

    @property
    def is_one_server(self) -> bool:
        return True

    def _ask(self, key: Argument | None, act: Exchange[T]) -> T:  # noqa: ARG002 - they all lie here
        return self._server.ask(lambda connection: act(connection, False))

    def close(self) -> None:
        """Close every connection."""
        self._server.close()
