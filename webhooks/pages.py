"""Stripe's lists, read page by page."""

from __future__ import annotations

from itertools import islice
from typing import Any, TypeVar

import stripe

PAGE = 100
"""Stripe's largest."""
_Thing = TypeVar("_Thing", bound=stripe.StripeObject)


def dictionaries(first: stripe.ListObject[_Thing], limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` things of this page and those after it, as plain dictionaries."""
    return [each.to_dict() for each in islice(first.auto_paging_iter(), limit)]
