"""What only banks, cardholders and bad luck can bring about, on demand.

`GET /_standin/levers` lists every lever with what it does. POST a JSON object to one; the answer is the object it
moved, or Stripe's error body. Switches that stay on are faults: `GET /_standin/faults`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest, StripeError
from sandbox.standin.forms import from_json, parse
from sandbox.standin.levers.registry import LEVERS, Lever
from sandbox.standin.store import rendered

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


class Levers:
    """The levers of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint."""
        blueprint = Blueprint("levers", __name__, url_prefix="/_standin")
        blueprint.add_url_rule("/levers", view_func=self.listed, methods=["GET"])
        for each in LEVERS:
            blueprint.add_url_rule(each.path, each.path, view_func=self._view(each), methods=["POST"])
        return blueprint

    def listed(self) -> Response:
        """List the levers: where, which members, and what each does."""
        return jsonify({f"POST /_standin{each.path}": [sorted(each.spec), _says(each)] for each in LEVERS})

    def _view(self, lever: Lever) -> Callable[..., tuple[Response, int]]:
        def view(**path: str) -> tuple[Response, int]:
            try:
                sent = parse(_sent_json(), lever.spec, required=lever.required)
                params = {name: value for name, value in sent.items() if value is not None}
                with self._account.store.transaction():
                    return jsonify(rendered(lever.act(self._account, params, **path))), 200
            except StripeError as error:
                return jsonify(error.body()), error.status

        return view


def _says(lever: Lever) -> str:
    return " ".join((inspect.getdoc(lever.act) or "").split())


def _sent_json() -> Any:
    sent = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(sent, dict):
        raise InvalidRequest("Send a JSON object.")
    return {name: value if name == "object" else from_json(value) for name, value in sent.items()}
