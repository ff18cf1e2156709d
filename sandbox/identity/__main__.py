"""`python -m sandbox.identity`: the sign-in provider as a process of its own."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from sandbox.identity.server import IdentityProvider


def main() -> int:
    """Run until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.identity", description=__doc__)
    for name in ("--client-id", "--client-secret", "--redirect-uri"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = vars(parser.parse_args())
    try:
        provider = IdentityProvider(**options)
    except OSError as error:
        print(f"The sign-in provider cannot start: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(f"sign-in provider: {provider.start()}", flush=True)
    stop.wait()
    provider.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
