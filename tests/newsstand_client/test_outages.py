"""Whatever the service does, a page gets its decision; and nothing is done twice that must be done once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from newsstand_client import Article, Conflict, InvalidRequest, Newsstand, NoAnswer, NotFound, Unavailable
from sandbox.processes import free_port

GRANTED = {"granted": True, "reason": "metered", "counted": True, "visitor_id": "v-1", "meter": None,
           "entitlement": None, "wall": None, "degraded": None}  # fmt: skip
READER = {"reader_id": "r", "status": "none", "entitlement": None, "subscription": None, "meter": None,
          "trial_eligible": True, "trial_reason": "first"}  # fmt: skip


def test_refused_connections_let_in() -> None:
    """Nobody listens: the reader is let in, the answer says it is a fallback, and keeps the visitor."""
    decision = Newsstand(f"http://127.0.0.1:{free_port()}", "a-key").decide("a", visitor_id="v-1")
    assert (decision.granted, decision.reason, decision.fallback) == (True, "outage", "refused")
    assert decision.visitor_id == "v-1"


def test_the_publication_may_refuse_instead() -> None:
    """`on_outage="refuse"` turns the fallback round."""
    client = Newsstand(f"http://127.0.0.1:{free_port()}", "a-key", on_outage="refuse")
    assert not client.decide("a", visitor_id="v-1").granted


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_frozen_service_costs_the_time_out() -> None:
    """A stopped process whose kernel still accepts connections: without the deadline this test would hang."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        _wait_for(port)
        os.kill(server.pid, signal.SIGSTOP)
        decision = Newsstand(f"http://127.0.0.1:{port}", "a-key").decide("a", visitor_id="v-1")
        assert (decision.granted, decision.fallback) == (True, "timeout")
        with pytest.raises(NoAnswer, match="timeout"):
            Newsstand(f"http://127.0.0.1:{port}", "a-key", call_seconds=0.2).offer()
    finally:
        server.kill()
        server.wait()


def test_a_service_that_dribbles_costs_the_time_out() -> None:
    """A byte now and then never resets the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()
        threading.Thread(target=_dribble, args=(listener, stop), daemon=True).start()
        decision = Newsstand(f"http://127.0.0.1:{listener.getsockname()[1]}", "a-key").decide("a", visitor_id="v")
        stop.set()
    assert decision.fallback == "timeout"


@pytest.mark.parametrize(
    ("status", "code"), [(500, "internal"), (503, "unavailable"), (401, "unknown_key"), (403, "insufficient_scope")]
)
def test_problems_that_are_no_fault_of_the_call_let_in(
    newsstand: Newsstand, service: Any, problem: Any, status: int, code: str
) -> None:
    """Also a revoked key: it must not take every article off the site."""
    service.plays(problem(status, code))
    decision = newsstand.decide("a", visitor_id="v-1")
    assert (decision.granted, decision.fallback) == (True, code)


@pytest.mark.parametrize("status", [400, 404, 405, 408, 409, 413, 421, 431, 502])
def test_what_a_proxy_says_is_no_fault_of_the_call(
    newsstand: Newsstand, service: Any, answers: Any, status: int
) -> None:
    """Claim: while a proxy has no route to the service (404), or gives up (408), pages are shown; a batch alike."""
    service.plays(answers(status, b"<html>default backend</html>"))
    decision = newsstand.decide("a", visitor_id="v-1")
    assert (decision.granted, decision.fallback) == (True, f"http_{status}")
    assert [each.granted for each in newsstand.decide_many([Article(id="a")], visitor_id="v-1", mode="peek")] == [True]


@pytest.mark.parametrize(
    "body",
    [b"<html>It works!</html>", b"[]", b"{}", json.dumps({**GRANTED, "granted": "yes"}).encode(), b'{"granted": 1}',
     json.dumps({**GRANTED, "meter": {"limit": 1}}).encode(), b"[" * 5000],
)  # fmt: skip
def test_what_is_not_newsstands_is_unreadable(newsstand: Newsstand, service: Any, answers: Any, body: bytes) -> None:
    """A captive portal's page, or a shape that is not the contract's, is no decision."""
    service.plays(answers(200, body))
    assert newsstand.decide("a", visitor_id="v-1").fallback == "unreadable"


@pytest.mark.parametrize("body", [b"{}", json.dumps({"decisions": [GRANTED]}).encode()])
def test_a_batch_falls_back_for_each_article(newsstand: Newsstand, service: Any, answers: Any, body: bytes) -> None:
    """An answer that lacks a decision is none: each article gets the fallback, and the visitor is kept."""
    service.plays(answers(200, body))
    found = newsstand.decide_many([Article(id="a"), Article(id="b")], visitor_id="v-1", mode="peek")
    assert [(each.granted, each.fallback, each.visitor_id) for each in found] == [(True, "unreadable", "v-1")] * 2


def test_a_page_of_the_longest_ids_is_sent_without_a_spare_byte(
    newsstand: Newsstand, service: Any, answers: Any
) -> None:
    """Claim: 500 articles go in half of what a batch may have, for what is sent has no spaces between its parts."""
    service.plays(answers(200, {}))
    newsstand.decide_many([Article(id="a" * 200, access="subscribers", feature="archives")] * 500, mode="peek")
    [seen] = service.seen
    assert len(seen["body"]["articles"]) == 500
    assert b" " not in seen["raw"]
    assert len(seen["raw"]) < 132_000


def test_a_wrong_call_is_told(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """422 raises, with the fields at fault: falling back would hide the mistake for ever."""
    service.plays(answers(422, {"code": "invalid_request", "detail": "d", "errors": {"article": ["x"]}}))
    with pytest.raises(InvalidRequest) as caught:
        newsstand.decide("", visitor_id="v-1")
    assert (caught.value.code, caught.value.errors) == ("invalid_request", {"article": ["x"]})


def test_fields_of_a_newer_service_are_ignored(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """A service may be upgraded before its sites."""
    service.plays(answers(200, GRANTED | {"mood": "sunny"}))
    assert newsstand.decide("a", visitor_id="v-1").fallback is None


def test_connections_are_kept(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """Two decisions share one connection."""
    service.plays(answers(200, GRANTED))
    newsstand.decide("a", visitor_id="v-1")
    newsstand.decide("b", visitor_id="v-1")
    assert service.seen[0]["port"] == service.seen[1]["port"]


def test_a_connection_closed_meanwhile_is_not_used(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """The service closes idle connections; the next decision finds out before it speaks."""
    service.plays(answers(200, GRANTED, Connection="close"), answers(200, GRANTED))
    assert newsstand.decide("a", visitor_id="v-1").fallback is None
    assert newsstand.decide("b", visitor_id="v-1").fallback is None
    assert len(service.seen) == 2


@pytest.mark.parametrize(
    ("call", "asked"),
    [({"visitor_id": "v-1"}, 2), ({"reader_id": "r-1"}, 2), ({"mode": "peek"}, 2), ({}, 1)],
)
def test_only_repeatable_decisions_are_repeated(
    newsstand: Newsstand, service: Any, answers: Any, hangs_up: Any, call: dict[str, Any], asked: int
) -> None:
    """A broken connection is tried once more, but never where it could count two articles: without an id."""
    service.plays(hangs_up, answers(200, GRANTED))
    decision = newsstand.decide("a", **call)
    assert len(service.seen) == asked
    assert decision.fallback == (None if asked == 2 else "broken")


def test_a_decision_is_never_repeated_for_being_late(service: Any, answers: Any) -> None:
    """The deadline is one for all attempts: a late answer is not asked for twice."""
    service.plays(lambda handler: (time.sleep(0.4), answers(200, GRANTED)(handler))[0])
    newsstand = Newsstand(service.url, "a-key", decision_seconds=0.3)
    assert newsstand.decide("a", visitor_id="v-1").fallback == "timeout"
    assert len(service.seen) == 1


def test_writes_are_repeated_under_one_key(
    newsstand: Newsstand, service: Any, answers: Any, problem: Any, hangs_up: Any
) -> None:
    """Broken off, then still in flight, then done: three requests, one Idempotency-Key, so one act."""
    done = {"access_until": "2026-12-01T00:00:00Z", "final": "no further charge", "undo_until": "2026-12-01T00:00:00Z"}
    service.plays(hangs_up, problem(409, "request_in_flight"), answers(200, done))
    assert newsstand.cancel("r-1").final == "no further charge"
    assert len({seen["headers"]["Idempotency-Key"] for seen in service.seen}) == 1
    assert len(service.seen) == 3


def test_the_callers_own_key_is_sent(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """A form's token makes a double click one act."""
    service.plays(answers(204, b""))
    newsstand.undo_cancellation("r-1", idempotency_key="form-7")
    assert service.seen[0]["headers"]["Idempotency-Key"] == "form-7"


def test_reads_wait_as_long_as_they_are_told(newsstand: Newsstand, service: Any, answers: Any, problem: Any) -> None:
    """503 with Retry-After is tried again; the answer then counts."""
    service.plays(problem(503, "busy", Retry_After="0"), answers(200, READER))
    assert newsstand.reader("r").status == "none"


def test_a_wait_beyond_the_deadline_is_not_begun(newsstand: Newsstand, service: Any, problem: Any) -> None:
    """The caller is told at once, with the code and how long."""
    service.plays(problem(503, "stripe_unavailable", Retry_After="3600"))
    with pytest.raises(Unavailable) as caught:
        newsstand.offer()
    assert (caught.value.code, caught.value.retry_after_seconds) == ("stripe_unavailable", 3600)
    assert len(service.seen) == 1


def test_refusals_are_not_repeated(newsstand: Newsstand, service: Any, problem: Any) -> None:
    """404 and 409 say so once."""
    service.plays(problem(404, "no_subscription"), problem(409, "already_subscribed"))
    with pytest.raises(NotFound, match="no_subscription"):
        newsstand.cancel("r-1")
    with pytest.raises(Conflict, match="already_subscribed"):
        newsstand.open_checkout("r-1", "monthly", success_url="https://x/", cancel_url="https://x/")
    assert len(service.seen) == 2


def test_a_proxys_error_has_a_code_too(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """A load balancer's 502 is no JSON."""
    service.plays(answers(502, b"<html>Bad gateway</html>"))
    with pytest.raises(Unavailable, match="http_502"):
        newsstand.offer()


def test_ids_are_one_segment_of_the_path(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """Neither a slash nor a question mark in an id leads anywhere else."""
    service.plays(answers(200, READER))
    newsstand.reader("../x?y#é")
    assert service.seen[0]["path"] == "/v1/readers/..%2Fx%3Fy%23%C3%A9"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_its_own_connection(newsstand: Newsstand, service: Any, answers: Any) -> None:
    """Under a preforking server, two workers on one connection would read each other's answers."""
    service.plays(answers(200, GRANTED))
    newsstand.decide("a", visitor_id="v-1")
    child = os.fork()
    if child == 0:
        os._exit(0 if newsstand.decide("b", visitor_id="v-1").fallback is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert service.seen[0]["port"] != service.seen[1]["port"]


def test_an_address_that_is_none_is_refused_at_once() -> None:
    """A misspelt setting shows when the site starts, not as an outage."""
    for address in ("newsstand.internal:8000", "ftp://newsstand", "http://", "http://key@newsstand/"):
        with pytest.raises(ValueError, match="not an http or https address"):
            Newsstand(address, "a-key")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def _dribble(listener: socket.socket, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stop.wait(0.02):
            try:
                connection.sendall(b"z")
            except OSError:
                return
