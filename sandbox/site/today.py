"""The newspaper's date, which is the sandbox's; read once for each page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app, g

from sandbox.site.clock import SandboxClock

EXTENSION = "sandbox_clock"


def sandbox_now() -> datetime | None:
    """Return the sandbox clock's instant, or None while the stand-in does not answer."""
    if "now" not in g:
        clock: SandboxClock = current_app.extensions[EXTENSION]
        g.now = clock.now()
    now: datetime | None = g.now
    return now


def today() -> datetime:
    """Return the instant that this page is made at."""
    return sandbox_now() or datetime.now(UTC)
