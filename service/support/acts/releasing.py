"""Letting a hold close nothing any more, by a person's judgment of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from service.access.passes import Standing
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.holds import holds_from
from service.domain.money import Money
from service.domain.vocabulary import Release
from service.errors import Conflict, NotFound
from service.store import accounts, hold_releases, notes
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.changing import Changing
from service.support.acts.outlook import Outlook
from service.support.audit import Trail

_BEYOND = {
    "dispute": "At the bank it goes on. Should it be lost, what the payment had bought is taken back all the same.",
    "fraud_warning": "The payment is not given back by this; the card's holder may still dispute it.",
    "refund": "The money stays with the reader: they read on, to the end of the period, without having paid for it.",
}


@dataclass(frozen=True, kw_only=True)
class ReleaseWish(Wish):
    """The release of one hold, by its id at Stripe."""

    hold_id: str


class ReleaseHold(Act[ReleaseWish]):
    """Releases a dispute that is undecided, a fraud warning, or a refund; not a dispute that was lost."""

    def __init__(
        self, engine: Engine, changing: Changing, outlook: Outlook, catalog: Catalog, *, wall_clock: Clock
    ) -> None:
        self._engine = engine
        self._changing = changing
        self._outlook = outlook
        self._catalog = catalog
        self._wall_clock = wall_clock

    def effect(self, wish: ReleaseWish) -> Effect:
        """Return it; raises NotFound (`no_hold`), Conflict (`hold_closes_nothing`, `hold_not_releasable`)."""
        hold, standing = self._hold(wish), self._outlook.standing(wish.reader_id)
        kind, status = hold["kind"].replace("_", " "), hold["status"].replace("_", " ")
        amount = Money(hold["amount_minor"], hold["currency"]).display
        first = f"The {kind} over {amount} ({status} at Stripe) closes nothing any more."
        after = self._after(wish, hold, standing)
        return Effect(words=(first, _BEYOND[hold["kind"]], "A note says why.", f"Afterwards: {after}"))

    def do(self, wish: ReleaseWish, trail: Trail) -> Done:
        """Release it, with a note of why; the next syncs leave it so while it is what it is now."""
        words = self.effect(wish).words
        hold = self._hold(wish)
        with self._changing.of(wish.reader_id, trail, cause="hold_released") as connection:
            hold_releases.record(
                connection, self._release(hold), customer_id=hold["customer_id"], reader_id=wish.reader_id,
                reason=wish.reason, released_by=wish.asked_by,
            )  # fmt: skip
            notes.add(
                connection, wish.reader_id, body=f"Released the {hold['kind']} {wish.hold_id}: {wish.reason}",
                written_by=wish.asked_by, written_at=self._wall_clock(),
            )  # fmt: skip
        return Done(words=words, id=wish.hold_id, created=False)

    def _hold(self, wish: ReleaseWish) -> Mapping[str, Any]:
        with self._engine.connect() as connection:
            account = accounts.find(connection, wish.reader_id)
            customer_id = account.customer_id if account else None
            hold = hold_releases.find_hold(connection, customer_id, wish.hold_id) if customer_id else None
        if hold is None:
            raise NotFound("There is no such hold of this reader.", code="no_hold")
        if not hold["blocks"] or hold["released_at"] is not None:
            raise Conflict("It closes nothing.", code="hold_closes_nothing")
        if hold["revokes"] and hold["kind"] == "dispute":
            told = "The bank has decided, and the money is gone. Give courtesy access instead."
            raise Conflict(told, code="hold_not_releasable")
        return dict(hold)

    def _release(self, hold: Mapping[str, Any]) -> Release:
        return Release(hold_id=hold["id"], revokes=hold["revokes"], released_at=self._outlook.now())

    def _after(self, wish: ReleaseWish, hold: Mapping[str, Any], standing: Standing) -> str:
        snapshot = standing.facts.snapshot if standing.facts else None
        if snapshot is None:
            return self._outlook.said(standing.entitlement, None)
        with self._engine.connect() as connection:
            released = (*hold_releases.of_customer(connection, hold["customer_id"]), self._release(hold))
        holds = holds_from(snapshot, self._catalog.policy, released)
        return self._outlook.supposing(wish.reader_id, standing, holds=holds)
