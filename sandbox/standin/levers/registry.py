"""Where levers register themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.standin.forms import Spec

Act = Callable[..., Any]


@dataclass(frozen=True)
class Lever:
    """One address: `act(account, params, **path members)` returns what it moved."""

    path: str
    act: Act
    spec: Spec
    required: tuple[str, ...]


LEVERS: list[Lever] = []


def lever(path: str, spec: Spec | None = None, *, required: tuple[str, ...] = ()) -> Callable[[Act], Act]:
    """Register a lever; its docstring is what `GET /_standin/levers` says of it."""

    def register(act: Act) -> Act:
        LEVERS.append(Lever(path, act, spec or {}, required))
        return act

    return register
