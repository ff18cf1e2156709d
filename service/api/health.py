"""Is this process worth sending requests to? Yes while the failure policy can answer, which is nearly always."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

_log = structlog.get_logger("newsstand.api")

_Told = TypeVar("_Told")
Probe = Callable[[], object]
"""Asks one part. Returns anything but False when it is up; returns False or raises when it is not. Must have its own
deadline: a frozen part may not freeze the answer about it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `/health/ready` says.

    `status`: `ready`; `degraded`, a part is missing; `outage`, neither Redis nor PostgreSQL answers and the policy
    alone decides; `starting` or `draining`, the only ones for which a balancer should look elsewhere.
    """

    ready: bool
    status: str
    parts: Mapping[str, bool]
    oldest_unprocessed_event_seconds: float | None
    stuck_events: Mapping[str, int] | None = None
    """Events that wait because something failed, by state: a quarantined one has no age any more. None: not known."""

    @property
    def degraded(self) -> list[str]:
        """Return the parts that are down."""
        return [name for name, up in self.parts.items() if not up]


class Health(Protocol):
    """Whatever can tell how things stand."""

    def ready(self) -> Report:
        """Return the present state; never raises and never hangs."""
        ...

    def follow_draining(self, is_draining: Callable[[], bool]) -> None:
        """Say `draining` while `is_draining` does."""
        ...


class HealthChecks:
    """Probes each part when asked.

    `parts` must name `redis` and `database`. `started` tells whether this process could answer a decision once.
    `oldest_event_seconds` is the age of the oldest unprocessed event, None for none; `stuck_events` counts by state.
    With `every_part`, as in the sandbox, ready means that every single part is up.
    """

    def __init__(
        self,
        parts: Mapping[str, Probe],
        *,
        started: Callable[[], bool],
        oldest_event_seconds: Callable[[], float | None],
        stuck_events: Callable[[], Mapping[str, int] | None],
        every_part: bool,
    ) -> None:
        self._parts = dict(parts)
        self._started = started
        self._oldest_event_seconds = oldest_event_seconds
        self._stuck_events = stuck_events
        self._every_part = every_part
        self._is_draining: Callable[[], bool] = lambda: False

    def follow_draining(self, is_draining: Callable[[], bool]) -> None:
        """From now on say `draining` while `is_draining` does: the process is about to stop."""
        self._is_draining = is_draining

    def ready(self) -> Report:
        """Return the present state; never raises, and hangs no longer than its probes."""
        parts = {name: _is_up(name, probe) for name, probe in self._parts.items()}
        status = self._status(parts)
        return Report(
            ready=status not in {"starting", "draining"},
            status=status,
            parts=parts,
            oldest_unprocessed_event_seconds=_known(self._oldest_event_seconds) if parts.get("database") else None,
            stuck_events=_known(self._stuck_events) if parts.get("database") else None,
        )

    def _status(self, parts: Mapping[str, bool]) -> str:
        if self._is_draining():
            return "draining"
        if not self._started() or (self._every_part and not all(parts.values())):
            return "starting"
        if not parts["redis"] and not parts["database"]:
            return "outage"
        return "ready" if all(parts.values()) else "degraded"


def _known(asked: Callable[[], _Told | None]) -> _Told | None:
    """Return what the inbox tells, or None when it does not answer."""
    try:
        return asked()
    except Exception as error:
        _log.warning("health_probe_failed", part="events", exception=type(error).__name__)
        return None


def _is_up(name: str, probe: Probe) -> bool:
    try:
        return probe() is not False
    except Exception as error:
        _log.warning("health_probe_failed", part=name, exception=type(error).__name__)
        return False
