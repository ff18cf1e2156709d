"""The machine's own Chromium, driven for the browser tests and the screenshots; it is brought by nobody else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server",
]  # fmt: skip


class NoChromium(Exception):
    """There is no browser on this machine; the message is one line that says how to get one."""


def chromium_path() -> str:
    """Return the path of the machine's Chromium; raise NoChromium without one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        raise NoChromium("no Chromium here: install Debian's package `chromium`, or set CHROMIUM to a browser")
    return found


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Yield a headless Chromium, as Playwright's `Browser`; raise NoChromium."""
    path = chromium_path()
    from playwright.sync_api import sync_playwright  # only `make test-browser` and `make screenshots` install it

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()
