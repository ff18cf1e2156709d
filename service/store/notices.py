"""Notices that the site was told of, in PostgreSQL: each once, whoever asks how often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from service.domain.notices import Notice
from service.store.notice_tables import notices_told


def note(
    connection: Connection, reader_id: str, notices: Iterable[Notice], *, as_of: datetime, told_at: datetime
) -> None:
    """Remember that the site was told these; when it was told one before, that stays."""
    rows = [
        {
            "id": each.id, "reader_id": reader_id, "kind": each.kind.value, "due_at": each.at,
            "amount_minor": each.amount.amount_minor, "currency": each.amount.currency, "as_of": as_of,
            "told_at": told_at,
        }
        for each in notices
    ]  # fmt: skip
    connection.execute(insert(notices_told).on_conflict_do_nothing(), rows)
