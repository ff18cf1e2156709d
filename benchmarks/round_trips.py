"""How often one decision goes to Redis and back: counted at Valkey, not assumed."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from benchmarks.decisions import APPS, OURS
from benchmarks.findings import Finding, Section
from benchmarks.load import Target, ask
from benchmarks.questions import browser, page_view, post
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

ASKED = 50
NETWORK = {"client_ip": "203.0.113.7"}
TWICE = (
    "a linked browser, signed out", "a reader not seen for a minute", "a fresh visitor under the guard",
    "a fresh visitor under the guard, without an id",
)  # fmt: skip
ONCE_EACH = "a reader's first visit on a browser"
"""What it costs to link the two, once for each pair; it has no goal."""


def measure(backdrop: Backdrop, _scale: Scale) -> list[Section]:
    """Ask on behalf of each kind of reader, with nobody else at that Valkey; one process knows whom it linked."""
    app, expected = APPS[OURS]
    port = backdrop.serve(app, WEB_WORKERS="1").port

    def trips(requests: list[bytes]) -> float:
        return _round_trips(backdrop.valkey.url, Target(port=port, requests=requests, expected=expected))

    # Connections, scripts, the API keys.
    trips([page_view(backdrop.site_key, article=0, **who) for who in ({"visitor_id": "v", "reader_id": "r"}, NETWORK)])
    return [_section({who: trips(requests) for who, requests in _asked(backdrop.site_key)})]


def _asked(key: str) -> Iterator[tuple[str, list[bytes]]]:
    """Return who asks for what, each after those they build upon."""

    def views(**asker: str) -> list[bytes]:
        return [
            page_view(key, article=0, **{name: text.format(n) for name, text in asker.items()}) for n in range(ASKED)
        ]

    pair = {"reader_id": "linked-{}", "visitor_id": "browser-{}"}
    yield ONCE_EACH, views(**pair)
    yield "the two later, linked", views(**pair)
    yield "a signed-in reader, known", views(reader_id="linked-{}")
    yield "a linked browser, signed out", views(visitor_id="browser-{}")
    yield "a subscriber", views(reader_id="subscriber-{}")
    yield "a reader not seen for a minute", views(reader_id="unknown-{}")
    yield "a visitor", views(visitor_id="counted-{}")
    yield "a visitor, again", views(visitor_id="counted-{}")
    yield "a visitor at an article for subscribers", views(visitor_id="counted-{}", access="subscribers")
    yield "a visitor on a campus", views(visitor_id="counted-{}", client_ip="192.0.2.9")
    yield "a fresh visitor under the guard", views(visitor_id="fresh-{}", **NETWORK)
    yield "a fresh visitor under the guard, without an id", views(**NETWORK)
    yield "a page of 500 articles", [_page(key)] * ASKED


def _page(key: str) -> bytes:
    articles = [{"id": f"article-{number}"} for number in range(500)]
    body = {"visitor_id": "counted-1", "mode": "peek", "articles": articles, **browser(1)}
    return post("/v1/decisions/batch", body, Authorization=f"Bearer {key}")


def _section(found: dict[str, float]) -> Section:
    return Section(
        title="Round trips to Redis",
        how=(
            "Counted by Valkey itself (`total_reads_processed`), one decision after the other. A reader not seen for a "
            "minute is asked, looked up in PostgreSQL, noted, and asked again. Who reads without the meter, or could "
            "not read by any count, asks nothing of it."
        ),
        findings=[_finding(who, count) for who, count in found.items()],
        bars=found,
        unit="round trips",
    )


def _finding(who: str, count: float) -> Finding:
    what, figure = f"round trips for {who}", f"{count:.2f}"
    if who == ONCE_EACH:
        return Finding(what=what, figure=figure, beside="once")
    goal = 2.0 if who in TWICE else 1.0
    return Finding(what=what, figure=figure, beside="", goal=f"≤ {goal:g}", reached=count <= goal)


def _round_trips(url: str, target: Target) -> float:
    count = min(ASKED, len(target.requests))
    with redis.Redis.from_url(url) as client:
        before = int(client.info("stats")["total_reads_processed"])
        ask(target, count, connections=1)
        after = int(client.info("stats")["total_reads_processed"])
    return (after - before - 1) / count  # less our own second question
