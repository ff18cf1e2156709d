"""The Flask application, made from what is passed in."""

from __future__ import annotations

from flask import Flask

from service.api.budget import ThreadBudget
from service.api.deadline import OneDeadline
from service.api.decisions import DECIDE, DECIDE_BATCH
from service.api.dispatch import mount
from service.api.envelope import surround
from service.api.lean import LeanPath
from service.api.paths import Other, rule_of
from service.api.problems import handle_everything
from service.api.routes import OPERATIONS
from service.api.services import Services


def build_flask(services: Services) -> Flask:
    """Return the web service: every declared route, and the blueprints of those served elsewhere."""
    app = Flask("service.api", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # a route answers what it declares, nothing more
    app.url_map.merge_slashes = False  # `//` is another path, not a reason to redirect
    surround(app)
    handle_everything(app)
    for blueprint in services.blueprints:
        app.register_blueprint(blueprint)
    app.url_map.converters["other"] = Other
    paths = {each.path for each in OPERATIONS}
    budget = app.extensions["newsstand.budget"] = ThreadBudget(services.slow_calls_at_once)
    for operation in OPERATIONS:
        mount(app, operation, services, budget, rule=rule_of(operation.path, paths))
    decisions = (DECIDE, DECIDE_BATCH)
    lean = LeanPath(app.wsgi_app, decisions, services)
    app.wsgi_app = OneDeadline(lean, decisions, services.one_decision)  # type: ignore[method-assign]
    return app
