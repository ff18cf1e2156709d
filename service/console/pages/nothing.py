"""Whatever else begins with /support: nothing, told in words."""

from __future__ import annotations

from flask import Response
from werkzeug.exceptions import NotFound

from service.console.desk import Desk
from service.console.frame import Anyone, Page, Visit


def nothing(_desk: Desk, _visit: Visit) -> Response:
    """Tell that there is no such page."""
    raise NotFound


NOTHING = Page(
    method="GET", path="/support/<path:rest>", name="nothing", role=Anyone.NOTHING_HERE, audited=None, view=nothing
)
