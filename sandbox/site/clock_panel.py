"""The sandbox's ribbon over the newspaper: today's date, buttons that move it, and what that brought the reader."""

from __future__ import annotations

import re

from flask import Blueprint, abort, flash, request, session
from werkzeug.wrappers import Response

from sandbox.site import browsers
from sandbox.site.clock import STEPS, ClockStuck, SandboxClock
from sandbox.site.told import day, meanwhile


class ClockPanel:
    """Moves the clock."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def blueprint(self) -> Blueprint:
        """Return the route."""
        blueprint = Blueprint("clock", __name__)
        blueprint.add_url_rule("/clock", view_func=self.advance, methods=["POST"])
        return blueprint

    def advance(self) -> Response:
        """Move on, and go back to where the reader was with the story of the time between."""
        step = STEPS.get(request.form.get("step", "")) or abort(400)
        reader = browsers.reader()
        try:
            before, after = self._clock.advance(step, reader.reader_id if reader else None, browsers.visitor_id())
            session["meanwhile"] = {"until": day(after.now), "told": meanwhile(before, after)}
        except ClockStuck as stuck:
            flash(str(stuck))
        return browsers.see(_back())


def _back() -> str:
    """Return the page that the button was on; a path of ours, whatever the form says."""
    path = request.form.get("back", "")
    return path if re.fullmatch(r"/(articles/[a-z-]+|account|subscribe)?", path) else "/"
