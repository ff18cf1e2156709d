"""The audit log, and where its head is noted."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from service.clocks import Clock
from service.settings import Settings
from service.support.anchors import Anchor
from service.support.audit import Audit


def build_anchor(settings: Settings, engine: Engine, wall_clock: Clock) -> Anchor:
    path = Path(settings.audit_anchor_file) if settings.audit_anchor_file else None
    return Anchor(Audit(engine, wall_clock), path, wall_clock)
