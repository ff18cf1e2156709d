"""Another plan, by staff's hand: the preview in Stripe's own figures, then exactly that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from service.billing.plan_changes import PlanChanges
from service.domain.catalog import Catalog
from service.domain.plan_changes import PlanChange
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.outlook import Outlook
from service.support.audit import Trail

_INTERVALS = {"day": "a day", "week": "a week", "month": "a month", "year": "a year"}


@dataclass(frozen=True, kw_only=True)
class PlanWish(Wish):
    """A change to `plan`; with a preview's `quoted_at`, at exactly its figures."""

    plan: str
    quoted_at: datetime | None = None


class ChangePlan(Act[PlanWish]):
    """Changes the plan at once; during a trial from its end."""

    def __init__(self, plan_changes: PlanChanges, outlook: Outlook, catalog: Catalog) -> None:
        self._plan_changes = plan_changes
        self._outlook = outlook
        self._catalog = catalog

    def effect(self, wish: PlanWish) -> Effect:
        """Return it; raises as `PlanChanges.preview` does. `quote` fixes the instant the figures are of."""
        told = self._plan_changes.preview(wish.reader_id, wish.plan)
        return Effect(words=tuple(self._words(wish, told)), quote={"quoted_at": told.quoted_at.isoformat()})

    def do(self, wish: PlanWish, trail: Trail) -> Done:
        """Change it; raises as `PlanChanges.change` does, PaymentFailed included."""
        made = self._plan_changes.change(wish.reader_id, wish.plan, quoted_at=wish.quoted_at, by_staff=True)
        trail.tell(plan=wish.plan, charged=made.due_now.to_json())
        return Done(words=tuple(self._words(wish, made)))

    def _words(self, wish: PlanWish, told: PlanChange) -> Iterator[str]:
        plan = self._catalog.plan(told.plan)
        each = _INTERVALS.get(plan.interval, "each period") if plan else "each period"
        from_at = self._outlook.moment(told.renews_at)
        standing = self._outlook.standing(wish.reader_id)
        card = standing.facts.snapshot.card if standing.facts and standing.facts.snapshot else None
        to = f"the card ending {card.last4}" if card else "the card on file"
        if told.due_now.amount_minor > 0:
            yield f"{told.due_now.display} is charged now to {to}."
        else:
            yield "Nothing is charged now."
        for line in told.lines:
            yield f"{line.description}: {line.amount.display}."
        if told.credit.amount_minor > 0:
            yield f"{told.credit.display} stays to the reader's credit, and is taken off the next charges."
        yield f"From {from_at} the {told.plan} plan costs {told.renewal.display} {each}."
