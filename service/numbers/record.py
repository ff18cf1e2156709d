"""Counts over the record: subscriptions and their invoices, all of them, each time anew. SQL and sums alone.

One pass over each table, whatever is asked: a million subscriptions take some seconds, of the worker's time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

KEPT_DAYS = 400
"""So many days back from today are counted: a year, and the same month of the year before."""
TRIAL, PAYING = "trial", "paying"
PLAN = "plan "
"""How the keys of plans begin: a plan may be called anything."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """One number of a figure, on a day."""

    figure: str
    day: date
    key: str
    value: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """So many subscriptions more (or less) of a kind since a day; `twelfths` is what they pay a month, times twelve."""

    kind: str
    plan: str
    currency: str
    day: date
    number: int
    twelfths: int


def counts(connection: Connection, zone: ZoneInfo, now: datetime) -> Iterator[Count]:
    """Yield every count of the record as of business `now`."""
    asked = {"zone": zone.key, "now": now}
    today = now.astimezone(zone).date()
    changes = [Change(**row) for row in connection.execute(_CHANGES, asked).mappings()]
    yield from standing(changes, today)
    ended = [(row.month, row.plan, row.number) for row in connection.execute(_ENDED, asked)]
    yield from churn(changes, ended, today)
    for figure, query in (("trials", _TRIALS), ("failed_payments", _FAILED)):
        yield from _spread(figure, (dict(row) for row in connection.execute(query, asked).mappings()))


def standing(changes: Sequence[Change], today: date) -> Iterator[Count]:
    """Yield how many subscriptions stood at each day's end, by plan, and what they pay a month, by currency."""
    first = today - timedelta(days=KEPT_DAYS - 1)
    levels: defaultdict[tuple[str, str], int] = defaultdict(int)
    by_day = defaultdict(list)
    for each in changes:
        by_day[max(each.day, first)].append(each)
    for number in range(KEPT_DAYS):
        day = first + timedelta(days=number)
        for each in by_day[day]:
            levels["active", f"{PLAN}{each.plan}" if each.kind == PAYING else TRIAL] += each.number
            if each.kind == PAYING:
                levels["mrr", each.currency] += each.twelfths
        yield from (Count(figure=figure, day=day, key=key, value=value) for (figure, key), value in levels.items())


def churn(changes: Sequence[Change], ended: Iterable[tuple[date, str, int]], today: date) -> Iterator[Count]:
    """Yield of each month how many were paying when it began, and how many of those have ended in it."""
    for month in months(today):
        began = sum(each.number for each in changes if each.kind == PAYING and each.day < month)
        if began:
            yield Count(figure="churn", day=month, key="at_start", value=began)
    first = min(months(today))
    lost: defaultdict[date, int] = defaultdict(int)
    for month, _plan, number in ended:
        lost[month] += number
    yield from (
        Count(figure="churn", day=month, key="ended", value=value) for month, value in lost.items() if month >= first
    )


def months(today: date) -> Sequence[date]:
    """Return the first days of this month and the twelve before, the newest first."""
    found = [today.replace(day=1)]
    for _ in range(12):
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found


def _spread(figure: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Count]:
    for row in rows:
        numbers = {name: value for name, value in row.items() if name != "day" and value}
        yield from (Count(figure=figure, day=row["day"], key=key, value=value) for key, value in numbers.items())


_OURS = """
  select plan, coalesce(currency, '') as currency,
         case interval when 'month' then amount_minor * 12 when 'year' then amount_minor else 0 end as twelfths,
         created_at, trial_end_at, ended_at, greatest(created_at, trial_end_at) as paying_at
  from subscriptions
  where plan is not null
    and (status in ('trialing', 'active', 'past_due') or (status = 'canceled' and ended_at is not null))
"""
_CHANGES = text(f"""
with ours as ({_OURS}), moments as (
  select 'trial' as kind, plan, currency, 0 as twelfths, created_at as at, 1 as number
  from ours where trial_end_at > created_at
  union all
  select 'trial', plan, currency, 0, least(trial_end_at, ended_at), -1 from ours where trial_end_at > created_at
  union all
  select 'paying', plan, currency, twelfths, paying_at, 1 from ours where ended_at is null or ended_at > paying_at
  union all
  select 'paying', plan, currency, twelfths, ended_at, -1 from ours where ended_at > paying_at
)
select kind, plan, currency, (at at time zone :zone)::date as day, sum(number)::bigint as number,
       coalesce(sum(number * twelfths), 0)::bigint as twelfths
from moments where at <= :now group by 1, 2, 3, 4
""")  # noqa: S608 - of constants
_ENDED = text(f"""
with ours as ({_OURS})
select date_trunc('month', ended_at at time zone :zone)::date as month, plan, count(*) as number
from ours
where ended_at <= :now and ended_at > paying_at
  and paying_at at time zone :zone < date_trunc('month', ended_at at time zone :zone)
group by 1, 2
""")  # noqa: S608 - of constants
_TRIALS = text("""
with paid as (select distinct subscription_id from invoices where amount_paid_minor > 0)
select (created_at at time zone :zone)::date as day, count(*) as started, count(paid.subscription_id) as converted,
       count(*) filter (where paid.subscription_id is null and trial_end_at > :now and ended_at is null) as running
from subscriptions left join paid on paid.subscription_id = subscriptions.id
where plan is not null and trial_end_at > created_at and created_at <= :now
  and status not in ('incomplete', 'incomplete_expired')
group by 1
""")
_FAILED = text("""
select (invoices.created_at at time zone :zone)::date as day, count(*) as failed,
       count(*) filter (where invoices.status = 'paid') as recovered,
       count(*) filter (where invoices.status = 'open' and not given_up) as retried,
       count(*) filter (where invoices.status in ('uncollectible', 'void')
                              or invoices.status = 'open' and given_up) as lost
from invoices join (
  select id, plan, status in ('canceled', 'incomplete_expired', 'unpaid', 'paused') as given_up from subscriptions
) as subscriptions on subscriptions.id = invoices.subscription_id
where plan is not null and invoices.created_at <= :now
  and attempt_count > case when invoices.status = 'paid' then 1 else 0 end
group by 1
""")
