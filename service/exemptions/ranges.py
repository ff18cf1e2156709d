"""IPv4 and IPv6 ranges: read from text, and asked whether they hold an address. Pure."""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SHORTEST_PREFIX = {4: 8, 6: 16}
_MAPPED_BITS = 96
"""`::ffff:0:0/96` holds IPv4 in IPv6's clothes (RFC 4291 §2.5.5.2)."""


class Address(NamedTuple):
    """An address as what it is to ranges: a number. `version` is 4 or 6."""

    version: int
    number: int


def address_of(text: str) -> Address:
    """Return the address; one of IPv4 written as IPv6 is of IPv4. Raises ValueError for what is none."""
    try:  # in C, at a fraction of the cost; what it does not take may still be an address
        return Address(4, int.from_bytes(socket.inet_pton(socket.AF_INET, text)))
    except OSError:
        address = _parsed(text)
        return Address(address.version, int(address))


def networks_of(text: str) -> list[Network]:
    """Return `192.0.2.0/24`, `2001:db8::/32`, one address, or `192.0.2.10-192.0.2.99` as networks.

    Raises ValueError with a reason for what is none of these, and for what is wider than anybody's network.
    """
    first, dash, last = text.partition("-")
    found = _span(first.strip(), last.strip()) if dash else [_unmapped(ipaddress.ip_network(text))]
    for network in found:
        if network.prefixlen < _SHORTEST_PREFIX[network.version]:
            raise ValueError(f"{text} is wider than anybody's network")
    return found


class Ranges:
    """A set of addresses: sorted networks without overlap, found by bisection."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = given = tuple(networks)
        # Two calls, for the standard library refuses to sort the two kinds together.
        fours = ipaddress.collapse_addresses(each for each in given if isinstance(each, ipaddress.IPv4Network))
        sixes = ipaddress.collapse_addresses(each for each in given if isinstance(each, ipaddress.IPv6Network))
        self._by_version = {4: _edges(fours), 6: _edges(sixes)}

    def __contains__(self, address: Address) -> bool:
        version, number = address
        starts, ends = self._by_version[version]
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= ends[at]


def _edges(networks: Iterable[Network]) -> tuple[list[int], list[int]]:
    pairs = [(int(each.network_address), int(each.broadcast_address)) for each in networks]
    return [first for first, _ in pairs], [last for _, last in pairs]


def _span(first: str, last: str) -> list[Network]:
    start, end = _parsed(first), _parsed(last)
    if start.version != end.version:
        raise ValueError(f"{first}-{last} begins and ends in different worlds")
    return list(ipaddress.summarize_address_range(start, end))


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _unmapped(network: Network) -> Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
