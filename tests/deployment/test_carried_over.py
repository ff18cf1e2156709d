"""What a migration carries over from the tables that a rule was read from before."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, text

from sandbox.servers import Postgres
from service.store.database import make_engine
from service.store.migrate import alembic_config


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[Engine]:
    """A database without any table."""
    address = f"postgresql://newsstand@127.0.0.1:{postgres.port}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
        admin.execute("create database carried_over")
        engine = make_engine(f"{address}/carried_over")
        yield engine
        engine.dispose()
        admin.execute("drop database carried_over with (force)")


def test_whom_a_dispute_bars_is_carried_over(empty: Engine) -> None:
    """Who disputed before the upgrade may have no trial after it either; a dispute that was won bars nobody."""
    config = alembic_config()
    with empty.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        for number, blocks in ((1, True), (2, False)):
            known = {"reader": f"r-{number}", "customer": f"cus_{number}", "id": f"du_{number}", "blocks": blocks}
            connection.execute(text("insert into accounts (reader_id, customer_id) values (:reader, :customer)"), known)
            connection.execute(
                text("insert into holds (id, customer_id, kind, status, amount_minor, currency, charge_id, from_at, "
                     "blocks, revokes) values (:id, :customer, 'dispute', 'lost', 290, 'usd', 'ch_1', now(), :blocks, "
                     "false)"), known,
            )  # fmt: skip
        command.upgrade(config, "0017")
        found = connection.execute(
            text("select kind, value, dispute_id, reader_id from trial_bars order by kind")
        ).all()
    assert found == [("customer", "cus_1", "du_1", "r-1"), ("reader", "r-1", "du_1", "r-1")]
