"""What is packed comes back equal."""

from __future__ import annotations

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from metering.layout import LAYOUT, pack_pass, unpack_pass
from metering.meter import Pass

instants = st.datetimes(timezones=st.just(UTC))
passes = st.builds(
    Pass,
    version=st.integers(0, 2**63 - 1),
    valid_until=instants,
    refreshed_at=instants,
    absent=st.booleans(),
    payload=st.binary(max_size=200),
)


@given(passes)
def test_a_pass_survives_packing(given_pass: Pass) -> None:
    """Claim: every pass comes back to the microsecond, and its first byte names the layout."""
    raw = pack_pass(given_pass)
    assert raw[0] == LAYOUT
    assert unpack_pass(raw) == given_pass
