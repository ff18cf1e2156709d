"""What support is shown, for the OpenAPI document; `support` builds these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import (
    flag,
    instant,
    many,
    maybe,
    maybe_text,
    number,
    one,
    quoted,
    status_after,
    text,
    texts,
)
from service.api.shapes import Meter, Money, Reader
from service.domain.entitlement import Status
from service.domain.notices import NoticeKind
from service.store.account_search import Match
from service.store.drift import DriftKind
from service.support.account_sources import Origin


class FoundAccount(Schema):
    reader_id = text()
    email = maybe_text()
    customer_id = maybe_text()
    status = Choice(*Status, required=True)
    plan = maybe_text()
    in_trial = flag("A subscription to a plan is in its trial.")
    past_due = flag("A subscription to a plan waits for a payment.")
    cancelling = flag("A running subscription to a plan has its end set.")
    created_at = instant("When the account was made.")
    match = Choice(*Match, required=True, allow_none=True, metadata={"description": "By what `q` found it."})


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
    created_at = instant()
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


class FraudWarningRow(Schema):
    warning_id = text()
    charge_id = text()
    attempts = number("How often it could not be given back.")
    outcome = maybe_text("refunded, or why Stripe refused: `failing:` is tried again; null while it waits.")
    found_at = instant()
    settled_at = instant(nullable=True)


class Refund(Schema):
    preview = flag("True: nothing has changed.")
    effect = texts()
    quote = quoted()
    id = maybe_text("Of the refund at Stripe; null in a preview of one that is still to be made.")
    invoice = text()
    status = maybe_text("Stripe's word: succeeded, pending, requires_action; null in a preview.")
    amount = one(Money)
    left = one(Money)
    reader_status = status_after()


class TrialRow(Schema):
    kind = fields.String(required=True, metadata={"description": "reader, customer, email or card."})
    subscription_id = text("Or `email:` and a keyed hash, of an earlier address under which a trial was had.")
    recorded_at = instant()


class RefundRow(Schema):
    refund_id = maybe_text("At Stripe; null while under way, or refused.")
    invoice = text()
    amount = one(Money)
    reason = text()
    asked_by = text()
    asked_at = instant()
    outcome = maybe_text("Stripe's status of it at first, or why it was refused.")


class VisitorRow(Schema):
    visitor_id = text()
    linked_at = instant()


class ConsentRow(Schema):
    kind = text("checkout, plan_change.")
    id = text()
    plan = text()
    outcome = maybe_text("Of a checkout: creating, open, complete, expired; else changed, or why not.")
    at = instant("When it was told.")
    disclosure = fields.Dict(keys=fields.String(), required=True, metadata={"description": "What the reader was told."})
    catalog_version = text("Of plans.yaml.")


class GiftRow(Schema):
    article = text()
    given_at = instant()
    expires_at = instant()


class NoteRow(Schema):
    id = number()
    body = text()
    written_by = text()
    written_at = instant()


class NoticeToldRow(Schema):
    id = text("As in `state.notices`, where those that are to be told now stand.")
    kind = Choice(*NoticeKind, required=True)
    at = instant("When the charge is made, or tried again; null when not by itself.", nullable=True)
    amount = one(Money)
    told_at = instant("Wall time: when the site first asked and learned it.")


class MergeRow(Schema):
    gone_reader_id = text("Whose things went to the other account.")
    reader_id = text("The account that stays.")
    gone_customer_id = maybe_text("The customer at Stripe that is no account's any more.")
    reason = text()
    merged_by = text()
    merged_at = instant()


class Card(Schema):
    brand = text()
    last4 = text()


class SourceOfPart(Schema):
    origin = Choice(*Origin, required=True)
    as_of = instant("Business time; null for what was never fetched.", nullable=True)
    trouble = maybe_text("What is in the way, in a sentence.")
    more = flag("There are more than the newest hundred, which are shown.")


class Account(Schema):
    reader_id = text()
    email = maybe_text()
    customer_id = maybe_text()
    created_at = instant()
    sentence = text("Where the account stands, for people.")
    warning = maybe_text("What somebody should look into, in a sentence: two subscriptions at once.")
    state = one(Reader)
    rule = text("Which rule decided what access there is.")
    card = maybe(Card)
    subscriptions = many(SubscriptionRow)
    invoices = many(InvoiceRow)
    grants = many(GrantRow)
    holds = many(HoldRow)
    fraud_warnings = many(FraudWarningRow)
    refunds = many(RefundRow)
    trial_ledger = many(TrialRow)
    meter = maybe(Meter)
    visitors = many(VisitorRow)
    consents = many(ConsentRow)
    gifts = many(GiftRow)
    notes = many(NoteRow)
    notices_told = many(NoticeToldRow)
    merges = many(MergeRow)
    sources = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(SourceOfPart),
        required=True,
        metadata={"description": "By part: where it comes from, as of when."},
    )


class HeldRows(Schema):
    why = text("What it is for.")
    rows = fields.List(fields.Dict(keys=fields.String()), required=True)


class Export(Schema):
    reader_id = text()
    made_at = instant()
    meter = fields.Dict(
        keys=fields.String(),
        required=True,
        allow_none=True,
        metadata={
            "description": "How many articles are counted: of the reader, of accounts made one with theirs, of linked "
            "browsers; null without Redis."
        },
    )
    held = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(HeldRows),
        required=True,
        metadata={"description": "By table; an empty one is named too."},
    )


class Obstacle(Schema):
    code = text("As a problem's: what the erasure would be refused with.")
    detail = text()


class Erasure(Schema):
    preview = flag("True: nothing has changed.")
    rows = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(strict=True),
        required=True,
        metadata={
            "description": "By table: how many rows were erased, or stripped of what names the reader; in a preview, "
            "how many are held."
        },
    )
    at_stripe = texts()
    obstacle = maybe(Obstacle)
    erased_before_at = instant(
        "When the reader had been erased before; what was to be done at Stripe was told then, and is not kept.",
        nullable=True,
    )


class DriftRow(Schema):
    customer_id = text()
    reader_id = maybe_text("Whose customer it is here.")
    sentence = text("The difference, for people.")
    subscription_id = text()
    kind = Choice(*DriftKind, required=True)
    field = fields.String(required=True, allow_none=True, metadata={"description": "Which one differs."})
    ours = fields.String(required=True, allow_none=True, metadata={"description": "What our record said."})
    theirs = fields.String(required=True, allow_none=True, metadata={"description": "What Stripe said."})
    found_at = instant()
    seen_at = instant("When it was last found.")
    repaired_at = instant("When the customer was synced since, or the difference was found no more.", nullable=True)


class FinishedRun(Schema):
    name = text("`reconcile and repair` synced whom it found to differ, `reconcile` only looked.")
    started_at = instant()
    finished_at = instant()
    compared = number("Subscriptions, since it began or was resumed.")
    differing = number("Customers.")
    repaired = number("Of those, synced.")
    failed = number("Of those, could not be synced; they are tried again like any other.")
    resumed = flag("Whether it went on where an earlier one had stopped.")
    refused = flag("Whether it repaired nothing, because more differed than can have been missed.")


class UnfinishedRun(Schema):
    name = text()
    started_at = instant()
    updated_at = instant("Its last sign of life.")


class DriftList(Schema):
    data = many(DriftRow)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})
    open = number("Differences not repaired yet, counted up to 10,000.")
    last_run = maybe(FinishedRun)
    under_way = maybe(UnfinishedRun)


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
        metadata={"description": "Whom it is about, or whose data were shown; `erased:…` for one who was erased."},
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
