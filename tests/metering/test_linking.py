"""What an alias says, whichever release wrote it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.layout import pack_link
from metering.linking import link_in

LINK = pack_link(b"12345678", datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.mark.parametrize("state", [b"\0", b"\1"], ids=["waiting", "settled"])
def test_an_alias_is_a_link_and_the_day_of_its_last_use(state: bytes) -> None:
    """Claim: both are read whatever the state between them, the day with both its bytes."""
    assert link_in(LINK + state + (20_779).to_bytes(2)) == (LINK, 20_779)


def test_an_earlier_releases_alias_has_no_day() -> None:
    """Claim: it ends with its state, and was last used on day 0: any use is worth noting."""
    assert link_in(LINK + b"\1") == (LINK, 0)
