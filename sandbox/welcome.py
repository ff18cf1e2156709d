"""What `make run` prints once everything is up: where it is, the keys, and what to try first."""

from __future__ import annotations

import json

from sandbox.newsroom import SITE_KEY, STRIPE_KEY, SUPPORT_KEY, Newsroom

ARTICLE = {"visitor_id": "v-5", "article": {"id": "belgorod-incursion"}}


def welcome(newsroom: Newsroom) -> None:
    """Print addresses and keys, a first request, and the tour's command; plain lines, so that each can be copied."""
    for part, address, key in rows(newsroom):
        print(f"  {part:<19}  {address:<51}  {key}".rstrip())
    print(f"\nOpen {newsroom.site_url} and read: one article is free, the second meets the wall.")
    print(f"\nAsk whether a visitor may read an article:\n\n  {first_request(newsroom)}\n")
    print(f"Watch the whole journey, a year in seconds:\n\n  {tour_command(newsroom)}\n")
    print(f"Data and logs are in {newsroom.directory}. Ctrl-C stops everything.", flush=True)


def rows(newsroom: Newsroom) -> list[tuple[str, str, str]]:
    """Return part, address and key of everything that runs."""
    return [
        ("part", "address", "key"),
        ("the newspaper", newsroom.site_url, ""),
        ("service, for a site", newsroom.service_url, SITE_KEY),
        ("and for support", newsroom.service_url, SUPPORT_KEY),
        ("support console", f"{newsroom.service_url}/support", "choose who to be"),
        ("API documentation", f"{newsroom.service_url}/docs", ""),
        ("stand-in Stripe", newsroom.stripe_url, STRIPE_KEY),
        ("sign-in provider", newsroom.identity_url, ""),
        ("Valkey", newsroom.redis_url, ""),
        ("PostgreSQL", newsroom.database_url, ""),
    ]


def first_request(newsroom: Newsroom) -> str:
    """Return a shell line that asks for a decision."""
    return (
        f"curl -s {newsroom.service_url}/v1/decisions -H 'Authorization: Bearer {SITE_KEY}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(ARTICLE)}'"
    )


def tour_command(newsroom: Newsroom) -> str:
    """Return a shell line that runs the tour against this newsroom."""
    moved = [f"{name}={value}" for name, value in newsroom.ports.moved().items()]
    return " ".join([*moved, ".venv/bin/newsstand tour"])
