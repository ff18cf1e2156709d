"""One event into the record by one statement, which is its own transaction: stored, marked and queued, or none of it.

Stripe waits for the answer, so on an engine that commits by itself the whole costs one round trip. What the service
adds (how a job is queued, who is forgotten) comes as SQL, to be part of that statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from webhooks.rows import BUMP_UPSERT, FORGOTTEN_REASON, NOTHING, Work

UNIQUE_VIOLATION = "23505"


@dataclass(frozen=True)
class ForgottenSql:
    """How to tell in SQL that nothing may be kept of a customer: a `condition` on `%(known_as)s`, what they are
    remembered as."""

    condition: str = "false"
    known_as: Callable[[str], str] = str


@dataclass(frozen=True)
class Taken:
    """What became of an event that was not there before."""

    status: str
    reason: str | None
    customer_id: str | None


# The customer's row comes first: whoever syncs holds it, too, before anything else.
_STATEMENT = """
    with gone as (select {forgotten} as yes),
    hinted as (
        insert into customer_syncs (customer_id, dirty, dirty_since)
        select %(customer_id)s::text, 1, %(now)s::timestamptz from gone
        where not yes and %(customer_id)s::text is not null and %(reason)s::text is null
        and not exists (select from events where id = %(id)s::text)
        {bump} returning dirty, synced
    ),
    stored as (
        insert into events (id, type, created_at, received_at, livemode, api_version, account, body, status, reason,
                            customer_id, mark)
        select %(id)s::text, %(type)s::text, %(created_at)s::timestamptz, %(now)s::timestamptz, %(livemode)s::boolean,
               %(api_version)s::text, %(account)s::text,
               case when yes then %(nothing)s::bytea else %(body)s::bytea end,
               case when yes then 'ignored' else %(status)s::text end,
               case when yes then %(forgotten_reason)s::text else %(reason)s::text end,
               case when yes then null else %(customer_id)s::text end,
               (select dirty from hinted)
        from gone where not exists (select from events where id = %(id)s::text)
        returning status, reason, customer_id
    )
    select status, reason, customer_id,
        case when status <> 'pending' then null
             when customer_id is null then ({route})::text
             when (select dirty - 1 <= synced from hinted) then ({sync})::text end
    from stored
"""


class TakingIn:
    """Takes events in. `queue` is an SQL expression that queues a job, of `{work}` (as in `Work`) on `{subject}`.

    A customer who was dirty already has a job queued, or a holder that queues one when it sees the new mark; a burst
    of events costs one sync and not one job each.
    """

    def __init__(self, engine: Engine, *, queue: str, forgotten: ForgottenSql) -> None:
        self._engine = engine
        self._forgotten = forgotten
        self._sql = _STATEMENT.format(
            forgotten=forgotten.condition,
            bump=BUMP_UPSERT,
            route=queue.format(work=f"'{Work.ROUTE}'", subject="%(id)s::text"),
            sync=queue.format(work=f"'{Work.SYNC}'", subject="customer_id"),
        )

    def take(self, event: Mapping[str, Any], now: datetime) -> Taken | None:
        """Store the event, mark the customer it names unless it is ignored for a `reason`, and queue what to do.

        None for an event that was stored before. Of two deliveries at the same moment the later waits for the first
        one's commit, and is then undone. Raises what the database raises.
        """
        customer_id = event["customer_id"]
        known_as = None if customer_id is None else self._forgotten.known_as(customer_id)
        fixed = {"now": now, "known_as": known_as, "nothing": NOTHING, "forgotten_reason": FORGOTTEN_REASON}
        try:
            with self._engine.begin() as connection:
                row = connection.exec_driver_sql(self._sql, {**event, **fixed}).one_or_none()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION:
                return None
            raise
        return None if row is None else Taken(*row[:3])
