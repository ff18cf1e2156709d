"""`python -m sandbox.standin`: run the stand-in Stripe until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.standin.server import StandIn


def main() -> int:
    """Run until told to stop; return the exit code."""
    options = _options()
    try:
        standin = StandIn(
            options.directory,
            port=options.port,
            webhook_url=options.webhook_url,
            webhook_secret=options.webhook_secret,
            clock_name=options.clock_name,
            api_keys=options.api_key,
        )
    except OSError as error:
        print(f"The stand-in Stripe cannot start: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(f"stand-in Stripe: {standin.start()}", flush=True)
    stop.wait()
    standin.stop()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="where its state is kept")
    parser.add_argument("--webhook-url", help="registered once, for all events")
    parser.add_argument("--webhook-secret", help="whsec_… that signs the deliveries to --webhook-url")
    parser.add_argument("--clock-name", help="a test clock made at the first start")
    parser.add_argument("--api-key", action="append", default=[], help="an accepted key (default: any sk_test_…)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
