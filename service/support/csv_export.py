"""A search's accounts as CSV, for a spreadsheet: portion by portion, each on record before it is shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Any

from service.support.accounts import AccountQuery, Accounts, FoundAccount
from service.support.audit import NOBODY, Trail

COLUMNS = (
    "reader_id", "email", "customer_id", "status", "plan", "in_trial", "past_due", "cancelling", "created_at",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell (https://owasp.org/www-community/attacks/CSV_Injection)."""


def csv_export(accounts: Accounts, query: AccountQuery, trail: Trail) -> Iterator[str]:
    """Yield the lines of all accounts that match; raises at once what the first portion raises, so that it is told."""
    portions = accounts.pages(query)
    first = next(portions)
    if not first:
        trail.tell(**NOBODY)
    trail.showed(each.reader_id for each in first)
    return _text(first, portions, trail)


def _text(first: Sequence[FoundAccount], rest: Iterable[Sequence[FoundAccount]], trail: Trail) -> Iterator[str]:
    yield lines_of([COLUMNS]) + lines_of(_row(each) for each in first)
    for portion in rest:
        trail.showed(each.reader_id for each in portion)
        yield lines_of(_row(each) for each in portion)


def _row(account: FoundAccount) -> Iterable[Any]:
    created_at = account.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return (created_at if name == "created_at" else getattr(account, name) for name in COLUMNS)


def _cell(value: Any) -> str:
    """Return the cell; one that a spreadsheet would take for a formula is made text by an apostrophe."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines_of(rows: Iterable[Iterable[Any]]) -> str:
    """Return the rows as RFC 4180 has them, no cell of which a spreadsheet would compute."""
    written = io.StringIO()
    csv.writer(written).writerows([_cell(each) for each in row] for row in rows)
    return written.getvalue()
