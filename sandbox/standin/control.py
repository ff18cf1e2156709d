"""The stand-in's own addresses: health, faults, deliveries. None of these exist at Stripe."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.standin.account import Account
from sandbox.standin.clocks import CLOCK
from sandbox.standin.deliveries import Dispatcher
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.faults import explained, faults_from

FLUSH_SECONDS = 30.0
_SHOWN = 1_000


class Control:
    """Lets tests and people look behind the stage."""

    def __init__(self, account: Account, dispatcher: Dispatcher) -> None:
        self._account = account
        self._dispatcher = dispatcher

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint."""
        blueprint = Blueprint("control", __name__)
        blueprint.add_url_rule("/health", view_func=self.health, methods=["GET"])
        blueprint.add_url_rule("/_standin/faults", view_func=self.faults, methods=["GET", "POST"])
        blueprint.add_url_rule("/_standin/deliveries", view_func=self.deliveries, methods=["GET"])
        blueprint.add_url_rule("/_standin/flush", view_func=self.flush, methods=["POST"])
        return blueprint

    def health(self) -> Response:
        """Say that the stand-in answers."""
        return jsonify(status="ok", pending_deliveries=self._dispatcher.pending())

    def faults(self) -> tuple[Response, int]:
        """Show the faults, or replace them all; `{}` clears them."""
        if request.method == "POST":
            try:
                self._account.faults = faults_from(request.get_json(silent=True))
            except InvalidRequest as error:
                return jsonify(error.body()), error.status
        return jsonify({**self._account.faults.as_json(), "help": explained()}), 200

    def deliveries(self) -> Response:
        """Show the latest deliveries, newest first; `status` and `event` narrow them."""
        with self._account.store.transaction():
            found = self._account.store.all("_delivery")[::-1]
            rows = [_row(each) for each in found if self._wanted(each)][:_SHOWN]
        return jsonify(data=rows)

    def _wanted(self, delivery: dict[str, Any]) -> bool:
        return all(request.args.get(name) in (None, delivery[name]) for name in ("status", "event", "type"))

    def flush(self) -> Response:
        """Wait until clocks stand still and every pending delivery has been tried, due or not."""
        timeout = min(request.args.get("timeout_seconds", FLUSH_SECONDS, type=float), 300.0)
        done = self._dispatcher.flush(timeout, busy=self._advancing)
        return jsonify(flushed=done, pending=self._dispatcher.pending())

    def _advancing(self) -> bool:
        with self._account.store.transaction():
            return any(each["status"] == "advancing" for each in self._account.store.all(CLOCK))


def _row(delivery: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in delivery.items() if name != "object"}
