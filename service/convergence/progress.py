"""How long work tells how far it is, and asks whether to stop."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Is told the phase, the steps done in it, and how many there are, if that is known."""
Stopped = Callable[[], bool]
"""Asked between steps; work that is told to stop remembers where it was."""


def unseen(_phase: str, _done: int, _total: int | None) -> None:
    """Show nothing."""


def never() -> bool:
    """Do not stop."""
    return False
