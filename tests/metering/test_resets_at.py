"""What a reader is told about when the next article comes free is true to the second, whatever the calendar does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from metering.meter import Outcome, Subject, SubjectKind
from metering.window import window_at

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]
SECOND = timedelta(seconds=1)
_serial = itertools.count()

terms = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["day", "month"])}),
    st.fixed_dictionaries({"kind": st.just("week"), "first_weekday": st.integers(0, 6)}),
    st.fixed_dictionaries({"kind": st.just("rolling"), "days": st.integers(1, 40)}),
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    terms=terms,
    seconds=st.integers(
        int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2090, 1, 1, tzinfo=UTC).timestamp())
    ),
    zone=st.sampled_from(ZONES),
)
@example(terms={"kind": "day"}, seconds=int(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp()), zone="Europe/Paris")
@example(terms={"kind": "day"}, seconds=int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()), zone="Europe/Paris")
@example(terms={"kind": "month"}, seconds=int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp()), zone="Europe/Paris")
@example(terms={"kind": "week"}, seconds=int(datetime(2026, 12, 31, 23, 30, tzinfo=UTC).timestamp()), zone="UTC")
@example(
    terms={"kind": "day"}, seconds=int(datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC).timestamp()), zone="Pacific/Apia"
)
@example(
    terms={"kind": "rolling", "days": 1},
    seconds=int(datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp()),
    zone="Europe/Paris",
)
def test_the_wall_stands_until_the_instant_it_names(meter: Any, terms: dict[str, Any], seconds: int, zone: str) -> None:
    """Claim: over clock changes, leap days and year ends, a second before `resets_at` it stands, at it it is gone."""
    reader = Subject(SubjectKind.VISITOR, f"v-{next(_serial)}")

    def ask(article: str, now: datetime) -> tuple[Outcome, datetime]:
        window = window_at(now=now, zone=ZoneInfo(zone), **terms)
        found = meter.ask(reader, article, limit=1, window=window, consume=True, now=now, wall_now=now)
        return found.outcome, found.window.ends_at.astimezone(UTC)

    began = datetime.fromtimestamp(seconds, UTC)
    assert ask("a-1", began)[0] is Outcome.ROOM
    outcome, resets_at = ask("a-2", began)
    assert outcome is Outcome.FULL
    assert resets_at > began
    for before in (resets_at - SECOND, began + (resets_at - began) / 2):
        assert ask("a-2", max(before, began)) == (Outcome.FULL, resets_at)
    assert ask("a-2", resets_at)[0] is Outcome.ROOM
