"""What the console's pages are handed: the service's use cases, and their own means of answering."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, make_response, redirect, render_template
from sqlalchemy import Engine

from service.api.services import Services
from service.console.break_glass import BreakGlass
from service.console.cookies import Cookies
from service.console.frame import Visit
from service.console.oidc import Provider
from service.console.sessions import Sessions
from service.store.api_keys import ApiKeyStore


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`origin` is where browsers find the console, empty where it is switched off; `provider` is None without OIDC."""

    services: Services
    engine: Engine
    sessions: Sessions
    break_glass: BreakGlass
    provider: Provider | None
    keys: ApiKeyStore
    cookies: Cookies
    origin: str
    erasure_by_two: bool = False
    """Whether one admin asks for a reader's erasure and another does it."""

    def page(self, template: str, visit: Visit | None, *, status: int = 200, **values: Any) -> Response:
        """Return a template of `templates/console/`, which sees `visit` and `values`."""
        return make_response(render_template(f"console/{template}", visit=visit, desk=self, **values), status)

    def go(self, path: str) -> Response:
        """Send the browser to a page of ours, as the answer to a form that was acted upon."""
        return make_response(redirect(path, code=303))

    def now(self) -> datetime:
        """Return the wall's time: what sessions and the audit log live by."""
        return self.services.wall_clock()

    def local(self, at: datetime) -> datetime:
        """Return the instant in the publication's time zone."""
        return at.astimezone(self.services.catalog.zone)
