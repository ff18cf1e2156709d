"""What is asked for in a search's address, for the API and the console alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.api.cursors import place
from service.store.account_search import AccountQuery, Order
from service.support.accounts import FoundAccount
from service.support.audit import NOBODY, Trail


def query_from(asked: Mapping[str, Any]) -> AccountQuery:
    """Return the query that `schemas.AccountsQuery` has let in; raises ValidationError for another list's cursor."""
    prefix = asked.get("q")
    return AccountQuery(
        prefix=prefix,
        status=asked.get("status"),
        plan=asked.get("plan"),
        order=Order(asked.get("sort", Order.NEWEST)),
        after=place(asked.get("cursor"), by_match=prefix is not None),
        in_trial="in_trial" in asked,
        past_due="past_due" in asked,
        cancelling="cancelling" in asked,
        on_hold="on_hold" in asked,
        courtesy="courtesy" in asked,
    )


def note_filter(trail: Trail, query: AccountQuery) -> None:
    """Keep which status was asked for; an entry's `status` is that of the answer."""
    if query.status is not None:
        trail.tell(filter_status=query.status)


def note_found(trail: Trail, found: Sequence[FoundAccount]) -> None:
    """Keep whom a search showed, and what was looked for only if it led to somebody."""
    trail.about(*(each.reader_id for each in found))
    if not found:
        trail.tell(**NOBODY)
