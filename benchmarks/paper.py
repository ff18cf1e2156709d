"""A large paper in a database of its own, made once a run: what support searches in and looks at."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import text

from benchmarks.history import live
from benchmarks.servers import Backdrop
from benchmarks.town import fill
from service.clocks import wall_clock
from service.store.database import make_engine
from service.store.migrate import migrate

FILL_SECONDS = 600.0
DATABASE = "paper"


def paper(backdrop: Backdrop, accounts: int) -> str:
    """Return the address of the database, filled with `accounts` accounts and what happened to them."""
    address = urlunsplit(urlsplit(backdrop.postgres.url)._replace(path=f"/{DATABASE}"))
    if _is_new(backdrop):
        engine = make_engine(address, deadline_seconds=FILL_SECONDS, pool_size=1)
        migrate(engine)
        fill(engine, accounts)
        live(engine, accounts, today=wall_clock().date())
        engine.dispose()
    return address


def _is_new(backdrop: Backdrop) -> bool:
    """Make the database, unless another measurement has."""
    engine = make_engine(backdrop.postgres.url, pool_size=1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        known = connection.scalar(text("select 1 from pg_database where datname = :name"), {"name": DATABASE})
        if known is None:
            connection.execute(text(f"create database {DATABASE}"))
    engine.dispose()
    return known is None
