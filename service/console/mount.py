"""Puts the console into the Flask application."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Flask, Response, g
from markupsafe import Markup

from service.api.budget import ThreadBudget
from service.console.desk import Desk
from service.console.frame import Anyone, Page
from service.console.guard import Guarded, in_words
from service.console.headers import harden
from service.console.routes import PAGES


def mount_console(app: Flask, desk: Desk, budget: ThreadBudget) -> None:
    """Serve every page, what stands before them, and errors in words."""
    blueprint = Blueprint(
        "console", __name__, template_folder="templates", static_folder="static", static_url_path="/support/static"
    )
    for page in PAGES:
        blueprint.add_url_rule(page.path, page.name, Guarded(page, desk, budget), methods=[page.method])

    def tell(error: Exception) -> Response:
        refused = in_words(error)
        shown = g.get("visit")
        return desk.page("refused.html", shown, status=refused.status, refused=refused)

    blueprint.register_error_handler(Exception, tell)
    blueprint.after_request(lambda response: harden(response, secure=desk.origin.startswith("https:")))
    blueprint.app_template_filter("console_time")(lambda at: _time(desk, at))
    blueprint.context_processor(lambda: {"navigation": _navigation(), "phrase": _phrase})
    app.register_blueprint(blueprint)


def _navigation() -> list[Page]:
    """Return the pages that whoever is signed in may go to."""
    visit = g.get("visit")
    if visit is None or visit.person is None:
        return []
    return [page for page in PAGES if page.nav and not isinstance(page.role, Anyone) and page.role <= visit.person.role]


def _time(desk: Desk, at: datetime | None) -> Markup:
    """Return the instant as people read it, in the publication's zone, the exact one on hover."""
    if at is None:
        return Markup("–")
    local = desk.local(at)
    exact, read = local.isoformat(timespec="seconds"), f"{local.day} {local:%B %Y, %H:%M}"
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, read)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
