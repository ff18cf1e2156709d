"""What people see of long work: bars while it runs, a table of what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from webhooks.failures import StripeFailure

MOST_ROWS = 200


class Bars:
    """Shows one bar for each phase of long work."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._phases: dict[str, TaskID] = {}

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        if phase not in self._phases:
            self._phases[phase] = self._shown.add_task(phase, total=total)
        self._shown.update(self._phases[phase], completed=done, total=total)


@contextmanager
def long_work() -> Iterator[Bars]:
    """Show progress on the error stream, so that a result can be piped; say in one line when Stripe is away."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as shown:
            yield Bars(shown)
    except StripeFailure as failure:
        raise click.ClickException(
            f"Stripe failed ({failure}). Run it again: it goes on where it stopped."
        ) from failure


def drift_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return rows of `drift` as a table, the first two hundred of them."""
    table = Table("customer", "subscription", "drift", "field", "ours", "Stripe's", "repaired")
    for row in rows[:MOST_ROWS]:
        same = (row["customer_id"], row["subscription_id"], row["kind"], row["field"], row["ours"], row["theirs"])
        table.add_row(*(each or "" for each in same), "yes" if row["repaired_at"] else "no")
    if len(rows) > MOST_ROWS:
        table.caption = f"{len(rows) - MOST_ROWS} more in the table `drift`"
    return table
