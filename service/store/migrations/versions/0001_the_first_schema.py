"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from service.store.migrate import install_procrastinate

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("reader_id", sa.Text(), nullable=False, comment="the site's stable id of a signed-in reader"),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="Stripe's payer record"),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_folded", sa.Text(), nullable=True, comment="lower case, for search"),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False, comment="of the newest entitlement"),
        sa.Column(
            "status", sa.Text(), server_default="none", nullable=False, comment="of the newest entitlement, for search"
        ),
        sa.Column("plan", sa.Text(), nullable=True, comment="of the newest entitlement, for search"),
        sa.Column(
            "published_version",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="the pass last copied to Redis",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("reader_id"),
        sa.UniqueConstraint("customer_id"),
    )
    op.create_index(
        "accounts_customer_prefix_idx",
        "accounts",
        ["customer_id"],
        unique=False,
        postgresql_ops={"customer_id": "text_pattern_ops"},
    )
    op.create_index(
        "accounts_email_idx",
        "accounts",
        ["email_folded"],
        unique=False,
        postgresql_ops={"email_folded": "text_pattern_ops"},
    )
    op.create_index("accounts_plan_idx", "accounts", ["plan", "reader_id"], unique=False)
    op.create_index(
        "accounts_reader_prefix_idx",
        "accounts",
        ["reader_id"],
        unique=False,
        postgresql_ops={"reader_id": "text_pattern_ops"},
    )
    op.create_index("accounts_status_idx", "accounts", ["status", "reader_id"], unique=False)
    op.create_index(
        "accounts_unpublished_idx",
        "accounts",
        ["reader_id"],
        unique=False,
        postgresql_where=sa.text("published_version < version"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False, comment="shown to people; not a secret"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the whole key"),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "customer_snapshots",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=True, comment="null while no account is bound to this customer"),
        sa.Column(
            "snapshot",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="CustomerSnapshot, as last fetched",
        ),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "resync_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="business instant at which a fresh look is due",
        ),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_index(op.f("ix_customer_snapshots_reader_id"), "customer_snapshots", ["reader_id"], unique=False)
    op.create_index(op.f("ix_customer_snapshots_resync_at"), "customer_snapshots", ["resync_at"], unique=False)
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="missing_here, gone_at_stripe, differs, unreadable"),
        sa.Column("field", sa.Text(), server_default="", nullable=False, comment="which one differs"),
        sa.Column("ours", sa.Text(), nullable=True),
        sa.Column("theirs", sa.Text(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repaired_at", sa.DateTime(timezone=True), nullable=True, comment="synced since, or found no more"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "drift_open_idx",
        "drift",
        ["customer_id", "subscription_id", "kind", "field"],
        unique=True,
        postgresql_where=sa.text("repaired_at is null"),
    )
    op.create_index(op.f("ix_drift_customer_id"), "drift", ["customer_id"], unique=False)
    op.create_table(
        "entitlements",
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="append-only; the highest is in force"),
        sa.Column("entitlement", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False, comment="business time it was computed for"),
        sa.Column("cause", sa.Text(), nullable=False, comment="what made it be computed: sync, grant, backfill …"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("reader_id", "version"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False, comment="of the dispute, fraud warning or refund at Stripe"),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="dispute, fraud_warning, refund"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="Stripe's word; of a warning: actionable, not_actionable"
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=True, comment="what the charge paid; null for no invoice"),
        sa.Column(
            "subscription_id", sa.Text(), nullable=True, comment="null for a payment that is no subscription's of ours"
        ),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "released_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a later payment covered what this one revokes",
        ),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column(
            "revokes", sa.Boolean(), nullable=False, comment="takes back what the invoice paid for, and nothing else"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_holds_customer_id"), "holds", ["customer_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("api_key_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False, comment="of method, path and body"),
        sa.Column("ticket", sa.Text(), nullable=False, comment="only its holder may record the answer"),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True, comment="null while in flight"),
        sa.Column("body", sa.Text(), nullable=True, comment="the answer to the byte"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("api_key_id", "key"),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("period_end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hosted_url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("invoices_prefix_idx", "invoices", ["id"], unique=False, postgresql_ops={"id": "text_pattern_ops"})
    op.create_index(op.f("ix_invoices_customer_id"), "invoices", ["customer_id"], unique=False)
    op.create_table(
        "long_runs",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="reconcile, rebuild; a row stands only while one is unfinished"
        ),
        sa.Column("reached", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="where to go on"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "repeated_cards",
        sa.Column(
            "subscription_id", sa.Text(), nullable=False, comment="whose trial began with a card that had had one"
        ),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column(
            "policy", sa.Text(), nullable=False, comment="as plans.yaml said when it was found: end_trial, cancel"
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome", sa.Text(), nullable=True, comment="trial_ended, cancelled, trial_over, or why Stripe refused"
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id"),
    )
    op.create_index(op.f("ix_repeated_cards_customer_id"), "repeated_cards", ["customer_id"], unique=False)
    op.create_index(
        "repeated_cards_unsettled_idx",
        "repeated_cards",
        ["found_at"],
        unique=False,
        postgresql_where=sa.text("settled_at is null"),
    )
    op.create_table(
        "stripe_allowances",
        sa.Column("name", sa.Text(), nullable=False, comment="which of Stripe's limits is shared out"),
        sa.Column(
            "free_at", sa.DateTime(timezone=True), nullable=False, comment="when all that was taken is earned back"
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True, comment="null for a foreign product on a shared Stripe account"),
        sa.Column("price_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial_end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_subscriptions_customer_id"), "subscriptions", ["customer_id"], unique=False)
    op.create_index(op.f("ix_subscriptions_reader_id"), "subscriptions", ["reader_id"], unique=False)
    op.create_index("subscriptions_created_idx", "subscriptions", ["created_at"], unique=False)
    op.create_index(
        "subscriptions_prefix_idx", "subscriptions", ["id"], unique=False, postgresql_ops={"id": "text_pattern_ops"}
    )
    op.create_table(
        "trial_ledger",
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="reader, customer, email (keyed hash), card (fingerprint)"
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value"),
    )
    op.create_index(op.f("ix_trial_ledger_reader_id"), "trial_ledger", ["reader_id"], unique=False)
    op.create_table(
        "visitor_links",
        sa.Column("visitor_id", sa.Text(), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("visitor_id"),
    )
    op.create_index(op.f("ix_visitor_links_reader_id"), "visitor_links", ["reader_id"], unique=False)
    op.create_table(
        "checkouts",
        sa.Column("id", sa.Text(), nullable=False, comment="ours: chk_…"),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="creating, open, complete, expired"),
        sa.Column(
            "parameters",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="exactly what is sent to Stripe, fixed before the call",
        ),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("success_url", sa.Text(), nullable=False),
        sa.Column("cancel_url", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True, comment="Stripe's Checkout Session"),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "trial",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="{eligible, days, reason} as told before payment",
        ),
        sa.Column(
            "disclosure",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what the reader was told: the consent record",
        ),
        sa.Column("catalog_version", sa.Text(), nullable=False, comment="of plans.yaml"),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('creating', 'open', 'complete', 'expired')", name="checkouts_status_known"),
        sa.ForeignKeyConstraint(
            ["reader_id"],
            ["accounts.reader_id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("session_id"),
    )
    op.create_index(
        "checkouts_one_open_per_reader_idx",
        "checkouts",
        ["reader_id"],
        unique=True,
        postgresql_where=sa.text("status in ('creating', 'open')"),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="courtesy or gift"),
        sa.Column("features", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["reader_id"],
            ["accounts.reader_id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_grants_reader_id"), "grants", ["reader_id"], unique=False)
    op.create_table(
        "backfill_cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "reached_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="every event created before this was looked at",
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "customer_syncs",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("dirty", sa.BigInteger(), server_default="0", nullable=False, comment="grows with every hint"),
        sa.Column(
            "synced",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="the `dirty` that the last sync had read",
        ),
        sa.Column("ticket", sa.BigInteger(), server_default="0", nullable=False, comment="only its holder may commit"),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True, comment="backoff after a failure"),
        sa.Column(
            "attempts", sa.Integer(), server_default="0", nullable=False, comment="failures since the last success"
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "dirty_since", sa.DateTime(timezone=True), nullable=True, comment="when the oldest unapplied hint came"
        ),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_index(
        "customer_syncs_due_idx",
        "customer_syncs",
        ["not_before"],
        unique=False,
        postgresql_where=sa.text("dirty > synced"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False, comment="Stripe's event id"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Stripe's own instant, whole seconds; never used to order",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=True),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True, comment="a connected account's id: stored, never applied"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the raw verified bytes"),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="whom it concerns, once known"),
        sa.Column("mark", sa.BigInteger(), nullable=True, comment="done once customer_syncs.synced has reached this"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="pending, ignored, quarantined; `done` is derived from the mark",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was ignored or quarantined"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="failed routings"),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True, comment="backoff of routing"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("events_customer_idx", "events", ["customer_id", "mark"], unique=False)
    op.create_index(
        "events_unrouted_idx",
        "events",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending' and customer_id is null"),
    )
    install_procrastinate(op.get_bind())
