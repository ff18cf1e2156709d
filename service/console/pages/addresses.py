"""Where a reader's pages are, and which reader an address names."""

from __future__ import annotations

from urllib.parse import quote

from service.api.schemas import ReaderPath
from service.console.frame import Visit


def address_of(reader_id: str) -> str:
    """Return where an account's page is."""
    return f"/support/accounts/{quote(reader_id, safe='')}"


def reader_in(visit: Visit) -> str:
    """Return the reader named by the address; raises ValidationError for what can be none."""
    loaded: dict[str, str] = ReaderPath().load(visit.path)
    return loaded["reader_id"]
