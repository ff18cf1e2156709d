"""What is packed comes back equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from metering.layout import LAYOUT, begun_window, head_of, over_at, pack_link, pack_pass, unpack_pass
from metering.meter import Pass
from metering.window import window_at

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

instants = st.datetimes(timezones=st.just(UTC))
passes = st.builds(
    Pass,
    version=st.integers(0, 2**63 - 1),
    valid_until=instants,
    refreshed_at=instants,
    absent=st.booleans(),
    payload=st.binary(max_size=200),
    extra=st.integers(0, 127),
)


@given(passes)
def test_a_pass_survives_packing(given_pass: Pass) -> None:
    """Claim: every pass comes back to the microsecond, and its first byte names the layout."""
    raw = pack_pass(given_pass)
    assert raw[0] == LAYOUT
    assert unpack_pass(raw) == given_pass


def test_the_next_release_reads_what_this_one_wrote() -> None:
    """Claim: layout 1 is these bytes for good; whoever changes them gives them another number."""
    at = datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC)
    tombstone = Pass(
        version=3, valid_until=datetime(2026, 12, 1, tzinfo=UTC), refreshed_at=at, absent=True, payload=b"x"
    )
    assert pack_pass(tombstone).hex() == "0101000000000000000300066187351f8000000660dc3778d00178"
    assert pack_link(b"12345678", at).hex() == "3132333435363738000660dc3778d001"


def test_a_rolling_value_begins_with_its_first_second() -> None:
    """Claim: a calendar's window has no head; a rolling one's is its first second, and leads back to it."""
    zone = ZoneInfo("Europe/Paris")
    month = window_at("month", NOW, zone)
    assert (head_of(month), over_at(month), begun_window(b"", month)) == (b"", 0, month)
    rolling = window_at("rolling", NOW, zone, days=3)
    assert int.from_bytes(head_of(rolling)) == int(NOW.timestamp())
    assert over_at(rolling) == int((NOW - timedelta(days=3)).timestamp())
    begun = begun_window(head_of(rolling), window_at("rolling", NOW + timedelta(days=2), zone, days=3))
    assert (begun.starts_at, begun.ends_at) == (NOW, NOW + timedelta(days=3))
