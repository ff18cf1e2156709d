"""What stands against a customer's payments at Stripe: disputes, early fraud warnings, refunds.

None of them can be listed by customer, only by charge (https://docs.stripe.com/api/disputes/list,
/api/radar/early_fraud_warnings/list, /api/refunds/list), and a charge names no invoice. The calls are therefore:
one for the charges; one per warned-about candidate, the newest few that succeeded; two for each warning that an event
has told of; one per charge that says of itself that it was disputed or refunded; and one to find the invoice of each
charge of another product's that something stands against. An undisputed payer costs 1 + `WARNED_AT_MOST` calls, a trial
1. A customer of another product as well costs more (`charges_of`): ours are looked at whatever else is bought.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from webhooks.concern import id_of
from webhooks.facts import fingerprint_of
from webhooks.fetch_charges import charges_of, invoice_of
from webhooks.snapshot import HoldFacts

WARNED_AT_MOST = 3
"""A warning comes within weeks of its charge (https://docs.stripe.com/disputes/prevention/fraud-warnings); charges
older than the newest three mostly paid for periods that are over, so of them only what we were told is asked."""
TROUBLED_AT_MOST = 12
"""Banks take disputes for about four months; of older charges nothing is asked."""


@dataclass(frozen=True, kw_only=True)
class Holds:
    """What stands against a customer's charges, newest charge first; `complete` is False when some was not asked."""

    facts: tuple[HoldFacts, ...]
    complete: bool


def fetch_holds(
    client: stripe.StripeClient, customer_id: str, paid_by: Mapping[str, str], told: Sequence[str] = ()
) -> Holds:
    """Return what stands against the customer's charges; raises stripe.StripeError.

    `paid_by` as in `charges_of`; `told` are the ids of early fraud warnings that events have told of.
    """
    charges = charges_of(client, customer_id, paid_by)
    warnable = {each["id"]: each for each in (*charges.newest(WARNED_AT_MOST), *_warned_charges(client, told))}
    ours, others = ([each for each in part if _is_troubled(each)] for part in (charges.ours, charges.others))
    asked = warnable | {each["id"]: each for each in (*ours[:TROUBLED_AT_MOST], *others[:TROUBLED_AT_MOST])}
    newest_first = sorted(asked.values(), key=lambda each: int(each["created"]), reverse=True)
    return Holds(
        facts=tuple(
            hold for each in newest_first for hold in _of_charge(client, each, paid_by, warnable=each["id"] in warnable)
        ),
        complete=charges.complete and len(ours) <= TROUBLED_AT_MOST,
    )


def _warned_charges(client: stripe.StripeClient, told: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the charges that these warnings are about; one that Stripe does not know is passed over."""
    for warning_id in told:
        try:
            warning = client.v1.radar.early_fraud_warnings.retrieve(warning_id, {"expand": ["charge"]})
        except stripe.InvalidRequestError as error:
            if error.http_status != 404:
                raise
            continue
        charge = warning.to_dict()["charge"]
        if isinstance(charge, dict) and charge["status"] == "succeeded":
            yield charge


def _is_troubled(charge: Mapping[str, Any]) -> bool:
    return bool(charge["disputed"] or charge["amount_refunded"])


def _of_charge(
    client: stripe.StripeClient, charge: Mapping[str, Any], paid_by: Mapping[str, str], *, warnable: bool
) -> Iterator[HoldFacts]:
    found = list(_against(client, charge, warnable=warnable))
    invoice_id = (invoice_of(charge, paid_by) or _asked_invoice_of(client, charge)) if found else None
    for kind, status, each in found:
        yield HoldFacts(
            id=each["id"],
            kind=kind,
            status=status,
            amount_minor=each.get("amount", charge["amount"]),
            currency=charge["currency"],
            charge_id=charge["id"],
            charge_amount_minor=charge["amount"],
            invoice_id=invoice_id,
            created_at=datetime.fromtimestamp(each["created"], UTC),
            payment_fingerprint=fingerprint_of(charge.get("payment_method_details")),
        )


def _against(
    client: stripe.StripeClient, charge: Mapping[str, Any], *, warnable: bool
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (kind, status, the object) of all that stands against one charge."""
    api, of_charge = client.v1, charge["id"]
    if charge["disputed"]:
        for dispute in api.disputes.list({"charge": of_charge, "limit": 100}).data:
            yield "dispute", hold_status("dispute", dispute.to_dict()), dispute.to_dict()
    if charge["amount_refunded"]:
        for refund in api.refunds.list({"charge": of_charge, "limit": 100}).data:
            yield "refund", hold_status("refund", refund.to_dict()), refund.to_dict()
    if warnable:
        for warning in api.radar.early_fraud_warnings.list({"charge": of_charge, "limit": 100}).data:
            yield "fraud_warning", hold_status("fraud_warning", warning.to_dict()), warning.to_dict()


def hold_status(kind: str, thing: Mapping[str, Any]) -> str:
    """Return the word under which a dispute, a refund or a warning (Stripe's JSON) is kept."""
    if kind == "fraud_warning":
        return "actionable" if thing["actionable"] else "not_actionable"
    return str(thing["status"] or "unknown")


def _asked_invoice_of(client: stripe.StripeClient, charge: Mapping[str, Any]) -> str | None:
    intent = id_of(charge.get("payment_intent"))
    if intent is None:
        return None
    payments = client.v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent}})
    return next((id_of(each.to_dict()["invoice"]) for each in payments.data), None)
