"""The stand-in as a server: one process, many threads, everything on 127.0.0.1."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox.standin.account import Account, Wall
from sandbox.standin.api import Api
from sandbox.standin.api_v2 import ApiV2
from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.clocks import CLOCK, Ticker
from sandbox.standin.control import Control
from sandbox.standin.deliveries import Dispatcher
from sandbox.standin.keys import Keys
from sandbox.standin.levers import Levers
from sandbox.standin.pages import Pages
from sandbox.standin.resources.test_clocks import make_clock
from sandbox.standin.resources.webhook_endpoints import make_endpoint
from sandbox.standin.shapes.common import API_VERSION
from sandbox.standin.store import Change, Store

MAX_BODY_BYTES = 1_048_576
FILE_NAME = "standin.sqlite3"


class StandIn:
    """A stand-in Stripe.

    `directory` keeps its state over restarts (None: in memory alone). `api_keys` are the accepted keys; empty accepts
    any `sk_test_…`. `webhook_url` is registered once, signed with `webhook_secret`. `clock_name` is a test clock made
    at the first start, frozen at the wall's time. Raises OSError when the port is taken.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int = 0,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        clock_name: str | None = None,
        api_keys: Collection[str] = (),
        policy: BillingPolicy | None = None,
        wall: Wall = time.time,
    ) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._store = Store(directory / FILE_NAME if directory else None)
        self.account = Account(self._store, wall=wall, policy=policy or BillingPolicy())
        self._dispatcher = Dispatcher(self.account)
        self._ticker = Ticker(self.account)
        self._server = _listen(port, build_app(self.account, self._dispatcher, api_keys))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.account.base_url = self.base_url
        self._prepare(webhook_url, webhook_secret, clock_name)

    @property
    def base_url(self) -> str:
        """The address to give as `base_addresses={"api": ...}`."""
        return f"http://127.0.0.1:{self._server.port}"

    def start(self) -> str:
        """Begin to answer, to deliver and to let time pass; return the base address."""
        self._store.on_commit.append(self._wake_ticker)
        self._dispatcher.start()
        self._ticker.start()
        self._thread.start()
        return self.base_url

    def stop(self) -> None:
        """End every thread, and close the file."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._ticker.stop()
        self._dispatcher.stop()
        self._store.close()

    def __enter__(self) -> StandIn:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _prepare(self, webhook_url: str | None, webhook_secret: str | None, clock_name: str | None) -> None:
        with self._store.transaction():
            known = [each for each in self._store.all("webhook_endpoint") if each["url"] == webhook_url]
            if webhook_url and webhook_secret and not known:
                facts = {"url": webhook_url, "enabled_events": ["*"], "api_version": API_VERSION}
                make_endpoint(self.account, facts, webhook_secret)
            elif webhook_secret:
                for each in known:
                    self.account.find("webhook_endpoint", each["id"])["_secret"] = webhook_secret
            if clock_name and all(each["name"] != clock_name for each in self._store.all(CLOCK)):
                make_clock(self.account, self.account.wall_now(), clock_name)

    def _wake_ticker(self, changes: list[Change]) -> None:
        if any(kind == CLOCK and item and item["status"] == "advancing" for (kind, _), item in changes):
            self._ticker.wake()


def build_app(account: Account, dispatcher: Dispatcher, api_keys: Collection[str] = ()) -> Flask:
    """Return all addresses of one account as a WSGI application, which is whole without a server too."""
    app = Flask("sandbox.standin")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    keys = Keys(api_keys)
    app.register_blueprint(Api(account, keys).blueprint())
    app.register_blueprint(ApiV2(account, keys).blueprint())
    app.register_blueprint(Pages(account).blueprint())
    app.register_blueprint(Levers(account).blueprint())
    app.register_blueprint(Control(account, dispatcher).blueprint())
    return app


def _listen(port: int, app: Flask) -> ThreadedWSGIServer:
    """Bind 127.0.0.1:`port` (0: any); raise OSError, where werkzeug itself would print and exit."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        return ThreadedWSGIServer("127.0.0.1", port, app, handler=_Handler, fd=listener.fileno())


class _Handler(WSGIRequestHandler):
    """One answer a connection (werkzeug closes it), sent in one piece."""

    wbufsize = -1

    def log_request(self, *_details: Any) -> None:
        """Log nothing: requests carry customers' addresses."""
