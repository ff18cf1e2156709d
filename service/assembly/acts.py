"""What staff may do, put together."""

from __future__ import annotations

from service.assembly.core import Core
from service.support.acts.all import Acts
from service.support.acts.changing import Changing
from service.support.acts.courtesy import Give, Revoke
from service.support.acts.meter import ResetMeter
from service.support.acts.noting import WriteNote
from service.support.acts.outlook import Outlook


def build_acts(core: Core) -> Acts:
    """Return all acts."""
    catalog = core.catalog
    outlook = Outlook(core.record, catalog, business_clock=core.business_clock)
    changing = Changing(core.engine, core.projection, core.publisher, business_clock=core.business_clock)
    return Acts(
        note=WriteNote(core.engine, wall_clock=core.wall_clock),
        give=Give(changing, outlook, catalog),
        revoke=Revoke(core.engine, changing, outlook),
        reset_meter=ResetMeter(core.meter, outlook, catalog),
    )
