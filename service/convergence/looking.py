"""Everything at Stripe compared with ours, step by step: what differs, and where to go on after each step.

Three phases: every subscription with its newest invoice; then each invoice that we hold for unsettled and that was not
the newest, for an older debt may be paid without our hearing of it; then what stands against payments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import stripe
from sqlalchemy import Engine

from service.clocks import Clock
from service.convergence.differences import differences, gone, hold_differences, owed_difference
from service.convergence.hold_listing import listed_holds
from service.convergence.listing import EXPANDED, Stretch, pages, stretches
from service.domain.erasure import ERASED
from service.store import drift
from service.store.drift import Drift, Kept, Owed
from webhooks.failures import PermanentFailure, translated
from webhooks.rows import Forgotten, nobody_forgotten

PATIENCE = timedelta(minutes=10)
"""A hint younger than this is being applied: what it is about is not drift yet."""
OWED_FOR = timedelta(days=430)
"""No older debt opens anything when it is paid: a year, and the longest grace that the offer may give."""
OWED_BATCH = 20
SUBSCRIPTIONS, INVOICES, HOLDS = "subscriptions", "invoices", "holds"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step found. `reached` is where to go on after it; `compared` counts subscriptions."""

    found: Sequence[Drift]
    reached: Mapping[str, Any]
    compared: int = 0


class Looking:
    """Reads through `client`, whose pace the caller has set, and writes nothing."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        *,
        test_clock: str,
        wall_clock: Clock,
        forgotten: Forgotten = nobody_forgotten,
    ) -> None:
        self._engine = engine
        self._client = client
        self._test_clock = test_clock
        self._wall_clock = wall_clock
        self._forgotten = forgotten

    def steps(self, reached: Mapping[str, Any]) -> Iterator[Step]:
        """Yield step after step from where `reached` says (empty: from the beginning); raises StripeFailure."""
        phase = reached.get("phase", SUBSCRIPTIONS)
        seen: set[str] = set()  # invoices compared with their subscriptions; who goes on later asks of a few again
        if phase == SUBSCRIPTIONS:
            yield from self._subscriptions(_instant(reached.get("until")), seen)
        if phase in {SUBSCRIPTIONS, INVOICES}:
            yield from self._invoices(reached.get("after", ""), seen)
        yield from self._holds()

    def _subscriptions(self, until: datetime | None, seen: set[str]) -> Iterator[Step]:
        for stretch in self._stretches(until):
            further = {"phase": SUBSCRIPTIONS, "until": _seconds(stretch.after)}
            yield Step(
                found=self._drift_in(stretch),
                reached=further if stretch.after is not None else {"phase": INVOICES},
                compared=len(stretch.subscriptions),
            )
            latest = (each.get("latest_invoice") for each in stretch.subscriptions)
            seen.update(each["id"] for each in latest if isinstance(each, dict))

    def _stretches(self, until: datetime | None) -> Iterable[Stretch]:
        found = pages(self._client, self._wall_clock, test_clock=self._test_clock, until=until)
        return stretches(found, until)

    def _drift_in(self, stretch: Stretch) -> list[Drift]:
        listed = {each["id"]: each for each in stretch.subscriptions}
        with self._engine.connect() as connection:
            ours = drift.kept(connection, listed.keys(), after=stretch.after, until=stretch.until)
        found: list[Drift] = []
        for subscription_id in sorted(listed.keys() | ours.keys()):
            found += self._compared(subscription_id, listed.get(subscription_id), ours.get(subscription_id))
        return self._settled(found, stretch.asked_at)

    def _compared(self, subscription_id: str, listed: dict[str, Any] | None, ours: Kept | None) -> list[Drift]:
        theirs = listed or self._asked("subscriptions", subscription_id, expand=list(EXPANDED))
        if theirs is not None:
            return differences(theirs, ours)
        return [gone(ours)] if ours is not None else []

    def _invoices(self, after: str, seen: set[str]) -> Iterator[Step]:
        since = self._wall_clock() - OWED_FOR
        while True:
            with self._engine.connect() as connection:
                owed = drift.next_owed(connection, after, OWED_BATCH, since=since)
            if not owed:
                return
            after = owed[-1].id
            unseen = [each for each in owed if each.id not in seen]
            yield Step(found=self._paid_unheard(unseen), reached={"phase": INVOICES, "after": after})

    def _paid_unheard(self, owed: Sequence[Owed]) -> list[Drift]:
        asked_at = self._wall_clock()
        found = [one for each in owed for one in owed_difference(each, self._asked("invoices", each.id))]
        return self._settled(found, asked_at)

    def _holds(self) -> Iterator[Step]:
        """Compare what stands against payments of our readers; of others on the same Stripe account nothing is ours."""
        for page in listed_holds(self._client, self._wall_clock):
            with self._engine.connect() as connection:
                ours = drift.kept_holds(connection, [each.id for each in page.holds])
                known = drift.known_customers(connection, [each.customer_id for each in page.holds])
            found = [each for hold in page.holds if hold.customer_id in known for each in hold_differences(hold, ours)]
            yield Step(found=self._settled(found, page.asked_at), reached={"phase": HOLDS})

    def _asked(self, collection: str, thing_id: str, **params: Any) -> dict[str, Any] | None:
        """Ask for one thing: that it is gone is proved by a 404 alone, not by a list without it."""
        path = f"/v1/{collection}/{quote(thing_id, safe='')}"
        try:
            with translated():
                found: dict[str, Any] = self._client.raw_request("get", path, **params).data
        except PermanentFailure as failure:
            if failure.status == 404:
                return None
            raise
        return found

    def _settled(self, found: list[Drift], asked_at: datetime) -> list[Drift]:
        """Leave out whoever changed while Stripe was asked: a sync newer than the list, or a hint being applied.

        Also whoever was erased here: what Stripe has of them is no drift.
        """
        customers = {each.customer_id for each in found}
        with self._engine.connect() as connection:
            left_out = drift.in_flight(connection, customers, asked_at=asked_at, since=asked_at - PATIENCE)
            left_out |= {each for each in customers if each == ERASED or self._forgotten(connection, each)}
        return [each for each in found if each.customer_id not in left_out]


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
