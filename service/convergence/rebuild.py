"""After the loss of all derived tables and of Redis: the same entitlements again, from Stripe and the primary tables.

Versions of entitlements keep growing, because the newest is kept on the account, which is primary: a pass made before
the loss, or the tombstone published while nothing was known, is outbid by the one that follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import stripe
import structlog
from sqlalchemy import Engine

from service.access.passes import Publisher
from service.access.projection import Projection
from service.clocks import Clock
from service.convergence.listing import pages
from service.convergence.progress import Progress, Stopped, never, unseen
from service.store import rebuilding, runs
from service.store.rebuilding import Owner
from webhooks.concern import id_of
from webhooks.facts import PLAN_KEY, READER_KEY, metadata_of
from webhooks.failures import translated
from webhooks.rows import Forgotten, nobody_forgotten
from webhooks.syncs import Syncs

log = structlog.get_logger(__name__)

NAME = "rebuild"
BATCH = 100
SYNC_SECONDS = 30.0


@dataclass(kw_only=True)
class Rebuilt:
    """What a run came to, counted since it was begun or resumed."""

    restored: int = 0
    """Accounts, and customers at Stripe that were bound to none."""
    failed: list[str] = field(default_factory=list)
    """Customers who could not be synced; they stay marked and are tried again."""
    finished: bool = False


class Rebuild:
    """Syncs through `syncs` and lists through `client`, whose pace the caller has set; `parallel` customers at once."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        syncs: Syncs,
        projection: Projection,
        publisher: Publisher,
        *,
        test_clock: str,
        business_clock: Clock,
        wall_clock: Clock,
        forgotten: Forgotten = nobody_forgotten,
        parallel: int = 4,
    ) -> None:
        self._engine = engine
        self._client = client
        self._syncs = syncs
        self._projection = projection
        self._publisher = publisher
        self._test_clock = test_clock
        self._business_clock = business_clock
        self._wall_clock = wall_clock
        self._forgotten = forgotten
        self._parallel = parallel

    def run(self, *, anew: bool = False, progress: Progress = unseen, stopped: Stopped = never) -> Rebuilt:
        """Restore everybody, going on where an unfinished run stopped; raises StripeFailure when Stripe is away.

        `anew` begins at the first account whatever was done, for a second loss within a day of the first.
        First every account that may be entitled to anything, then whoever Stripe names as ours and no account does.
        """
        with self._engine.begin() as connection:
            run = runs.begin(connection, NAME, self._wall_clock(), anew=anew)
        rebuilt = Rebuilt()
        if self._accounts(run.reached.get("reader_id", ""), rebuilt, progress, stopped):
            return rebuilt
        for phase, found in (("customers", self._customers()), ("subscriptions", self._subscriptions())):
            if self._unknown(phase, found, rebuilt, progress, stopped):
                return rebuilt
        with self._engine.begin() as connection:
            numbers = {"restored": rebuilt.restored, "failed": len(rebuilt.failed)}
            runs.end(connection, run, self._wall_clock(), numbers)
        rebuilt.finished = True
        return rebuilt

    def _accounts(self, after: str, rebuilt: Rebuilt, progress: Progress, stopped: Stopped) -> bool:
        """Restore accounts by reader id; tell whether it was stopped."""
        with self._engine.connect() as connection:
            done, total = rebuilding.count_owners(connection, up_to=after), rebuilding.count_owners(connection)
        while True:
            with self._engine.begin() as connection:
                owners = rebuilding.next_owners(connection, after, BATCH)
                rebuilding.unpublish(connection, [each.reader_id for each in owners])
            if not owners:
                return False
            self._restore(owners, rebuilt)
            after, done = owners[-1].reader_id, done + len(owners)
            with self._engine.begin() as connection:
                runs.save(connection, NAME, {"reader_id": after}, self._wall_clock())
            progress("accounts", done, max(done, total))
            if stopped():
                return True

    def _restore(self, owners: Sequence[Owner], rebuilt: Rebuilt) -> None:
        customers = [each.customer_id for each in owners if each.customer_id is not None]
        self._sync(customers, rebuilt)
        for owner in owners:
            if owner.customer_id is None:
                self._recompute(owner.reader_id)
                rebuilt.restored += 1

    def _recompute(self, reader_id: str) -> None:
        """Restore a reader who is no customer, and has only what staff gave."""
        with self._engine.begin() as connection:
            self._projection.record_entitlement(connection, reader_id, now=self._business_clock(), cause="rebuild")
        self._publisher.publish(reader_id)

    def _sync(self, customer_ids: Sequence[str], rebuilt: Rebuilt) -> None:
        if customer_ids:
            self._ask_whether_stripe_answers()
        with ThreadPoolExecutor(self._parallel) as threads:
            outcomes = list(threads.map(lambda each: self._syncs.sync_now(each, SYNC_SECONDS), customer_ids))
        for customer_id, outcome in zip(customer_ids, outcomes, strict=True):
            if outcome.up_to_date:
                rebuilt.restored += 1
            else:
                rebuilt.failed.append(customer_id)
                log.warning("not_rebuilt", customer_id=customer_id, outcome=outcome)

    def _ask_whether_stripe_answers(self) -> None:
        """Raise before a batch rather than note a hundred failures, when it is Stripe that is away."""
        with translated():
            self._client.raw_request("get", "/v1/customers", limit=1)

    def _unknown(
        self, phase: str, found: Iterable[Sequence[str]], rebuilt: Rebuilt, progress: Progress, stopped: Stopped
    ) -> bool:
        """Sync those of Stripe's customers whom we hold nothing of, and never erased; tell whether it was stopped."""
        seen = 0
        for customer_ids in found:
            with self._engine.connect() as connection:
                left_out = rebuilding.with_snapshot(connection, customer_ids)
                left_out |= {each for each in customer_ids if self._forgotten(connection, each)}
            self._sync([each for each in dict.fromkeys(customer_ids) if each not in left_out], rebuilt)
            seen += len(customer_ids)
            progress(phase, seen, None)
            if stopped():
                return True
        return False

    def _customers(self) -> Iterator[list[str]]:
        """Yield, page by page, customers whose metadata names a reader."""
        params: dict[str, Any] = {"limit": BATCH} | ({"test_clock": self._test_clock} if self._test_clock else {})
        while True:
            with translated():
                answer = self._client.raw_request("get", "/v1/customers", **params).data
            yield [each["id"] for each in answer["data"] if metadata_of(each, READER_KEY)]
            if not answer["has_more"]:
                return
            params["starting_after"] = answer["data"][-1]["id"]

    def _subscriptions(self) -> Iterator[list[str]]:
        """Yield, page by page, customers of subscriptions that are to a plan of ours or name a reader."""
        for page in pages(self._client, self._wall_clock, test_clock=self._test_clock, until=None):
            yield [str(id_of(each["customer"])) for each in page.subscriptions if is_ours(each)]


def is_ours(subscription: Mapping[str, Any]) -> bool:
    """Tell whether Stripe's subscription sells a plan of ours or names a reader."""
    sold = [metadata_of(item["price"], PLAN_KEY) for item in subscription["items"]["data"]]
    return bool(metadata_of(subscription, READER_KEY)) or any(sold)
