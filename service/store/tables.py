"""The record: what only we know (primary) and what can be rebuilt from Stripe (derived)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()


def _instant(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _recorded(name: str = "created_at") -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _by_standing(name: str, *then: str | TextClause) -> Index:
    """Return an index in which accounts that stand alike lie together, in an order that no other index has.

    Its texts are ordered by their bytes (`collate "C"`, as the migration says: comparing schemas tells columns alone).
    """
    return Index(name, "status", text("coalesce(plan, '')"), "in_trial", "past_due", "cancelling", *then)


def _standing(name: str, comment: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, server_default=false(), comment=f"{comment}, for search")


# Primary: survives anything, never rebuilt ---------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("reader_id", Text, primary_key=True, comment="the site's stable id of a signed-in reader"),
    Column("customer_id", Text, unique=True, comment="Stripe's payer record"),
    Column("email", Text),
    Column("email_folded", Text, comment="lower case, for search"),
    Column("version", BigInteger, nullable=False, server_default="0", comment="of the newest entitlement"),
    Column("status", Text, nullable=False, server_default="none", comment="of the newest entitlement, for search"),
    Column("plan", Text, comment="of the newest entitlement, for search"),
    _standing("in_trial", "a subscription to a plan is in its trial"),
    _standing("past_due", "a subscription to a plan waits for a payment"),
    _standing("cancelling", "a running subscription to a plan has its end set"),
    Column(
        "published_version",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the pass last copied to Redis",
    ),
    _recorded(),
    Index("accounts_email_idx", "email_folded", postgresql_ops={"email_folded": "text_pattern_ops"}),
    Index("accounts_reader_prefix_idx", "reader_id", postgresql_ops={"reader_id": "text_pattern_ops"}),
    Index("accounts_customer_prefix_idx", "customer_id", postgresql_ops={"customer_id": "text_pattern_ops"}),
    Index("accounts_status_idx", "status", "reader_id"),
    Index("accounts_plan_idx", "plan", "reader_id"),
    Index("accounts_created_idx", "created_at", "reader_id"),
    Index("accounts_status_created_idx", "status", "created_at", "reader_id"),
    Index("accounts_plan_created_idx", "plan", "created_at", "reader_id"),
    Index("accounts_status_plan_created_idx", "status", "plan", "created_at", "reader_id"),
    Index("accounts_in_trial_idx", "created_at", "reader_id", postgresql_where=text("in_trial")),
    Index("accounts_past_due_idx", "created_at", "reader_id", postgresql_where=text("past_due")),
    Index("accounts_cancelling_idx", "created_at", "reader_id", postgresql_where=text("cancelling")),
    _by_standing("accounts_standing_created_idx", text("(created_at at time zone 'UTC')"), "reader_id"),
    _by_standing("accounts_standing_reader_idx", "reader_id"),
    _by_standing("accounts_standing_email_idx", "email_folded"),
    _by_standing("accounts_standing_customer_idx", "customer_id"),
    Index("accounts_unpublished_idx", "reader_id", postgresql_where=text("published_version < version")),
)

checkouts = Table(
    "checkouts",
    metadata,
    Column("id", Text, primary_key=True, comment="ours: chk_…"),
    Column("reader_id", Text, ForeignKey("accounts.reader_id"), nullable=False),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False, comment="creating, open, complete, expired"),
    Column("parameters", JSONB, nullable=False, comment="exactly what is sent to Stripe, fixed before the call"),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("success_url", Text, nullable=False),
    Column("cancel_url", Text, nullable=False),
    Column("session_id", Text, unique=True, comment="Stripe's Checkout Session"),
    Column("url", Text),
    _instant("expires_at"),
    Column("trial", JSONB, nullable=False, comment="{eligible, days, reason} as told before payment"),
    Column("disclosure", JSONB, nullable=False, comment="what the reader was told: the consent record"),
    Column("catalog_version", Text, nullable=False, comment="of plans.yaml"),
    _instant("leased_until"),
    _recorded(),
    CheckConstraint("status in ('creating', 'open', 'complete', 'expired')", name="checkouts_status_known"),
    Index("checkouts_reader_idx", "reader_id", "created_at"),
    Index(
        "checkouts_one_open_per_reader_idx",
        "reader_id",
        unique=True,
        postgresql_where=text("status in ('creating', 'open')"),
    ),
)

trial_ledger = Table(
    "trial_ledger",
    metadata,
    Column("kind", Text, primary_key=True, comment="reader, customer, email (keyed hash), card (fingerprint)"),
    Column("value", Text, primary_key=True),
    Column("reader_id", Text, nullable=False, index=True),
    Column("subscription_id", Text, nullable=False),
    _recorded(),
)

trial_bars = Table(
    "trial_bars",
    metadata,
    Column("kind", Text, primary_key=True, comment="reader, customer, email (keyed hash), card (fingerprint)"),
    Column("value", Text, primary_key=True),
    Column("dispute_id", Text, primary_key=True, index=True, comment="at Stripe: why there is no trial any more"),
    Column("reader_id", Text, nullable=False, index=True, comment="whose payment was disputed"),
    _recorded(),
)

repeated_cards = Table(
    "repeated_cards",
    metadata,
    Column("subscription_id", Text, primary_key=True, comment="whose trial began with a card that had had one"),
    Column("customer_id", Text, nullable=False, index=True),
    Column("reader_id", Text, nullable=False),
    Column("policy", Text, nullable=False, comment="as plans.yaml said when it was found: end_trial, cancel"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _instant("not_before"),
    _instant("settled_at"),
    Column("outcome", Text, comment="trial_ended, cancelled, trial_over, or why Stripe refused"),
    _recorded("found_at"),
    Index("repeated_cards_unsettled_idx", "found_at", postgresql_where=text("settled_at is null")),
)

grants = Table(
    "grants",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reader_id", Text, ForeignKey("accounts.reader_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="courtesy or gift"),
    Column("features", ARRAY(Text), nullable=False),
    _instant("from_at", nullable=False),
    _instant("until_at", nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_by", Text, nullable=False),
    _instant("revoked_at"),
    _recorded(),
    Index("grants_standing_idx", "kind", "until_at", postgresql_where=text("revoked_at is null")),
)

visitor_links = Table(
    "visitor_links",
    metadata,
    Column("visitor_id", Text, primary_key=True),
    Column("reader_id", Text, nullable=False, index=True),
    Column("linked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("since", DateTime(timezone=True), comment="of its present reader's first sign-in; null as linked_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("label", Text, nullable=False),
    Column("prefix", Text, nullable=False, comment="shown to people; not a secret"),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the whole key"),
    Column("scopes", ARRAY(Text), nullable=False),
    _instant("revoked_at"),
    _recorded(),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("api_key_id", BigInteger, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False, comment="of method, path and body"),
    Column("ticket", Text, nullable=False, comment="only its holder may record the answer"),
    _instant("leased_until", nullable=False),
    Column("status", Integer, comment="null while in flight"),
    Column("body", Text, comment="the answer to the byte"),
    Column("created_at", DateTime(timezone=True), nullable=False, index=True),
)

# Derived: rebuilt from Stripe ----------------------------------------------------------------------------

customer_snapshots = Table(
    "customer_snapshots",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("reader_id", Text, index=True, comment="null while no account is bound to this customer"),
    Column("named_reader_id", Text, index=True, comment="whom metadata names, though another customer is theirs"),
    Column("snapshot", JSONB, nullable=False, comment="CustomerSnapshot, as last fetched"),
    _instant("fetched_at", nullable=False),
    Column(
        "resync_at",
        DateTime(timezone=True),
        comment="business instant at which a fresh look is due",
        index=True,
    ),
)

payment_method_held = literal_column(
    "coalesce(snapshot #>> '{pays_with,id}', snapshot #>> '{card,payment_method_id}')", Text
)
"""The id of what a customer's renewals are charged to; of snapshots kept before `pays_with` was, a card's."""
Index("customer_snapshots_payment_method_idx", payment_method_held, _table=customer_snapshots)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("reader_id", Text, index=True),
    Column("status", Text, nullable=False),
    Column("plan", Text, comment="null for a foreign product on a shared Stripe account"),
    Column("price_id", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("interval", Text, comment="month, year"),
    _instant("created_at", nullable=False),
    _instant("trial_end_at"),
    _instant("period_end_at"),
    _instant("cancel_at"),
    _instant("ended_at"),
    _instant("fetched_at", nullable=False),
    Index("subscriptions_created_idx", "created_at"),
    Index("subscriptions_prefix_idx", "id", postgresql_ops={"id": "text_pattern_ops"}),
)

invoices = Table(
    "invoices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("subscription_id", Text),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_due_minor", BigInteger, nullable=False),
    Column("amount_paid_minor", BigInteger, nullable=False),
    Column("attempt_count", Integer, comment="how often a payment was tried"),
    _instant("period_end_at"),
    _instant("created_at", nullable=False),
    _instant("paid_at"),
    Column("hosted_url", Text),
    Index("invoices_prefix_idx", "id", postgresql_ops={"id": "text_pattern_ops"}),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True, comment="of the dispute, fraud warning or refund at Stripe"),
    Column("customer_id", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="dispute, fraud_warning, refund"),
    Column("status", Text, nullable=False, comment="Stripe's word; of a warning: actionable, not_actionable"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("invoice_id", Text, comment="what the charge paid; null for no invoice"),
    Column("subscription_id", Text, comment="null for a payment that is no subscription's of ours"),
    Column("from_at", DateTime(timezone=True), nullable=False),
    Column("released_at", DateTime(timezone=True), comment="when a later payment covered what this one revokes"),
    Column("blocks", Boolean, nullable=False),
    Column("revokes", Boolean, nullable=False, comment="takes back what the invoice paid for, and nothing else"),
    Index("holds_charge_idx", "charge_id"),
    Index("holds_standing_idx", "customer_id", postgresql_where=text("blocks and released_at is null")),
)

entitlements = Table(
    "entitlements",
    metadata,
    Column("reader_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, comment="append-only; the highest is in force"),
    Column("entitlement", JSONB, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False, comment="business time it was computed for"),
    Column("cause", Text, nullable=False, comment="what made it be computed: sync, grant, backfill …"),
    _recorded("recorded_at"),
)

# Convergence: what long work has done, and may still do ----------------------------------------------------

drift = Table(
    "drift",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("subscription_id", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="missing_here, gone_at_stripe, differs, unreadable, unbound"),
    Column("field", Text, nullable=False, server_default="", comment="which one differs"),
    Column("ours", Text),
    Column("theirs", Text),
    _instant("found_at", nullable=False),
    _instant("seen_at", nullable=False),
    Column("repaired_at", DateTime(timezone=True), comment="synced since, or found no more"),
    Index(
        "drift_open_idx",
        "customer_id",
        "subscription_id",
        "kind",
        "field",
        unique=True,
        postgresql_where=text("repaired_at is null"),
    ),
)

long_runs = Table(
    "long_runs",
    metadata,
    Column("name", Text, primary_key=True, comment="reconcile, rebuild; a row stands only while one is unfinished"),
    Column("reached", JSONB, nullable=False, comment="where to go on"),
    _instant("started_at", nullable=False),
    _instant("updated_at", nullable=False),
)

finished_runs = Table(
    "finished_runs",
    metadata,
    Column("name", Text, primary_key=True, comment="as in long_runs: the last one of each name that came to its end"),
    _instant("started_at", nullable=False),
    _instant("finished_at", nullable=False),
    Column("found", JSONB, nullable=False, comment="what it came to, in numbers"),
)

stripe_allowances = Table(
    "stripe_allowances",
    metadata,
    Column("name", Text, primary_key=True, comment="which of Stripe's limits is shared out"),
    Column("free_at", DateTime(timezone=True), nullable=False, comment="when all that was taken is earned back"),
)
