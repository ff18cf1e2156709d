"""What happened to a town's accounts: Stripe's events, what staff looked at and did, answers kept, walls and reads.

One payer has a long story (hundreds of entries of each kind), and everybody else a short one, as in life.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Engine, text

from benchmarks.town import payer
from service.journal import partitions

DAYS = 20
"""Over how many days up to today what was decided is spread."""
_TOLD = """
insert into events (id, type, created_at, received_at, livemode, body, customer_id, mark, status)
select 'evt_' || substr(customer_id, 5), 'invoice.paid', created_at, created_at, false,
       convert_to('{"id": "evt", "type": "invoice.paid", "data": {"object": {"customer": "' || customer_id ||
                  '", "lines": "' || repeat(md5(customer_id), 20) || '"}}}', 'UTF8'), customer_id, 1, 'pending'
from accounts where customer_id is not null;
insert into events (id, type, created_at, received_at, livemode, body, customer_id, mark, status)
select 'evt_p' || n, 'invoice.paid', now(), now() - interval '1 day' * n, false,
       convert_to('{"id": "evt", "lines": "' || repeat(md5(n::text), 20) || '"}', 'UTF8'), :customer, 1, 'pending'
from generate_series(1, 200) n;
insert into events (id, type, created_at, received_at, livemode, body, status, reason)
select 'evt_n' || n, 'product.updated', now(), now(), false,
       convert_to('{"id": "evt", "lines": "' || repeat(md5(n::text), 20) || '"}', 'UTF8'), 'ignored',
       'concerns_no_customer'
from generate_series(1, :number / 500) n;
insert into customer_syncs (customer_id, dirty, synced) select customer_id, 1, 1 from accounts
where customer_id is not null;
insert into entitlements (reader_id, version, entitlement, as_of, cause)
select reader_id, 1, '{}', created_at, 'sync' from accounts where customer_id is not null and reader_id <> :payer;
insert into audit (seq, at, actor, act, erases, details_digest, previous, digest)
select n, now(), 'staff:' || n % 9, case when n % 9 = 0 then 'account.sync' else 'account.read' end, '{}', '', '', ''
from generate_series(1, :number / 4) n;
insert into audit_details (seq, salt, subjects, detail)
select n, '', array[case when n % (:number / 2000 + 1) = 0 then :payer
                         else 'r-' || lpad((n * 3 % :number)::text, 7, '0') end],
       '{"status": 200}'
from generate_series(1, :number / 4) n;
insert into idempotency_keys (api_key_id, key, request_digest, ticket, leased_until, status, body, created_at)
select 1, 'key-' || n, '', '', now(), 200, '{"reader": "r-' || lpad(n::text, 7, '0') || repeat('x', 400) || '"}', now()
from generate_series(1, :number / 100) n;
insert into decisions (recorded_at, id, decided_at, reader_id, article_id, article_access, consume, granted, reason,
                       counted, wall_kind, offers, trial_eligible, catalog_version)
select at, n, at, case when n % (:number / 1000) = 0 then :payer
                       else 'r-' || lpad((n::bigint * 7 % :number)::text, 7, '0') end,
       'article-' || n % 500, 'subscribers',
       true, false, 'subscribers_only', false, 'subscribe', '{monthly}', false, 'v'
from (select n, now() - interval '1 day' * (n % :days) as at from generate_series(1, :number / 5) n) as decided
"""
_BUSY = "events, customer_syncs, entitlements, audit, audit_details, idempotency_keys, decisions"


def live(engine: Engine, accounts: int, *, today: date) -> None:
    """Add what happened up to `today`, and let PostgreSQL learn of it."""
    number = payer(accounts)
    given = {"number": accounts, "payer": f"r-{number}", "customer": f"cus_{number}", "days": DAYS}
    with engine.begin() as connection:
        partitions.ensure(connection, (today - timedelta(days=each) for each in range(-1, DAYS + 1)))
        for statement in _TOLD.split(";"):
            asked = text(statement)
            connection.execute(asked, {name: given[name] for name in asked.compile().params})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"vacuum analyze {_BUSY}"))
