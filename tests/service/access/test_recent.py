"""What was found out lately: believed for a while, and never more of it than was said."""

from __future__ import annotations

from service.access.recent import Recent


def test_a_fact_is_believed_for_its_time_alone() -> None:
    """Claim: up to the last moment and no longer; a clock that was set back makes it old."""
    recent = Recent[str](size=2, seconds=60)
    recent.add("v-1", "r-1", 100)
    assert recent.get("v-1", 100) == recent.get("v-1", 159.9) == "r-1"
    assert recent.get("v-1", 160) is None
    assert recent.get("v-1", 99.9) is None
    assert recent.get("v-2", 100) is None


def test_a_fact_that_is_false_is_one_too() -> None:
    """Claim: `False` found out is told apart from nothing known."""
    recent = Recent[bool](size=2, seconds=60)
    recent.add("r-1", False, 0)
    assert recent.get("r-1", 1) is False


def test_the_one_added_longest_ago_makes_room() -> None:
    """Claim: memory is bounded, and adding a fact again counts as new."""
    recent = Recent[int](size=2, seconds=60)
    for name, fact in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        recent.add(name, fact, 0)
    assert [recent.get(name, 0) for name in "abc"] == [3, None, 4]
