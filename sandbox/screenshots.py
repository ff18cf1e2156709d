"""`make screenshots`: the console's main pages as pictures, from a small newsroom with a past, gone afterwards.

`python -m sandbox.screenshots FOLDER` takes them there instead of into docs/screenshots.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sandbox.chromium import NoChromium, open_chromium
from sandbox.newsroom import DEFAULT_PORTS, ROOT, STRIPE_KEY, SUPPORT_KEY, Newsroom, Ports, Secrets, machine
from sandbox.processes import Child, ServerDidNotStart, free_port
from sandbox.seed.at_stripe import Bank
from sandbox.tour.api import Api

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 200_000
"""Pictures stay in the repository for ever."""
PAST = ("--readers", "40", "--months", "4")
SIZES = {"desktop": (1280, 900), "tall": (1280, 1160), "phone": (390, 844)}
INTERESTING = ("held", "grace", "cancelling", "active")


@dataclass(frozen=True)
class Shot:
    """One picture. `{reader}` in the path is a reader with a story, `{payer}` one who pays.

    The first link whose name begins with `follow` is gone to; `filled` fields are then filled in and sent on.
    """

    name: str
    path: str
    size: str = "desktop"
    scheme: str = "light"
    filled: tuple[tuple[str, str], ...] = ()
    follow: str = ""
    shows: str = ""
    """A heading without which there is nothing to see."""


SHOTS = (
    Shot("desk", "/support"),
    Shot("accounts", "/support/accounts"),
    Shot("account", "/support/accounts/{reader}"),
    Shot("account-on-a-phone", "/support/accounts/{reader}", size="phone", scheme="dark"),
    Shot("timeline", "/support/accounts/{reader}/timeline"),
    Shot("why", "/support/accounts/{reader}/timeline?kind=wall", follow="Why, "),
    Shot("inbox", "/support/inbox"),
    Shot("numbers", "/support/numbers", size="tall", shows="The same in numbers"),
    Shot("staff", "/support/staff"),
    Shot("refund", "/support/accounts/{payer}", follow="Refund invoice ", filled=(("reason", "Charged twice."),)),
    Shot(
        "courtesy", "/support/accounts/{reader}/acts/grant",
        filled=(("until", "{soon}"), ("reason", "The magazine did not come for two weeks.")),
    ),
)  # fmt: skip


@contextmanager
def newsroom(folder: Path) -> Iterator[Newsroom]:
    """Yield a running newsroom on free ports, filled with a past."""
    ports = Ports(*(free_port() for _ in DEFAULT_PORTS))
    at = Newsroom(folder, ports, Secrets.kept_in(folder / "secrets.json"))
    variables = {name: str(port) for name, port in ports.by_variable().items()} | {"SANDBOX_DIR": str(folder)}
    environment = machine(os.environ) | variables
    child = Child("newsroom", [sys.executable, "-m", "sandbox.run"], log=folder / "run.log", env=environment, cwd=ROOT)
    try:
        child.wait_until(lambda: "Ctrl-C stops everything" in child.last_line(), timeout_seconds=120)
        _newsstand(environment, "sandbox", "seed", *PAST)
        bank = Bank(at.stripe_url, STRIPE_KEY)
        bank.find_clock()
        _newsstand(at.settings(environment, test_clock=bank.clock_id), "numbers", "count")
        yield at
    finally:
        child.stop(timeout_seconds=60)


def _newsstand(environment: Mapping[str, str], *command: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("newsstand")), *command], env=environment, check=True)


def take(browser: Any, room: Newsroom, folder: Path) -> list[Path]:
    """Write every picture into `folder` and return them."""
    soon = Bank(room.stripe_url, STRIPE_KEY).find_clock() + timedelta(days=21)
    values = {
        "reader": _reader(room, INTERESTING),
        "payer": _reader(room, ("active",)),
        "soon": soon.date().isoformat(),
    }
    for colleague in ("Leo Lead", "Ana Agent", "Vic Viewer"):
        with _desk(browser, room, colleague):
            pass
    return [_taken(browser, room, shot, values, folder / f"{shot.name}.png") for shot in SHOTS]


def _taken(browser: Any, room: Newsroom, shot: Shot, values: dict[str, str], picture: Path) -> Path:
    width, height = SIZES[shot.size]
    seen = {"viewport": {"width": width, "height": height}, "color_scheme": shot.scheme}
    with _desk(browser, room, "Ada Admin", **seen) as page:
        _show(page, shot, values)
        page.screenshot(path=str(picture))
    return picture


@contextmanager
def _desk(browser: Any, room: Newsroom, person: str, **seen: Any) -> Iterator[Any]:
    """Yield the console's first page, in a browser of its own in which somebody has signed in."""
    context = browser.new_context(base_url=room.service_url, **seen)
    page = context.new_page()
    page.goto("/support")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name=person).click()
    page.get_by_role("button", name="Sign out").wait_for()
    yield page
    context.close()


def _reader(room: Newsroom, statuses: Sequence[str]) -> str:
    """Return a reader who has a story: the one who has been here longest in the first of these states that there is."""
    support = Api(room.service_url, SUPPORT_KEY)
    for status in statuses:
        found = support.get("/v1/support/accounts", status=status)["data"]
        if found:
            return quote(str(found[-1]["reader_id"]), safe="")
    raise RuntimeError("the seeded newsroom has nobody to show")


def _show(page: Any, shot: Shot, values: dict[str, str]) -> None:
    shown = page.goto(shot.path.format(**values))
    if shown.status != 200:
        raise RuntimeError(f"{shot.path} answers {shown.status}")
    if shot.follow:
        page.get_by_role("link", name=shot.follow).first.click()
        page.wait_for_load_state()
    for name, value in shot.filled:
        page.fill(f"main [name={name}]", value.format(**values))
    if shot.filled:
        page.locator("main form button").first.click()
        page.wait_for_load_state()
    if shot.shows and not page.get_by_role("heading", name=shot.shows).count():
        raise RuntimeError(f"{shot.path} does not show “{shot.shows}”")


def main(into: Path) -> int:
    """Take all pictures; return the exit code. What went wrong is one line."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        with open_chromium() as browser, tempfile.TemporaryDirectory() as folder, newsroom(Path(folder)) as room:
            taken = take(browser, room, into)
    except (NoChromium, ServerDidNotStart, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"No pictures: {error}", file=sys.stderr)
        return 1
    too_large = [each.name for each in taken if each.stat().st_size > MOST_BYTES]
    print("\n".join(f"{each.stat().st_size // 1000:4} kB  {each.name}" for each in taken))
    if too_large:
        print(f"Larger than {MOST_BYTES // 1000} kB: {', '.join(too_large)}", file=sys.stderr)
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
