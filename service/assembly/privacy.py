"""What is held on readers: handed out."""

from __future__ import annotations

from service.assembly.core import Core
from service.privacy.export import Exports


def build_exports(core: Core) -> Exports:
    """Return what gathers all that is held on a reader."""
    return Exports(
        core.engine, core.meter, core.catalog, business_clock=core.business_clock, wall_clock=core.wall_clock
    )
