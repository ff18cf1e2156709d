"""What support is shown, for the OpenAPI document; `support` builds these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import flag, instant, many, maybe, maybe_text, number, one, text, texts
from service.api.shapes import Meter, Money, Reader
from service.domain.entitlement import Status
from service.store.drift import DriftKind


class FoundAccount(Schema):
    reader_id = text()
    email = maybe_text()
    customer_id = maybe_text()
    status = Choice(*Status, required=True)
    plan = maybe_text()


class AccountList(Schema):
    data = many(FoundAccount)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})


class SubscriptionRow(Schema):
    id = text()
    status = text("Stripe's word.")
    plan = fields.String(
        required=True, allow_none=True, metadata={"description": "null: a foreign product on the same Stripe account."}
    )
    price_id = text()
    trial_ends_at = instant(nullable=True)
    period_ends_at = instant(nullable=True)
    cancels_at = instant(nullable=True)
    ended_at = instant(nullable=True)
    fetched_at = instant()


class InvoiceRow(Schema):
    id = text()
    subscription_id = maybe_text()
    status = text()
    due = one(Money)
    paid = one(Money)
    created_at = instant()
    paid_at = instant(nullable=True)
    period_ends_at = instant(nullable=True)
    url = maybe_text()


class GrantRow(Schema):
    id = number()
    kind = text()
    features = texts()
    from_at = instant()
    until_at = instant()
    reason = text()
    given_by = text()
    revoked_at = instant(nullable=True)


class HoldRow(Schema):
    id = text()
    kind = fields.String(required=True, metadata={"description": "dispute, fraud_warning or refund."})
    status = text("Stripe's word; of a fraud warning `actionable` or `not_actionable`.")
    amount = one(Money)
    charge_id = text()
    invoice_id = maybe_text()
    subscription_id = maybe_text()
    blocks = flag("Whether it closes access.")
    revokes = flag("Whether it takes back what its invoice paid for, and nothing else.")
    from_at = instant()
    released_at = instant("When a later payment covered what this one takes back.", nullable=True)


class Refund(Schema):
    id = text()
    invoice = text()
    status = text("Stripe's word: succeeded, pending, requires_action.")
    amount = one(Money)
    left = one(Money)
    reader_status = Choice(*Status, required=True)


class TrialRow(Schema):
    kind = fields.String(required=True, metadata={"description": "reader, customer, email or card."})
    subscription_id = text()
    recorded_at = instant()


class Account(Schema):
    reader_id = text()
    email = maybe_text()
    customer_id = maybe_text()
    created_at = instant()
    state = one(Reader)
    subscriptions = many(SubscriptionRow)
    invoices = many(InvoiceRow)
    grants = many(GrantRow)
    holds = many(HoldRow)
    trial_ledger = many(TrialRow)
    meter = maybe(Meter)


class DriftRow(Schema):
    customer_id = text()
    subscription_id = text()
    kind = Choice(*DriftKind, required=True)
    field = fields.String(required=True, allow_none=True, metadata={"description": "Which one differs."})
    ours = fields.String(required=True, allow_none=True, metadata={"description": "What our record said."})
    theirs = fields.String(required=True, allow_none=True, metadata={"description": "What Stripe said."})
    found_at = instant()
    seen_at = instant("When it was last found.")
    repaired_at = instant("When the customer was synced since, or the difference was found no more.", nullable=True)


class DriftList(Schema):
    data = many(DriftRow)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})


class AuditEntry(Schema):
    seq = number("Its place in the chain, from 1 without a gap.")
    at = instant()
    actor = text("`staff:` and the number of a member of staff, `key:` and that of an API key, `command:`, `service`.")
    act = text("Such as account.read; `.asked` is written before what is done at Stripe.")
    request_id = maybe_text()
    reader_ids = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Whom it is about, or whose data were shown."},
    )
    reason = maybe_text()
    detail = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    erases = fields.List(
        fields.Integer(strict=True), required=True, metadata={"description": "Whose details this entry erased."}
    )
    erased = flag("Whether its details were erased; the entry itself stays.")
    digest = text("SHA-256 of its content and of the entry before, in hexadecimal.")


class AuditList(Schema):
    data = many(AuditEntry)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})
