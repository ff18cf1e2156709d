"""What the site asks in the measurements: readers of a made-up publication, and their page views as bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from service.assembly.core import Core
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

SUBSCRIBERS, FREE_READERS, VISITORS, ARTICLES = 500, 500, 5_000, 50
SHARES = {"visitor": 64, "subscriber": 20, "free reader": 10, "crawler": 4, "campus visitor": 2}
"""Of a hundred page views: most come from browsers that never signed in, some from payers, few from other readers."""
NETWORKS = 250
"""Enough that no network sends more newcomers in an hour than the guard lets in."""
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
_CRAWLER = {
    "client_ip": "203.0.113.130",
    "user_agent": "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://example.com)",
}
_CAMPUS = "192.0.2.{}"
"""Addresses of networks/, as plans.yaml names them."""


def post(path: str, body: Mapping[str, Any], **headers: str) -> bytes:
    """Return a POST of JSON as bytes; a header's underscores are written as dashes."""
    raw = json.dumps(body).encode()
    given = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(raw))}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (given | headers).items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + raw


def page_views(key: str, count: int, *, seed: int = 7) -> list[bytes]:
    """Return page views of all kinds of readers in the proportions of SHARES."""
    dice = random.Random(seed)  # noqa: S311 - the same views in every run
    kinds = dice.choices(list(SHARES), list(SHARES.values()), k=count)
    return [page_view(key, **_asker(kind, dice), article=dice.randrange(ARTICLES)) for kind in kinds]


def browser(number: int) -> dict[str, str]:
    """Return what a site passes along of this somebody's request: the address, and the browser's name."""
    address = f"10.{number % NETWORKS}.7.{1 + number // NETWORKS % 250}"
    return {"client_ip": address, "user_agent": _BROWSERS[number % len(_BROWSERS)]}


def page_view(key: str, *, article: int, mode: str = "consume", access: str = "metered", **asker: str) -> bytes:
    """Return one page view; the peer that limits by a header finds the first of the asker's ids there."""
    body = {**asker, "mode": mode, "article": {"id": f"article-{article}", "access": access}}
    return post("/v1/decisions", body, Authorization=f"Bearer {key}", X_Subject=next(iter(asker.values()), "nobody"))


def _asker(kind: str, dice: random.Random) -> dict[str, str]:
    number = dice.randrange(VISITORS)
    if kind == "visitor":
        return {"visitor_id": f"v-{number}", **browser(number)}
    if kind == "crawler":
        return {"visitor_id": f"crawler-{number}", **_CRAWLER}
    if kind == "campus visitor":
        return {"visitor_id": f"campus-{number}", **browser(number), "client_ip": _CAMPUS.format(1 + number % 250)}
    if kind == "subscriber":
        return {"reader_id": f"subscriber-{number % SUBSCRIBERS}", **browser(number)}
    return {"reader_id": f"reader-{number % FREE_READERS}", **browser(number)}


def subscribe_all(core: Core) -> None:
    """Give every subscriber a paid subscription in the record and a pass in Redis, as syncs would."""
    for number in range(SUBSCRIBERS):
        snapshot = _snapshot(f"subscriber-{number}", datetime.now(UTC))
        with core.engine.begin() as connection:
            core.projection.project(connection, snapshot)
        core.publisher.publish(f"subscriber-{number}")


def _snapshot(reader_id: str, now: datetime) -> CustomerSnapshot:
    subscription = SubscriptionFacts(
        id=f"sub_{reader_id}", status="active", plan="monthly", price_id="price_monthly", currency="usd",
        amount_minor=290, interval="month", created_at=now, trial_start_at=None, trial_end_at=None,
        period_start_at=now, period_end_at=now + timedelta(days=30), cancel_at=None, cancel_at_period_end=False,
        canceled_at=None, ended_at=None, pause_behavior=None, paused_reason=None, cancellation_reason=None,
        reader_id=reader_id, checkout_id=None,
    )  # fmt: skip
    return CustomerSnapshot(
        customer_id=f"cus_{reader_id}", deleted=False, email=None, reader_id=reader_id, fetched_at=now, card=None,
        subscriptions=(subscription,), invoices=(),
    )  # fmt: skip
