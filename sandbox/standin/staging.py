"""What only banks and cardholders can bring about, on demand: `/_standin/{refunds,disputes,early_fraud_warnings}`.

POST a JSON object; the answer is the object, or Stripe's error body.

- `refunds/{id}` `{status, failure_reason?}`: `failed` gives `refund.failed`; also `succeeded`, `pending`,
  `requires_action` (the only one that can be canceled), `canceled`.
- `disputes` `{charge, status?, reason?, amount?}`: `needs_response` (default), `warning_needs_response`, `prevented`.
- `disputes/{id}` `{status}`: any status; `won`, `lost`, `warning_closed` and `prevented` close it.
- `early_fraud_warnings` `{charge, fraud_type?, actionable?}`.
- `early_fraud_warnings/{id}` `{actionable}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.standin.account import Account
from sandbox.standin.billing import disputing, refunding, warning
from sandbox.standin.errors import InvalidRequest, StripeError
from sandbox.standin.forms import Spec, boolean, choice, number, parse, text
from sandbox.standin.store import Json, rendered

Params = dict[str, Any]
Act = Callable[..., Json]

_REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
_FAILURES = (
    "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card", "insufficient_funds",
    "lost_or_stolen_card", "merchant_request", "unknown",
)  # fmt: skip
_REFUND: Spec = {"status": choice(*refunding.COUNTED, "failed", "canceled"), "failure_reason": choice(*_FAILURES)}
_DISPUTE: Spec = {
    "charge": text,
    "status": choice(*disputing.CASE_TYPES),
    "reason": choice(*_REASONS),
    "amount": number(1, 99_999_999),
}
_WARNING: Spec = {"charge": text, "fraud_type": text, "actionable": boolean}


class Staging:
    """The levers behind the stage."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint."""
        blueprint = Blueprint("staging", __name__, url_prefix="/_standin")
        for path, act, spec, required in (
            ("/refunds/<identifier>", self._move_refund, _REFUND, "status"),
            ("/disputes", self._dispute, _DISPUTE, "charge"),
            ("/disputes/<identifier>", self._move_dispute, {"status": choice(*disputing.STATUSES)}, "status"),
            ("/early_fraud_warnings", self._warn, _WARNING, "charge"),
            ("/early_fraud_warnings/<identifier>", self._set_warning, {"actionable": boolean}, "actionable"),
        ):
            view = self._view(act, spec, required)
            blueprint.add_url_rule(path, act.__name__, view_func=view, methods=["POST"])
        return blueprint

    def _view(self, act: Act, spec: Spec, required: str) -> Callable[..., tuple[Response, int]]:
        def view(**path: str) -> tuple[Response, int]:
            try:
                sent = parse(sent_json(), spec, required=(required,))
                params = {name: value for name, value in sent.items() if value is not None}
                with self._account.store.transaction():
                    return jsonify(rendered(act(params, **path))), 200
            except StripeError as error:
                return jsonify(error.body()), error.status

        return view

    def _charge(self, params: Params) -> Json:
        return self._account.find("charge", params.pop("charge"), param="charge")

    def _move_refund(self, params: Params, identifier: str) -> Json:
        refund = self._account.find("refund", identifier)
        refunding.move(self._account, refund, params["status"], params.get("failure_reason") or "unknown")
        return refund

    def _dispute(self, params: Params) -> Json:
        return disputing.dispute(self._account, self._charge(params), params)

    def _move_dispute(self, params: Params, identifier: str) -> Json:
        dispute = self._account.find("dispute", identifier)
        disputing.move(self._account, dispute, params["status"])
        return dispute

    def _warn(self, params: Params) -> Json:
        return warning.warn(self._account, self._charge(params), params)

    def _set_warning(self, params: Params, identifier: str) -> Json:
        found = self._account.find(warning.KIND, identifier)
        warning.change(self._account, found, actionable=params["actionable"])
        return found


def sent_json() -> dict[str, Any]:
    """Return the request's JSON object as form values; raise InvalidRequest for any other body."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise InvalidRequest("Send a JSON object.")
    return {name: str(value).lower() if isinstance(value, bool) else _raw(value) for name, value in sent.items()}


def _raw(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value
