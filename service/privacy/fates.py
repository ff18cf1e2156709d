"""What an erasure keeps, and in which form: money without the person, and that a trial was had."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from service.domain.erasure import ERASED
from service.journal.reading import forget_reader
from service.privacy.held import Digest, Held, Row, Stripped, always
from service.privacy.person import Person
from service.store import derived
from service.store.money_tables import consents
from service.store.tables import checkouts
from webhooks.rows import FORGOTTEN_REASON, NOTHING

_NOBODY = {"customer_id": always(ERASED)}


def _reader(row: Row, digest: Digest) -> str:
    return digest("reader", row["reader_id"])


SUBSCRIPTION = Stripped(
    stays=frozenset(
        {"id", "status", "plan", "price_id", "amount_minor", "currency", "interval", "created_at", "trial_end_at",
         "period_end_at", "cancel_at", "ended_at", "fetched_at"}
    ),
    becomes=_NOBODY | {"reader_id": always(None)},
)  # fmt: skip
INVOICE = Stripped(
    stays=frozenset(
        {"id", "subscription_id", "status", "currency", "amount_due_minor", "amount_paid_minor", "attempt_count",
         "period_end_at", "created_at", "paid_at"}
    ),
    becomes=_NOBODY | {"hosted_url": always(None)},
)  # fmt: skip
HOLD = Stripped(
    stays=frozenset(
        {"id", "kind", "status", "amount_minor", "currency", "charge_id", "invoice_id", "subscription_id", "from_at",
         "released_at", "blocks", "revokes"}
    ),
    becomes=_NOBODY,
)  # fmt: skip
WARNED_CHARGE = Stripped(
    stays=frozenset({"warning_id", "charge_id", "attempts", "not_before", "settled_at", "outcome", "found_at"}),
    becomes=_NOBODY,
)
STAFF_REFUND = Stripped(
    stays=frozenset({"invoice_id", "amount_minor", "currency", "asked_by", "asked_at", "refund_id", "outcome"}),
    becomes={
        "reader_id": _reader,
        "reason": always(ERASED),
        "idempotency_key": lambda row, digest: digest("refund", row["idempotency_key"]),
    },
)
CONSENT = Stripped(
    stays=frozenset({"id", "kind", "subscription_id", "plan", "disclosure", "catalog_version", "agreed_at", "outcome"}),
    becomes={"reader_id": _reader},
)
PAID_BUT_REFUSED = Stripped(
    stays=frozenset({"recorded_at", "decision_id", "decided_at", "found_at"}),
    becomes={"reader_id": always(None), "article_id": always(None)},
)
EVENT = Stripped(
    stays=frozenset({"id", "type", "created_at", "received_at", "livemode", "api_version", "account"}),
    becomes={
        "body": always(NOTHING),
        "customer_id": always(None),
        "mark": always(None),
        "status": always("ignored"),
        "reason": always(FORGOTTEN_REASON),
        "attempts": always(0),
        "not_before": always(None),
    },
)
"""An event keeps its id, so that Stripe's next delivery, or the backfill, does not bring it back."""


def trials(connection: Connection, held: Held, person: Person, digest: Digest) -> int:
    """Keep that a trial was had, or is ruled out, under keyed hashes alone; e-mail addresses are kept so already."""
    mine = delete(held.table).where(held.whose).returning(held.table)
    rows = [_anonymous(dict(row), digest) for row in connection.execute(mine, person.parameters).mappings()]
    if rows:
        connection.execute(insert(held.table).values(rows).on_conflict_do_nothing())
    return len(rows)


def _anonymous(row: dict[str, Any], digest: Digest) -> dict[str, Any]:
    value = row["value"] if row["kind"] == "email" else digest(row["kind"], row["value"])
    return row | {"value": value, "reader_id": _reader(row, digest)}


def bought(connection: Connection, held: Held, person: Person, digest: Digest) -> int:
    """Keep of a completed checkout what was agreed to, as a consent of nobody in particular; the rest goes."""
    mine = delete(checkouts).where(held.whose).returning(checkouts)
    rows = connection.execute(mine, person.parameters).mappings().all()
    agreed = [_consent(row, connection, digest) for row in rows if row["status"] == "complete"]
    if agreed:
        connection.execute(insert(consents).values(agreed))
    return len(rows)


def _consent(row: Any, connection: Connection, digest: Digest) -> dict[str, Any]:
    same = {name: row[name] for name in ("plan", "disclosure", "catalog_version")}
    return same | {
        "kind": "checkout",
        "reader_id": _reader(row, digest),
        "subscription_id": _led_to(connection, row["id"], str(row["parameters"]["customer"])) or ERASED,
        "agreed_at": row["created_at"],
        "outcome": row["status"],
    }


def _led_to(connection: Connection, checkout_id: str, customer_id: str) -> str | None:
    """Return the subscription that a checkout led to, as the customer's snapshot has it, which goes later."""
    snapshot = derived.find_snapshot(connection, customer_id)
    every = snapshot.subscriptions if snapshot else ()
    return next((each.id for each in every if each.checkout_id == checkout_id), None)


def decided(connection: Connection, _held: Held, person: Person, _digest: Digest) -> int:
    """Let the journal forget the reader and their browsers."""
    return sum(forget_reader(connection, each, person.visitor_ids) for each in person.reader_ids)


def left_to_the_chain(_connection: Connection, _held: Held, _person: Person, _digest: Digest) -> int:
    """Leave it: details of the audit log are erased by an entry that says so, and last."""
    return 0
