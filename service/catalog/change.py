"""One step that brings Stripe closer to plans.yaml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Change:
    """What would be done, as a person reads it, and the call that does it."""

    line: str
    run: Callable[[], object] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.line
