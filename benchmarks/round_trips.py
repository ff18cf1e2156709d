"""How often one decision goes to Redis and back: counted at Valkey, not assumed."""

from __future__ import annotations

import redis

from benchmarks.decisions import APPS, OURS
from benchmarks.findings import Finding, Section
from benchmarks.load import Target, ask
from benchmarks.questions import SUBSCRIBERS, page_view
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

ASKED = 50


def measure(backdrop: Backdrop, _scale: Scale) -> list[Section]:
    """Ask on behalf of each kind of reader, with nobody else at that Valkey."""
    app, expected = APPS[OURS]
    port = backdrop.serve(app).port
    key = backdrop.site_key

    def trips(requests: list[bytes]) -> float:
        return _round_trips(backdrop.valkey.url, Target(port=port, requests=requests, expected=expected))

    trips([page_view(key, article=0, visitor_id="warm-up")])  # connections, scripts, the API keys
    linked = [page_view(key, article=0, reader_id=f"linked-{n}", visitor_id=f"browser-{n}") for n in range(ASKED)]
    trips(linked)
    found = {
        "a visitor": trips([page_view(key, article=n % 3, visitor_id=f"counted-{n}") for n in range(ASKED)]),
        "a subscriber": trips([page_view(key, article=0, reader_id=f"subscriber-{n}") for n in range(SUBSCRIBERS)]),
        "a signed-in reader, known": trips([page_view(key, article=0, reader_id=f"linked-{n}") for n in range(ASKED)]),
        "a linked browser, signed out": trips(
            [page_view(key, article=0, visitor_id=f"browser-{n}") for n in range(ASKED)]
        ),
        "a reader not seen for a minute": trips(
            [page_view(key, article=0, reader_id=f"unknown-{n}") for n in range(ASKED)]
        ),
    }
    found["a fresh visitor under the guard"] = trips(
        [page_view(key, article=0, visitor_id=f"fresh-{n}", client_ip="203.0.113.7") for n in range(ASKED)]
    )
    return [_section(found)]


def _section(found: dict[str, float]) -> Section:
    twice = ("a linked browser, signed out", "a reader not seen for a minute", "a fresh visitor under the guard")
    goals = dict.fromkeys(twice, 2.0)
    findings = []
    for who, count in found.items():
        goal = goals.get(who, 1.0)
        findings.append(
            Finding(
                what=f"round trips for {who}", figure=f"{count:.2f}", beside="", goal=f"{goal:g}", reached=count <= goal
            )
        )
    return Section(
        title="Round trips to Redis",
        how=(
            "Counted by Valkey itself (`total_reads_processed`), one decision after the other. A reader not seen for a "
            "minute is asked, looked up in PostgreSQL, noted, and asked again."
        ),
        findings=findings,
        bars=found,
        unit="round trips",
    )


def _round_trips(url: str, target: Target) -> float:
    count = min(ASKED, len(target.requests))
    with redis.Redis.from_url(url) as client:
        before = int(client.info("stats")["total_reads_processed"])
        ask(target, count, connections=1)
        after = int(client.info("stats")["total_reads_processed"])
    return (after - before - 1) / count  # less our own second question
