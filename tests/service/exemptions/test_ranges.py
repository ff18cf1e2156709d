"""Address ranges: the bisection agrees with `ipaddress` asked network by network."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.exemptions.ranges import Address, Network, Ranges, address_of, networks_of

Plain = ipaddress.IPv4Address | ipaddress.IPv6Address
V4 = st.builds(
    lambda number, prefix: ipaddress.ip_network((number, prefix), strict=False),
    st.integers(0, 2**32 - 1), st.integers(8, 32),
)  # fmt: skip
V6 = st.builds(
    lambda number, prefix: ipaddress.ip_network((number, prefix), strict=False),
    st.integers(2**32, 2**128 - 1), st.integers(16, 128),
)  # fmt: skip
NETWORKS = st.lists(V4 | V6, max_size=20)
ANYWHERE = st.ip_addresses()


@given(NETWORKS, st.data())
def test_membership_is_what_ipaddress_says(networks: list[Network], data: st.DataObject) -> None:
    """Nested, adjoining and repeated networks of both kinds; addresses within, at the edges, beside, and anywhere."""
    edges = [
        type(edge)(int(edge) + step)
        for network in networks
        for edge in (network.network_address, network.broadcast_address)
        for step in (-1, 0, 1)
        if 0 <= int(edge) + step < 2**edge.max_prefixlen
    ]
    address: Plain = data.draw(st.sampled_from(edges) | ANYWHERE if edges else ANYWHERE)
    assert (_ours(address) in Ranges(networks)) == any(address in network for network in networks)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_a_span_holds_exactly_what_lies_between(one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
    """`first-last` is both ends and all between, as long as no part of it is wider than anybody's network."""
    first, last = sorted((one, other))
    if any(network.prefixlen < 8 for network in ipaddress.summarize_address_range(first, last)):
        with pytest.raises(ValueError, match="wider"):
            networks_of(f"{first}-{last}")
        return
    ranges = Ranges(networks_of(f"{first}-{last}"))
    for number in (int(first) - 1, int(first), (int(first) + int(last)) // 2, int(last), int(last) + 1):
        if 0 <= number < 2**32:
            assert (Address(4, number) in ranges) == (int(first) <= number <= int(last))


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("192.0.2.1"))
def test_ipv4_in_the_clothes_of_ipv6_is_ipv4(address: ipaddress.IPv4Address) -> None:
    """A dual-stack server sees `::ffff:192.0.2.1`; it is 192.0.2.1, in ranges too."""
    assert address_of(f"::ffff:{address}") == _ours(address)
    assert _ours(address) in Ranges(networks_of(f"::ffff:{address}/128"))
    assert _ours(address) in Ranges(networks_of(f"{address}"))


def test_what_is_no_range_is_told() -> None:
    """Each with the reason that the editor of a file needs."""
    told = {
        "192.0.2.1/24": "has host bits set",
        "192.0.2.0/33": "does not appear to be",
        "example.com": "does not appear to be",
        "0.0.0.0/0": "wider than anybody's network",
        "::/0": "wider than anybody's network",
        "0.0.0.0-255.255.255.255": "wider than anybody's network",
        "::ffff:0:0/96": "wider than anybody's network",
        "192.0.2.9-192.0.2.1": "last IP address must be greater than first",
        "192.0.2.1-2001:db8::1": "different worlds",
        "-": "does not appear to be",
        "": "does not appear to be",
    }
    for text, reason in told.items():
        with pytest.raises(ValueError, match=reason):
            networks_of(text)


def test_nothing_is_in_no_range() -> None:
    """An empty list opens nothing."""
    assert address_of("192.0.2.1") not in Ranges([])
    assert address_of("2001:db8::1") not in Ranges([])


OCTETS = st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "1a", "-1", "\uff11", "1\n", "1\0"])


@given(st.lists(OCTETS, min_size=3, max_size=5).map(".".join) | ANYWHERE.map(str) | st.text("0123456789abf.:%/ "))
@example("fe80::1%eth0")
@example("::ffff:192.0.2.1")
def test_an_address_is_what_the_standard_library_takes_for_one(text: str) -> None:
    """Whatever is sent, C's parser and Python's take the same for the same address, and refuse the same."""
    try:
        plain = ipaddress.ip_address(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - whose words are the library's
            address_of(text)
        return
    mapped = plain.ipv4_mapped if plain.version == 6 else None
    assert address_of(text) == _ours(mapped or plain)


def _ours(address: Plain) -> Address:
    return Address(address.version, int(address))
