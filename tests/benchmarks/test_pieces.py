"""What the benchmarks prepare is what the service would see, and what they report is what they found."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
import redis

from benchmarks import chart, pipelined, report
from benchmarks.decisions import turns
from benchmarks.findings import Finding, Section, at_least, at_most
from benchmarks.questions import VISITORS, browser, page_views
from benchmarks.servers import WEBHOOK_SECRET
from benchmarks.webhooks_in import _delivery
from sandbox.newsroom import ROOT
from service.access.newcomers import network_of
from service.api.schemas import DecisionRequest
from service.catalog.load import load_catalog
from service.domain.decision import Article, Reason
from service.exemptions.ranges import address_of
from service.exemptions.rules import Evidence, Exemptions, load_networks
from service.exemptions.tokens import Tokens
from webhooks.events import StripeEvent
from webhooks.signature import Verifier

READERS = 500


def _split(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]), body


def test_page_views_are_valid_and_of_all_kinds() -> None:
    """Claim: the schema takes every page view, and each kind of reader is among them."""
    asked = [DecisionRequest().load(json.loads(_split(each)[1])) for each in page_views("key", 200)]
    readers = {str(each["reader_id"] or each["visitor_id"]).split("-")[0] for each in asked}
    assert readers == {"v", "subscriber", "reader", "crawler", "campus"}


def test_page_views_say_where_they_come_from() -> None:
    """Claim: each has an address and a browser's name; crawlers and a campus read without the meter, others by it."""
    catalog = load_catalog(ROOT / "plans.yaml")
    exemptions = Exemptions(Tokens(["a key of the tests alone"]), load_networks(catalog.exemptions, ROOT))
    for each in page_views("key", 300):
        asked = DecisionRequest().load(json.loads(_split(each)[1]))
        evidence = Evidence(client_ip=asked["client_ip"], user_agent=asked["user_agent"])
        kind = str(asked["reader_id"] or asked["visitor_id"]).split("-")[0]
        expected = {"crawler": Reason.CRAWLER, "campus": Reason.INSTITUTION}.get(kind)
        assert exemptions.reasons(evidence, [Article(id="a-1")], datetime.now(UTC)).get(0) is expected


def test_no_network_sends_more_newcomers_than_the_guard_lets_in() -> None:
    """Claim: what is measured is counting, not walls of the guard."""
    visitors = {network_of(address_of(browser(number)["client_ip"])) for number in range(VISITORS)}
    bound = load_catalog(ROOT / "plans.yaml").newcomers_per_hour
    assert bound is not None
    assert VISITORS / len(visitors) < bound


def test_each_round_begins_with_another() -> None:
    """Claim: everybody is asked once a round, and nobody always comes first."""
    assert list(turns(["a", "b", "c"], 2)) == ["a", "b", "c", "b", "c", "a"]


def test_events_are_signed_as_stripe_signs() -> None:
    """Claim: the service's own verifier takes a delivery, and finds the customer in it."""
    headers, body = _split(_delivery("evt_1", "cus_1"))
    found = Verifier([WEBHOOK_SECRET]).verify(body, headers["Stripe-Signature"], datetime.now(UTC))
    assert isinstance(found, StripeEvent)
    assert found.about["customer"] == "cus_1"


def test_bulk_loading_writes_what_the_meter_writes(redis_url: str) -> None:
    """Claim: key by key, byte by byte, and with the same time to live, the two ways of filling leave one state."""
    with redis.Redis.from_url(redis_url) as server:
        states = []
        for fill in (pipelined.read_by_many, pipelined.load_known):
            server.flushall()
            fill(redis_url, range(READERS), READERS)
            pipelined.check_known(redis_url, READERS)
            keys = list(server.scan_iter())
            states.append(({key: server.hgetall(key) for key in keys}, {key: server.ttl(key) for key in keys}))
    (reads, ttls), (reads_in_bulk, ttls_in_bulk) = states
    assert sum(map(len, reads.values())) == READERS
    assert reads == reads_in_bulk
    assert ttls == pytest.approx(ttls_in_bulk, abs=30)  # the second is filled a moment later


def test_goals_are_judged_at_their_bounds() -> None:
    """Claim: a figure on the bound reaches its goal, one beyond it does not."""
    assert at_least("x", 0.5, 0.5, "").reached
    assert not at_least("x", 0.49, 0.5, "").reached
    assert at_most("x", 24.0, 24, "").reached
    assert not at_most("x", 24.1, 24, "").reached


def test_the_page_and_its_picture_show_every_figure() -> None:
    """Claim: no figure is left out, a missed goal is said to be missed, and the picture is well-formed."""
    findings = [
        at_least("speed", 0.3, 0.5, "peer 0.2"),
        Finding(what="fetches", figure="50", beside="1,000 events", goal="fewer", reached=True),
    ]
    section = Section(title="A & B", how="So.", findings=findings, bars={"Newsstand": 3.0, "<peer>": 1.5}, unit="x")
    page = report.page([section], minutes=3)
    assert "| speed | 0.30 | peer 0.2 | ≥ 0.5 | **not reached** |" in page
    assert "| fetches | 50 | 1,000 events | fewer | reached |" in page
    drawn = ElementTree.fromstring(chart.svg([section]))  # noqa: S314 - our own picture
    widths = [int(each.attrib["width"]) for each in drawn.iter() if each.tag.endswith("rect")]
    assert widths[0] == 2 * widths[1]
