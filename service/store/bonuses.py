"""Free articles that staff added."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert

from service.domain.bonuses import Bonus
from service.store.act_tables import meter_bonuses


def add(connection: Connection, reader_id: str, bonus: Bonus, **facts: Any) -> int:
    """Add a bonus, and return its number; the reader has an account."""
    row = {"reader_id": reader_id} | vars(bonus) | facts
    return int(connection.execute(insert(meter_bonuses).values(row).returning(meter_bonuses.c.id)).scalar_one())
