"""`python -m sandbox.site`: serve the demo newspaper until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from newsstand_client import Newsstand
from newsstand_client.client import DECISION_SECONDS
from sandbox.site.app import create_app
from sandbox.site.clock import SandboxClock


class _Quiet(WSGIRequestHandler):
    """Logs no requests: their addresses and cookies are readers'."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_details: Any) -> None:
        """Log nothing."""


def main() -> int:
    """Run until told to stop; return the exit code."""
    options = _options()
    newsstand = Newsstand(options.service_url, options.service_key, decision_seconds=options.decision_seconds)
    clock = SandboxClock(options.stripe_url, options.stripe_key, newsstand)
    site_url = f"http://127.0.0.1:{options.port}"
    app = create_app(newsstand, clock, site_url=site_url, stripe_url=options.stripe_url)
    server = make_server("127.0.0.1", options.port, app, threaded=True, request_handler=_Quiet)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"newspaper: {site_url}", flush=True)
    stop.wait()
    server.shutdown()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.site", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--service-url", required=True, help="where Newsstand answers")
    parser.add_argument("--service-key", required=True, help="an API key with the scopes decide and billing")
    parser.add_argument("--decision-seconds", type=float, default=DECISION_SECONDS, help="a decision's time-out")
    parser.add_argument("--stripe-url", required=True, help="the stand-in Stripe, for the clock alone")
    parser.add_argument("--stripe-key", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
