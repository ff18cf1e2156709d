"""What one of five hundred articles costs when they are asked for together, and when one by one."""

from __future__ import annotations

from statistics import median

from benchmarks.decisions import APPS, OURS
from benchmarks.findings import Finding, Section, at_least
from benchmarks.load import Target, ask
from benchmarks.questions import browser, page_view, post
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

ARTICLES, BATCHES = 500, 20
KINDS = {
    "a visitor": {"visitor_id": "v-1", **browser(1)},
    "a subscriber": {"reader_id": "subscriber-1", **browser(2)},
}


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Ask for the same articles both ways on one kept-alive connection, as one page of one reader would."""
    port = backdrop.serve(APPS[OURS][0]).port
    ratios = {who: _cheaper(port, backdrop.site_key, asker, scale) for who, asker in KINDS.items()}
    return [
        Section(
            title="A batch",
            how=(
                f"{ARTICLES} articles of one page, peeked at one by one on one connection, and {BATCHES} times in one "
                "batch; the time for each article, compared."
            ),
            findings=[_finding(who, ratio) for who, ratio in ratios.items()],
            bars=ratios,
            unit="× cheaper an article",
        )
    ]


def _finding(who: str, ratio: float) -> Finding:
    return at_least(f"batch for {who}, cheaper an article", ratio, 100, "500 single calls", format_=".0f", suffix=" ×")


def _cheaper(port: int, key: str, asker: dict[str, str], scale: Scale) -> float:
    singles = [page_view(key, mode="peek", article=number, **asker) for number in range(ARTICLES)]
    articles = [{"id": f"article-{number}", "access": "metered"} for number in range(ARTICLES)]
    body = {**asker, "mode": "peek", "articles": articles}
    batch = [post("/v1/decisions/batch", body, Authorization=f"Bearer {key}")]
    one_by_one, together = Target(port=port, requests=singles), Target(port=port, requests=batch)
    ratios = []
    for _ in range(scale.rounds):
        alone_seconds = ask(one_by_one, ARTICLES, connections=1).seconds / ARTICLES
        batched_seconds = ask(together, BATCHES, connections=1).seconds / (BATCHES * ARTICLES)
        ratios.append(alone_seconds / batched_seconds)
    return median(ratios)
