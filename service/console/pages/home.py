"""`/support`: where one begins."""

from __future__ import annotations

from flask import Response

from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.domain.staff import Role


def home(desk: Desk, visit: Visit) -> Response:
    """Show where to go from here."""
    return desk.page("home.html", visit)


HOME = Page(method="GET", path="/support", name="home", role=Role.VIEWER, audited=None, view=home, nav="Desk")
