"""Commands and scripts to Redis or Valkey, each decision within one hard deadline, or MeterUnavailable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import redis

from metering.budget import Budget
from metering.meter import MeterUnavailable
from metering.script import Argument, Asked, Call, Command, Script
from metering.server import Server


class Connections(ABC):
    """Every fault the servers or the network can show is MeterUnavailable, at the latest when the budget is spent.

    Refused, timed out, OOM, READONLY, LOADING, MOVED, TRYAGAIN, CLUSTERDOWN: all one. Stock redis-py waits 59.8 s on a
    frozen server. `on_fault` is told the exception's name.
    """

    is_one_server: ClassVar[bool] = False
    """Whether one script may have keys of any hash tags."""

    def __init__(self, *, budget: Budget, on_fault: Callable[[str], None]) -> None:
        self.budget = budget
        self._spending = budget.call()
        self._on_fault = on_fault

    def run(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run `script` in one round trip (two when the server has not seen it yet) and return its reply."""
        return self.run_all((Call(script, keys, arguments),))[0]

    def command(self, *words: Argument) -> Any:
        """Send one command, whose second word is its key if it has one, and return its reply."""
        return self.run_all((Command(words),))[0]

    def run_all(self, asked: Asked) -> list[Any]:
        """Run scripts one after the other in one round trip; all their keys have one hash tag."""
        if self.budget.is_spent:  # what the calls before have spent is one failure of theirs, and none of this one
            raise MeterUnavailable("Redis: no time is left")
        try:
            with self._spending:
                return self._ask(asked)
        except (redis.RedisError, OSError) as fault:
            self._on_fault(type(fault).__name__)
            raise MeterUnavailable(f"Redis: {type(fault).__name__}: {fault}") from fault

    @abstractmethod
    def _ask(self, asked: Asked) -> list[Any]:
        """Ask the server that holds the first one's key; raises RedisError or OSError."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""


class OneServer(Connections):
    """All keys lie on one server."""

    is_one_server = True

    def __init__(self, server: Server, *, budget: Budget, on_fault: Callable[[str], None]) -> None:
        super().__init__(budget=budget, on_fault=on_fault)
        self._server = server

    def _ask(self, asked: Asked) -> list[Any]:
        return self._server.ask(asked)

    def close(self) -> None:
        """Close every connection."""
        self._server.close()
