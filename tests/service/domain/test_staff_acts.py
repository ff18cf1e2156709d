"""Who of the staff may do what: the table in the code is the one in the documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from service.domain.staff import Role
from service.domain.staff_acts import LEAST_ROLE, LONGEST_COURTESY, StaffAct

SUPPORT = Path(__file__).parents[3] / "docs" / "support.md"


def test_the_documented_table_is_the_one_in_force() -> None:
    """Every act with its least role, none missing, none that is not there."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", SUPPORT.read_text(), re.MULTILINE)
    assert dict(rows) == {act.value: role.word for act, role in LEAST_ROLE.items()}
    assert set(LEAST_ROLE) == set(StaffAct)


def test_a_viewer_does_nothing_and_the_bound_grows_with_the_role() -> None:
    """No act is a viewer's, and none gives more courtesy than somebody above."""
    assert min(LEAST_ROLE.values()) > Role.VIEWER
    longest = [LONGEST_COURTESY[role] for role in Role]
    assert (longest, longest[:2]) == (sorted(longest), [timedelta(0), timedelta(days=31)])
