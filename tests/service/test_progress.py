"""What people see of long work: a bar for each phase, on the error stream; a table of what was found."""

from __future__ import annotations

import io
from typing import Any

import click
import pytest
from rich.console import Console
from rich.progress import Progress

from service.progress import MOST_ROWS, Bars, drift_table, long_work
from webhooks.failures import PermanentFailure


def test_each_phase_has_one_bar_that_moves() -> None:
    """Told of again it moves on; its total may grow, and need not be known."""
    with Progress(console=Console(file=io.StringIO())) as shown:
        bars = Bars(shown)
        for phase, done, total in (("customers", 1, 4), ("passes", 7, None), ("customers", 4, 5)):
            bars(phase, done, total)
        assert [(each.description, each.completed, each.total) for each in shown.tasks] == [
            ("customers", 4, 5), ("passes", 7, None),
        ]  # fmt: skip


def test_bars_stay_out_of_what_is_piped(capsys: pytest.CaptureFixture[str]) -> None:
    """A report can be written into a file while the bar is watched."""
    with long_work() as bars:
        bars("subscriptions", 3, 3)
    said = capsys.readouterr()
    assert said.out == ""
    assert "subscriptions" in said.err
    assert "3/3" in said.err


def test_a_stripe_that_is_away_is_one_line() -> None:
    """No traceback, and what to do."""
    with pytest.raises(click.ClickException, match="goes on where it stopped"), long_work():
        raise PermanentFailure("AuthenticationError")


@pytest.mark.parametrize(("count", "caption"), [(1, None), (MOST_ROWS + 3, "3 more in the table `drift`")])
def test_a_long_report_is_cut_and_says_so(count: int, caption: str | None) -> None:
    """Two hundred rows are more than anybody reads."""
    row: dict[str, Any] = dict.fromkeys(("customer_id", "subscription_id", "kind", "field", "theirs"), "x")
    table = drift_table([row | {"ours": None, "repaired_at": None}] * count)
    assert (table.row_count, table.caption) == (min(count, MOST_ROWS), caption)
