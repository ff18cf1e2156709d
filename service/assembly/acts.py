"""What staff may do, put together."""

from __future__ import annotations

from service.access.links import Links
from service.access.readers import Readers
from service.assembly.core import Core
from service.billing.cancellations import Cancellations
from service.billing.plan_changes import PlanChanges
from service.billing.refunds import Refunds
from service.support.acts.all import Acts
from service.support.acts.cancelling import Cancel, UndoCancellation
from service.support.acts.changing import Changing
from service.support.acts.courtesy import Give, Revoke
from service.support.acts.merging import Merge
from service.support.acts.meter import AddArticles, ResetMeter
from service.support.acts.noting import WriteNote
from service.support.acts.outlook import Outlook
from service.support.acts.plan_changing import ChangePlan
from service.support.acts.refunding import GiveBack
from service.support.acts.releasing import ReleaseHold


def build_acts(
    core: Core,
    *,
    readers: Readers,
    links: Links,
    cancellations: Cancellations,
    refunds: Refunds,
    plan_changes: PlanChanges,
) -> Acts:
    """Return all acts, over the same use cases as the site's routes."""
    catalog, engine, wall_clock = core.catalog, core.engine, core.wall_clock
    outlook = Outlook(core.record, catalog, business_clock=core.business_clock)
    changing = Changing(engine, core.projection, core.publisher, business_clock=core.business_clock)
    return Acts(
        note=WriteNote(engine, wall_clock=wall_clock),
        give=Give(changing, outlook, catalog),
        revoke=Revoke(engine, changing, outlook),
        reset_meter=ResetMeter(core.meter, readers, outlook, catalog),
        add_articles=AddArticles(readers, changing, outlook),
        cancel=Cancel(cancellations, outlook),
        undo_cancellation=UndoCancellation(cancellations, outlook),
        give_back=GiveBack(engine, refunds, outlook, catalog),
        change_plan=ChangePlan(plan_changes, outlook, catalog),
        release_hold=ReleaseHold(engine, changing, outlook, catalog, wall_clock=wall_clock),
        merge=Merge(engine, core.client, changing, outlook, links, core.sync_now, wall_clock=wall_clock),
    )
