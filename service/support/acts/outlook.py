"""How an account would stand after an act, by the rules that will decide it, said as the account's page says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from service.access.passes import Record, Standing
from service.clocks import Clock
from service.domain.account_sentence import sentence
from service.domain.catalog import Catalog
from service.domain.entitlement import Entitlement, entitlement_from
from service.domain.outstanding import still_due
from service.domain.standings import living
from service.store.facts import Facts
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts


class Outlook:
    """Reads how a reader stands, and supposes other facts."""

    def __init__(self, record: Record, catalog: Catalog, *, business_clock: Clock) -> None:
        self._record = record
        self._catalog = catalog
        self._business_clock = business_clock

    def now(self) -> datetime:
        return self._business_clock()

    def standing(self, reader_id: str) -> Standing:
        """Return how the reader stands now."""
        return self._record.standing(reader_id, self.now())

    def supposed(self, reader_id: str, standing: Standing, **changes: Any) -> Entitlement:
        """Return what the reader would be entitled to if their facts (`snapshot`, `holds`, `grants`) were these."""
        facts = replace(standing.facts or _none_of(reader_id), **changes)
        return entitlement_from(facts.snapshot, facts.holds, facts.grants, self._catalog.policy, self.now())

    def supposing(self, reader_id: str, standing: Standing, **changes: Any) -> str:
        """Return that in a sentence."""
        known = standing.facts.snapshot if standing.facts else None
        return self.said(self.supposed(reader_id, standing, **changes), changes.get("snapshot", known))

    def said(self, entitlement: Entitlement, snapshot: CustomerSnapshot | None) -> str:
        """Return the entitlement in a sentence."""
        card = snapshot.card if snapshot else None
        subscription = subscription_of(entitlement, snapshot)
        due = still_due(snapshot, subscription)
        return sentence(entitlement, subscription, card, zone=self._catalog.zone, now=self.now(), due=due)

    def moment(self, at: datetime) -> str:
        """Return the instant as people read it, in the publication's zone: `21 December 2026, 12:00`."""
        local = at.astimezone(self._catalog.zone)
        return f"{local.day} {local:%B %Y, %H:%M}"


def subscription_of(entitlement: Entitlement, snapshot: CustomerSnapshot | None) -> SubscriptionFacts | None:
    """Return the subscription that the entitlement rests on, or one that is sold beside what staff gave."""
    subscriptions = snapshot.subscriptions if snapshot else ()
    named = (each for each in subscriptions if each.id == entitlement.subscription_id)
    return next(chain(named, living(snapshot)), None)


def _none_of(reader_id: str) -> Facts:
    return Facts(
        reader_id=reader_id, customer_id=None, email=None, version=0, snapshot=None, holds=(), grants=()
    )  # fmt: skip
