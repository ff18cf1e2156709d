"""Counts over the journal, a day of it at a time: what was counted of a day stays when the day itself is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from service.numbers.record import Count

SHORTLY_BEFORE = timedelta(hours=24)
"""How long before a checkout what was read or walled may have led to it."""
UNSETTLED_DAYS = 3
"""Of so many days the counts may still grow: entries come late, and a checkout is open for a day."""


@dataclass(frozen=True, kw_only=True)
class RecordedDay:
    """One day of the journal, by when entries were written down (UTC)."""

    day: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Return the instants between which it lies."""
        begins_at = datetime.combine(self.day, time(), UTC)
        return begins_at, begins_at + timedelta(days=1)


def walls(connection: Connection, recorded: RecordedDay, zone: ZoneInfo) -> Iterator[Count]:
    """Yield the walls that were met, by kind and by the day of business time."""
    since, until = recorded.bounds
    rows = connection.execute(_WALLS, {"since": since, "until": until, "zone": zone.key})
    for row in rows:
        yield Count(figure="walls", day=row.day, key=row.kind, value=row.number)


def articles(connection: Connection, recorded: RecordedDay, zone: ZoneInfo) -> Iterator[Count]:
    """Yield which article each completed checkout of this day came after: the last wall or counted read before it."""
    since, until = recorded.bounds
    asked = {"since": since, "until": until, "zone": zone.key, "before": SHORTLY_BEFORE}
    for row in connection.execute(_ARTICLES, asked):
        yield Count(figure="articles", day=row.day, key=f"{row.how} {row.article_id}", value=row.number)


_WALLS = text("""
select (decided_at at time zone :zone)::date as day, wall_kind as kind, count(*) as number
from decisions
where recorded_at >= :since and recorded_at < :until and consume and not granted and wall_kind is not null
group by 1, 2
""")
_ARTICLES = text("""
select (last.decided_at at time zone :zone)::date as day, case when last.granted then 'read' else 'wall' end as how,
       last.article_id, count(*) as number
from checkouts cross join lateral (
  select decided_at, granted, article_id from (
    (select recorded_at, id, decided_at, granted, article_id from decisions
     where reader_id = checkouts.reader_id and consume and (counted or not granted)
       and recorded_at >= checkouts.created_at - cast(:before as interval) and recorded_at <= checkouts.created_at)
    union all
    (select recorded_at, decisions.id, decided_at, granted, article_id
     from visitor_links join decisions on decisions.visitor_id = visitor_links.visitor_id
     where visitor_links.reader_id = checkouts.reader_id and decisions.reader_id is null and consume
       and (counted or not granted)
       and recorded_at >= checkouts.created_at - cast(:before as interval) and recorded_at <= checkouts.created_at)
  ) as near order by recorded_at desc, id desc limit 1
) as last
where checkouts.status = 'complete' and checkouts.created_at >= :since and checkouts.created_at < :until
group by 1, 2, 3
""")
