"""What PostgreSQL does for a piece of work: its statements are asked again, explained, with the values they had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Engine, event

Plan = dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """The plans, by statement, of what was read during a piece of work."""

    plans: tuple[tuple[str, Plan], ...]

    @classmethod
    def during(cls, engine: Engine, work: Callable[[], Any]) -> Self:
        """Do the work, and explain every query it made."""
        asked: list[tuple[str, Any]] = []
        settings: list[str] = []

        def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.startswith("set local "):
                settings.append(statement)
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", keep)
        try:
            work()
        finally:
            event.remove(engine, "before_cursor_execute", keep)
        queries = [each for each in asked if each[0].lstrip(" (\n").lower().startswith(("select", "with"))]
        return cls(tuple((each, _explained(engine, settings, each, values)) for each, values in queries))

    @property
    def scanned(self) -> list[str]:
        """Return the tables that were read from end to end."""
        return sorted({node["Relation Name"] for node in self._nodes() if node["Node Type"] == "Seq Scan"})

    @property
    def rows(self) -> int:
        """Return how many rows of tables and indexes were looked at, those passed over included."""
        return sum(_looked_at(node) for node in self._nodes() if "Scan" in node["Node Type"])

    @property
    def pages(self) -> int:
        """Return how many of PostgreSQL's 8 KiB pages were touched."""
        return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for _, plan in self.plans)

    def _nodes(self) -> Iterator[Plan]:
        for _, plan in self.plans:
            yield from _below(plan)


def _explained(engine: Engine, settings: list[str], statement: str, values: Any) -> Plan:
    with engine.connect() as connection:
        for each in settings:
            connection.exec_driver_sql(each)
        (found,) = connection.exec_driver_sql(
            f"explain (analyze, buffers, format json) {statement}", values
        ).scalar_one()
    plan: Plan = found["Plan"]
    return plan


def _below(plan: Plan) -> Iterator[Plan]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _below(each)


def _looked_at(node: Plan) -> int:
    passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(node["Actual Rows"] + passed_over) * int(node["Actual Loops"])
