"""The client's clock is honest: what a slow server makes readers wait is in the figures."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.load import Target, WrongAnswer, ask, pace, pace_together, saturate

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


class _Server(socketserver.ThreadingTCPServer):
    """Answers every request with what `answer` says for its number."""

    daemon_threads = True
    request_queue_size = 64
    answer: Callable[[int], bytes]
    asked = 0


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        while self.request.recv(4096):
            server.asked += 1
            reply = server.answer(server.asked)
            self.request.sendall(reply[:20])  # in two pieces, as gunicorn sends head and body
            self.request.sendall(reply[20:])


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server on a free port that answers at once."""
    with _Server(("127.0.0.1", 0), _Handler) as running:
        running.answer = lambda _: ANSWER + b"done"
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def _target(server: _Server) -> Target:
    return Target(port=server.server_address[1], requests=[REQUEST], expected=b"done")


def test_a_stall_counts_for_all_who_were_due_in_it(server: _Server) -> None:
    """Claim: while one request stalls the only connection, those that were due meanwhile have waited too."""

    def stall_once(number: int) -> bytes:
        time.sleep(0.3 if number == 5 else 0)
        return ANSWER + b"done"

    server.answer = stall_once
    burst = pace(_target(server), connections=1, per_second=100, seconds=0.5)
    waited = [each for each in burst.latencies_seconds if each > 0.1]
    assert len(burst.latencies_seconds) == 50
    assert len(waited) >= 20  # a clock that starts at sending sees one


def test_servers_asked_in_turn_are_timed_apart(server: _Server) -> None:
    """Claim: each gets its share of one rate, on connections of its own; a slow one's wait is in its own figures."""
    with _Server(("127.0.0.1", 0), _Handler) as slow:
        slow.answer = lambda _: (time.sleep(0.1), ANSWER + b"done")[1]
        threading.Thread(target=slow.serve_forever, args=(0.01,), daemon=True).start()
        both = [_target(server), _target(slow)]
        quick, late = pace_together(both, connections=8, per_second=100, seconds=0.5)
        slow.shutdown()
    assert len(quick.latencies_seconds) == len(late.latencies_seconds) == 25
    assert late.quantile(0) >= 0.1
    assert quick.quantile(0.5) < 0.1


def test_asking_a_number_of_times_asks_that_often(server: _Server) -> None:
    """Claim: no request is lost or sent twice, however many connections share the work."""
    burst = ask(_target(server), 100, connections=7)
    assert len(burst.latencies_seconds) == 100
    assert server.asked == 100


def test_saturating_keeps_every_connection_busy(server: _Server) -> None:
    """Claim: with two connections, two requests are on their way at once."""
    both = threading.Barrier(2, timeout=5)

    def answer_in_pairs(_number: int) -> bytes:
        if server.asked <= 2:
            both.wait()
        return ANSWER + b"done"

    server.answer = answer_in_pairs
    assert saturate(_target(server), connections=2, seconds=0.1).per_second > 0


@pytest.mark.parametrize("answer", [ANSWER + b"lies", b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\ndone"])
def test_a_wrong_answer_ends_the_run(server: _Server, answer: bytes) -> None:
    """Claim: a server that errs fast is not a fast server."""
    server.answer = lambda _: answer
    with pytest.raises(WrongAnswer):
        ask(_target(server), 3, connections=1)
