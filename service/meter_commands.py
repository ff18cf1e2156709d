"""The commands about the meter: what another one would have done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metering.window import KINDS, ROLLING
from service.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from service.domain.catalog import Catalog
    from service.journal.what_if import Day

NOTE = """What the journal cannot know: articles that nobody tried to read after a wall, so under a more generous meter
more walls would be met than shown; an article read a second time, which is not remembered and might count
again in another window; and what came before the first remembered day. Subscribers meet no meter and are not
in it."""

_COUNT = click.IntRange(min=0)
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def meter() -> None:
    """Learn from what the meter counted."""


@meter.command("what-if")
@click.option("--limit", type=_COUNT, help="Free articles for everybody.")
@click.option("--visitor-limit", type=_COUNT, help="Free articles for visitors, other than for readers.")
@click.option("--reader-limit", type=_COUNT, help="Free articles for signed-in readers, other than for visitors.")
@click.option("--window", type=click.Choice(sorted(KINDS)), help="When they come back.")
@click.option("--days", type=click.IntRange(1, 366), help="How many days a rolling window lasts.")
@click.option("--from", "first", type=_DAY, help="The first day to report; all remembered ones unless told.")
@click.option("--to", "last", type=_DAY, help="The last day to report.")
@click.option(
    "--plot", "plot_file", type=click.Path(dir_okay=False, writable=True), default="what-if.svg", show_default=True,
    help="Where to draw the same, as SVG.",
)  # fmt: skip
def what_if(
    limit: int | None, visitor_limit: int | None, reader_limit: int | None, window: str | None, days: int | None,
    first: datetime | None, last: datetime | None, plot_file: str,
) -> None:  # fmt: skip
    """Replay the journal under another meter: walls gained and lost, per day."""
    _refuse_contradictions(first, last, Path(plot_file))
    from rich.console import Console

    from service.catalog.load import load_catalog
    from service.journal.what_if import with_meter
    from service.journal.what_if_plot import plot

    settings = Settings.from_environment()
    present = load_catalog(Path(settings.plans_file))
    other = with_meter(
        present,
        limit_visitor=limit if visitor_limit is None else visitor_limit,
        limit_reader=limit if reader_limit is None else reader_limit,
        window=window,
        rolling_days=days,
    )
    _refuse_odd_days(other, days)
    found = _replayed(settings, other, first.date() if first else None, last.date() if last else None)
    if not found:
        raise click.ClickException("the journal remembers no metered read or wall of those days")
    title = f"{_terms(other)} instead of {_terms(present)}"
    Console().print(_table(found, title))
    Path(plot_file).write_text(plot(found, f"Walls gained and lost: {title}"), encoding="utf-8")
    click.echo(f"Drawn in {plot_file}.\n\n{NOTE}")


def _refuse_contradictions(first: datetime | None, last: datetime | None, plot_file: Path) -> None:
    """Raise UsageError for what a long replay would find out at its end."""
    if first is not None and last is not None and first > last:
        raise click.UsageError("--from is after --to")
    if not plot_file.absolute().parent.is_dir():
        raise click.UsageError(f"--plot: there is no folder {plot_file.absolute().parent}")


def _refuse_odd_days(other: Catalog, days: int | None) -> None:
    """Raise UsageError where the number of days is missing, or would be passed over."""
    window = other.meter.window
    if window == ROLLING and not other.meter.rolling_days:
        raise click.UsageError("a rolling window needs --days")
    if window != ROLLING and days is not None:
        raise click.UsageError(f"--days belongs to a rolling window, not to a {window}")


def _replayed(settings: Settings, other: Catalog, first: date | None, last: date | None) -> dict[date, Day]:
    """Return the days asked for, of a replay of all before: a window may have begun long before the first."""
    from service.journal.reading import tries
    from service.journal.what_if import WhatIf
    from service.progress import long_work
    from service.store.database import make_engine

    replay = WhatIf(other)
    end = datetime.combine((last or date.max - timedelta(days=2)) + timedelta(days=1), time(), other.zone)
    engine = make_engine(settings.database_url, deadline_seconds=600)
    with long_work() as bars:
        replay.replay(tries(engine, until=end.astimezone(UTC), progress=bars))
    return {
        day: found
        for day, found in sorted(replay.days.items())
        if (first is None or day >= first) and (last is None or day <= last)
    }


def _terms(catalog: Catalog) -> str:
    terms = catalog.meter
    every = f"in {terms.rolling_days} days" if terms.window == ROLLING else f"a {terms.window}"
    return f"{terms.limit_visitor} (visitors) and {terms.limit_reader} (readers) {every}"


def _table(days: Mapping[date, Day], title: str) -> Table:
    from rich.table import Table

    table = Table("day", title=title)
    for column in ("counted reads", "walls", "walls gained", "walls lost", "walls then"):
        table.add_column(column, justify="right")
    rows = [(str(day), [it.reads, it.walls, it.gained, it.lost]) for day, it in days.items()]
    rows.append(("all", [sum(column) for column in zip(*(numbers for _, numbers in rows), strict=True)]))
    for name, (reads, walls, gained, lost) in rows:
        numbers = (reads, walls, gained, lost, walls + gained - lost)
        table.add_row(name, *map(str, numbers), end_section=name == str(max(days)))
    return table
