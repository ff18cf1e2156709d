"""A real HTTP server that answers from a script, for what the real service does only when something is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from newsstand_client import Newsstand

Act = Callable[[BaseHTTPRequestHandler], None]


class ScriptedService:
    """Plays one act of `script` for each request, the last one for ever; `seen` holds what was asked."""

    def __init__(self) -> None:
        self.script: list[Act] = []
        self.seen: list[dict[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _play(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service.seen.append(
                    {"method": self.command, "path": self.path, "headers": dict(self.headers),
                     "body": json.loads(body) if body else None, "raw": body, "port": self.client_address[1]}
                )  # fmt: skip
                act = service.script.pop(0) if len(service.script) > 1 else service.script[0]
                act(self)

            do_GET = do_POST = do_DELETE = _play  # noqa: N815 - the standard library's names

            def log_message(self, *_details: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def plays(self, *acts: Act) -> None:
        self.script = list(acts)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answers(status: int, value: Any, **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        handler.send_response(status)
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


@pytest.fixture
def answers() -> Callable[..., Act]:
    """Make an act that answers with a status and JSON (or bytes); keywords are headers."""
    return _answers


@pytest.fixture
def problem() -> Callable[..., Act]:
    """Make an act that answers with a problem of this status and code."""
    return lambda status, code, **headers: _answers(status, {"code": code, "detail": "as told"}, **headers)


@pytest.fixture
def hangs_up() -> Act:
    """An act that closes the connection without a word."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.close()

    return act


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """A scripted service on a free port."""
    running = ScriptedService()
    yield running
    running.stop()


@pytest.fixture
def newsstand(service: ScriptedService) -> Iterator[Newsstand]:
    """A client of the scripted service, patient enough for a busy machine."""
    client = Newsstand(service.url, "a-key", decision_seconds=5, call_seconds=5)
    yield client
    client.close()
