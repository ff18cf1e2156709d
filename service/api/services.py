"""What the views need, built by the composition root and passed in whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from flask import Blueprint

from service.access.gate import Gate
from service.access.readers import Readers
from service.access.told_notices import ToldNotices
from service.api.auth import KeyChecker
from service.api.health import Health
from service.billing.cancellations import Cancellations
from service.billing.checkouts import Checkouts
from service.billing.plan_changes import PlanChanges
from service.billing.portals import Portals
from service.billing.refunds import Refunds
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.exemptions.gifts import Gifts
from service.exemptions.links import SignedLinks
from service.numbers.reading import Numbers
from service.privacy.erasure import Erasures
from service.privacy.export import Exports
from service.store.idempotency import IdempotencyStore
from service.support.accounts import Accounts
from service.support.acts.all import Acts
from service.support.audit import Audit
from service.support.drift import DriftReport
from service.support.events import Events
from service.support.inbox_health import InboxReport
from service.support.story.explain import Explain
from service.support.story.timeline import Timeline
from service.support.syncing import StaffSync


@dataclass(frozen=True, kw_only=True)
class Services:
    """The use cases and what surrounds them. `slow_calls_at_once` is half of the process's threads.

    What is asked of PostgreSQL within `one_decision` shares one deadline. `paid_but_refused` counts refusals of readers
    who had paid; None when that cannot be known now.
    """

    catalog: Catalog
    gate: Gate
    readers: Readers
    notices: ToldNotices
    gifts: Gifts
    signed_links: SignedLinks
    checkouts: Checkouts
    portals: Portals
    cancellations: Cancellations
    plan_changes: PlanChanges
    refunds: Refunds
    accounts: Accounts
    acts: Acts
    staff_sync: StaffSync
    exports: Exports
    timeline: Timeline
    explain: Explain
    erasures: Erasures
    drift: DriftReport
    events: Events
    inbox: InboxReport
    numbers: Numbers
    audit: Audit
    keys: KeyChecker
    idempotency: IdempotencyStore
    health: Health
    site_origins: tuple[str, ...]
    wall_clock: Clock
    business_clock: Clock
    slow_calls_at_once: int
    one_decision: Callable[[], AbstractContextManager[None]] = nullcontext
    paid_but_refused: Callable[[], int | None] = lambda: None
    blueprints: tuple[Blueprint, ...] = ()
