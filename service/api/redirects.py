"""Addresses to which Stripe sends the reader back: refused outside the site's own origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.domain.redirects import redirect_fault
from service.errors import InvalidRequest


def refuse_foreign(body: Mapping[str, Any], names: Sequence[str], origins: Sequence[str]) -> None:
    """Raise InvalidRequest (422) naming each of the fields `names` that leads away from `origins`."""
    faults = {name: redirect_fault(body[name], origins) for name in names}
    errors = {name: [f"The address {fault}."] for name, fault in faults.items() if fault}
    if errors:
        raise InvalidRequest("The request has fields at fault.", errors=errors)
