"""Visitors nobody has seen before: bounded by network and hour, so that dropping the cookie gains a scraper little."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from metering.guard import NetworkGuard, Ticket
from service import metrics
from service.exemptions.ranges import Address

_PREFIX = 48
"""Of IPv6, what one customer of a provider has; of IPv4 a /24 is a few hundred neighbours."""


class Newcomers:
    """Judges visitors without reads by the network they come from; without a bound or an address there is no guard."""

    def __init__(self, guard: NetworkGuard, *, bound: int | None) -> None:
        self._guard = guard
        self._bound = bound or 0
        self.are_guarded = bound is not None
        """Whether newcomers are judged at all."""

    def ticket(self, visitor_id: str, client_ip: Address, wall_now: datetime) -> Ticket:
        """Return what the meter needs to have a newcomer judged while it counts; then tell `judged`."""
        return self._guard.ticket(network_of(client_ip), visitor_id, bound=self._bound, wall_now=wall_now)

    def judged(self, *, admitted: bool) -> None:
        """Count a judgement that the meter has made."""
        metrics.count_newcomer(admitted=admitted)

    def admit(self, visitor_id: str, client_ip: Address, *, adds: bool, wall_now: datetime) -> bool:
        """Tell whether this newcomer fits into the network's hour, and with `adds` take a place in it.

        Raises MeterUnavailable.
        """
        admitted = self._guard.admits(
            network_of(client_ip), visitor_id, bound=self._bound, adds=adds, wall_now=wall_now
        )  # fmt: skip
        metrics.count_newcomer(admitted=admitted)
        return admitted


def network_of(client_ip: Address) -> str:
    """Return the /24 or /48 that the address lies in."""
    version, number = client_ip
    if version == 4:  # ipaddress takes ten times as long to say the same
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.0/24"
    return str(ipaddress.IPv6Network((number, _PREFIX), strict=False))
