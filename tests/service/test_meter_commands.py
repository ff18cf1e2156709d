"""`newsstand meter what-if` on decisions that the service itself made and wrote down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.access.question import Question
from service.cli import main
from service.domain.decision import Access, Article
from service.journal import reading

ROOT = Path(__file__).parents[2]


@pytest.fixture
def journaled(parts: Any) -> Any:
    """Two readers' first days under one article a month: three reads, three walls; and a browser that signed in."""

    def ask(article: str, reader: str | None, visitor: str | None = None, **more: Any) -> None:
        asked = Article(id=article, access=more.pop("access", Access.METERED))
        parts.gate.decide(
            Question(articles=[asked], reader_id=reader, visitor_id=visitor, consume=more.get("consume", True))
        )[0]

    for reader in ("r-1", "r-2"):
        ask("a-1", reader)
        ask("a-2", reader)
    parts.clock.advance(timedelta(days=1))
    ask("a-1", None, "v-1")
    ask("a-2", "r-3", "v-1")
    ask("a-2", None, "v-1")
    ask("a-3", "r-1", consume=False)
    ask("a-3", "r-1", access=Access.SUBSCRIBERS)
    parts.journal.close()
    return parts


@pytest.fixture
def what_if(database_url: str, tmp_path: Path) -> Any:
    """Run the command, drawing into `tmp_path`."""
    environment = {
        "DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0",
        "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef", "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_ORIGINS": "https://www.daily.example", "PLANS_FILE": str(ROOT / "plans.yaml"),
    }  # fmt: skip

    def run(*arguments: str) -> Result:
        plot = ("--plot", str(tmp_path / "plot.svg"))
        return CliRunner().invoke(main, ["meter", "what-if", *plot, *arguments], env=environment)

    return run


def rows(result: Result) -> dict[str, list[int]]:
    """Return the table's rows: reads, walls, gained, lost, and the walls there would be."""
    assert result.exit_code == 0, result.output
    cells = [
        [cell.strip() for cell in line.strip("│ ").split("│")] for line in result.output.splitlines() if "│" in line
    ]
    return {row[0]: [int(number) for number in row[1:]] for row in cells}


def test_the_present_meter_changes_nothing(journaled: Any, what_if: Any) -> None:
    """Peeks and articles for subscribers are no walls of the meter; a linked browser shares its reader's count."""
    assert rows(what_if()) == {
        "2026-11-10": [2, 2, 0, 0, 2],
        "2026-11-11": [1, 2, 0, 0, 2],
        "all": [3, 4, 0, 0, 4],
    }


def test_a_wider_meter_spares_walls(journaled: Any, what_if: Any, tmp_path: Path) -> None:
    """With three articles a week nobody who came would have met a wall; the drawing says the same."""
    result = what_if("--limit", "3", "--window", "week")
    assert rows(result)["all"] == [3, 4, 0, 4, 0]
    assert "What the journal cannot know" in result.output
    drawing = (tmp_path / "plot.svg").read_text()
    assert "3 (visitors) and 3 (readers) a week instead of 1 (visitors) and 1 (readers) a month" in drawing
    assert "2026-11-10: 2 lost" in drawing


def test_visitors_and_readers_may_be_told_apart(journaled: Any, what_if: Any) -> None:
    """No free article for visitors: a wall more, and an article left for the reader who then signs in."""
    assert rows(what_if("--visitor-limit", "0"))["all"] == [3, 4, 1, 2, 3]
    assert rows(what_if("--reader-limit", "2"))["all"] == [3, 4, 0, 4, 0]
    assert rows(what_if("--limit", "2", "--visitor-limit", "1")) == rows(what_if("--reader-limit", "2"))


def test_a_rolling_window_has_a_number_of_days(journaled: Any, what_if: Any, tmp_path: Path) -> None:
    """Three articles in seven days; without the number nobody can tell."""
    assert rows(what_if("--limit", "3", "--window", "rolling", "--days", "7"))["all"] == [3, 4, 0, 4, 0]
    assert "3 (visitors) and 3 (readers) in 7 days" in (tmp_path / "plot.svg").read_text()
    refused = what_if("--window", "rolling")
    assert (refused.exit_code, "needs --days" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--window", "week", "--days", "3"), "--days belongs to a rolling window"),
        (("--days", "7"), "--days belongs to a rolling window, not to a month"),
        (("--from", "2026-12-01", "--to", "2026-11-01"), "--from is after --to"),
        (("--plot", "/no/such/folder/plot.svg"), "there is no folder"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_replay(
    arguments: tuple[str, ...], complaint: str, what_if: Any
) -> None:
    """Not after half a minute, and never passed over in silence."""
    refused = what_if(*arguments)
    assert refused.exit_code == 2
    assert complaint in refused.output


def test_only_the_days_asked_for_are_told(journaled: Any, what_if: Any) -> None:
    """The days before them still count for the meter; days without any decision are said to be empty."""
    assert list(rows(what_if("--from", "2026-11-11", "--to", "2026-11-30"))) == ["2026-11-11", "all"]
    assert list(rows(what_if("--to", "2026-11-10"))) == ["2026-11-10", "all"]
    nothing = what_if("--from", "2026-12-01")
    assert (nothing.exit_code, "remembers no metered read" in nothing.output) == (1, True)


def test_a_browser_belongs_to_its_reader_only_from_the_link_on(journaled: Any) -> None:
    """Its first read was its own; later ones, signed out or not, count for the reader."""
    found = list(reading.tries(journaled.engine, until=datetime(2027, 1, 1, tzinfo=UTC)))
    of_browser = [(each.reader_id, each.signed_in, each.counted) for each in found if each.visitor_id == "v-1"]
    assert of_browser == [(None, False, True), ("r-3", True, False), ("r-3", False, False)]
