"""/v1/disputes"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import disputing
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import boolean, merged_metadata, metadata, record, text, time_range
from sandbox.standin.resources.payments import of_charge
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes.reversals import EVIDENCE_TEXTS
from sandbox.standin.store import Json, rendered

_UPDATE = {"evidence": record(dict.fromkeys(EVIDENCE_TEXTS, text)), "metadata": metadata, "submit": boolean}


@listing("/v1/disputes", {"charge": text, "created": time_range, "payment_intent": text})
def index(account: Account, params: Params) -> list[Json]:
    return of_charge(account, "dispute", params)


@route("GET", "/v1/disputes/<dispute_id>")
def retrieve(account: Account, _params: Params, dispute_id: str) -> Json:
    return account.find("dispute", dispute_id)


@route("POST", "/v1/disputes/<dispute_id>", _UPDATE)
def update(account: Account, params: Params, dispute_id: str) -> Json:
    """Keep evidence and metadata; evidence is submitted unless `submit` is false."""
    dispute = account.find("dispute", dispute_id)
    before, evidence = rendered(dispute), params.get("evidence")
    if evidence and not dispute["status"].endswith("needs_response"):
        raise InvalidRequest("This dispute can no longer be responded to.", param="evidence")
    dispute["metadata"] = merged_metadata(dispute["metadata"], params.get("metadata"))
    submit = params.get("submit", True) and dispute["status"].endswith("needs_response")
    if evidence or ("submit" in params and submit and dispute["evidence_details"]["has_evidence"]):
        disputing.give_evidence(dispute, evidence or {}, submit=submit)
    account.emit_update("charge.dispute.updated", dispute, before)
    disputing.decide(account, dispute)
    return dispute


@route("POST", "/v1/disputes/<dispute_id>/close")
def close(account: Account, _params: Params, dispute_id: str) -> Json:
    """Accept a dispute, which loses it; an inquiry is merely closed."""
    dispute = account.find("dispute", dispute_id)
    if not dispute["status"].endswith("needs_response"):
        raise InvalidRequest("This dispute is already closed, or its evidence is under review.")
    disputing.move(account, dispute, "warning_closed" if dispute["status"].startswith("warning_") else "lost")
    return dispute
