"""Every table, and whether it holds anything of a reader: what an export gives and an erasure goes by.

A table that is named neither in `HELD` nor in `NOTHING_PERSONAL` fails a test; so does a column of a table that is
kept without saying what becomes of it.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from service.privacy import fates, whose
from service.privacy.held import Held
from service.privacy.person import Person
from service.privacy.whose import of_customer, of_reader, procrastinate_jobs
from service.store.act_tables import account_merges, hold_releases, meter_bonuses
from service.store.audit_tables import audit_details
from service.store.gift_tables import gifts
from service.store.journal_tables import decisions, paid_but_refused, refusal_checks
from service.store.money_tables import consents, staff_refunds, warned_charges
from service.store.note_tables import notes
from service.store.notice_tables import notices_told
from service.store.staff_tables import staff_sign_ins
from service.store.tables import (
    accounts,
    checkouts,
    customer_snapshots,
    drift,
    entitlements,
    grants,
    holds,
    idempotency_keys,
    invoices,
    long_runs,
    repeated_cards,
    subscriptions,
    trial_bars,
    trial_ledger,
    visitor_links,
)
from webhooks.tables import customer_syncs, events

HELD: tuple[Held, ...] = (
    Held(
        table=checkouts, why="What the reader was told before paying, and agreed to.", whose=of_reader(checkouts),
        hidden=frozenset({"idempotency_key", "leased_until"}), fate=fates.bought,
    ),
    Held(
        table=consents, why="What the reader agreed to when changing plan.", whose=of_reader(consents),
        fate=fates.CONSENT,
    ),
    Held(table=grants, why="Access that staff gave.", whose=of_reader(grants)),
    Held(table=meter_bonuses, why="Free articles that staff added.", whose=of_reader(meter_bonuses)),
    Held(table=hold_releases, why="Holds that staff released.", whose=of_reader(hold_releases)),
    Held(table=account_merges, why="Accounts of the reader that were made one.", whose=whose.merged()),
    Held(table=notes, why="What staff wrote to each other about the account.", whose=of_reader(notes)),
    Held(
        table=notices_told, why="What the site was told to tell the reader: a charge ahead, a payment due.",
        whose=of_reader(notices_told),
    ),
    Held(table=gifts, why="Articles the reader gave away.", whose=of_reader(gifts)),
    Held(table=visitor_links, why="Browsers in which the reader signed in.", whose=of_reader(visitor_links)),
    Held(
        table=trial_ledger, why="That the reader had a trial: nobody has two.", whose=of_reader(trial_ledger),
        fate=fates.trials,
    ),
    Held(
        table=trial_bars, why="That a payment was disputed: there is no trial afterwards.", whose=of_reader(trial_bars),
        fate=fates.trials,
    ),
    Held(table=repeated_cards, why="A trial begun with a card that had had one.", whose=of_reader(repeated_cards)),
    Held(table=entitlements, why="What the reader had access to, since when and why.", whose=of_reader(entitlements)),
    Held(
        table=paid_but_refused, why="Refusals that should not have been.", whose=of_reader(paid_but_refused),
        fate=fates.PAID_BUT_REFUSED,
    ),
    Held(
        table=refusal_checks, why="That refusals are to be compared with what was paid.",
        whose=of_reader(refusal_checks),
    ),
    Held(
        table=decisions, why="Articles that were counted or refused in the last weeks.", whose=whose.decided(),
        fate=fates.decided,
    ),
    Held(
        table=staff_refunds, why="Money that staff gave back.", whose=of_reader(staff_refunds),
        hidden=frozenset({"idempotency_key"}), fate=fates.STAFF_REFUND,
    ),
    Held(
        table=warned_charges, why="Payments given back because a bank warned of fraud.",
        whose=of_customer(warned_charges), fate=fates.WARNED_CHARGE,
    ),
    Held(
        table=customer_snapshots, why="What Stripe told of the customer: e-mail, card's last digits, purchases.",
        whose=of_customer(customer_snapshots),
    ),
    Held(
        table=subscriptions, why="Subscriptions, as Stripe told.", whose=of_customer(subscriptions),
        fate=fates.SUBSCRIPTION,
    ),
    Held(table=invoices, why="Invoices, as Stripe told.", whose=of_customer(invoices), fate=fates.INVOICE),
    Held(
        table=holds, why="Disputes, warnings and refunds, as Stripe told.", whose=of_customer(holds), fate=fates.HOLD
    ),
    Held(table=drift, why="Where our record was found to differ from Stripe's.", whose=of_customer(drift)),
    Held(
        table=customer_syncs, why="When Stripe was last asked about the customer.", whose=of_customer(customer_syncs)
    ),
    Held(
        table=events, proves=False,
        why="What Stripe sent about the customer, as it came.", whose=whose.told(), fate=fates.EVENT,
    ),
    Held(
        table=idempotency_keys, proves=False,
        why="Answers kept for a day, so that a repeated request does nothing twice.",
        whose=whose.answered(), hidden=frozenset({"api_key_id", "key", "request_digest", "ticket", "leased_until"}),
    ),
    Held(
        table=audit_details, proves=False,
        why="What staff did about the reader, and when they looked.", whose=whose.audited(),
        rows=whose.entries, fate=fates.left_to_the_chain,
    ),
    Held(
        table=staff_sign_ins, proves=False,
        why="Where a member of staff wanted to go who had to sign in first.",
        whose=whose.led_back(), hidden=frozenset({"digest", "state", "nonce", "code_verifier"}),
    ),
    Held(
        table=long_runs, proves=False,
        why="How far long work has come.", whose=whose.reached(),
    ),
    Held(
        table=procrastinate_jobs, why="Work that waits to be done about the customer.", whose=whose.queued()
    ),
    Held(table=accounts, why="Who the reader is to us.", whose=of_reader(accounts)),
)  # fmt: skip
"""In the order in which erasure goes through them: what points at an account goes before it."""


def counted(connection: Connection, person: Person) -> dict[str, int]:
    """Return how many rows of each table are the person's, asked for in one statement."""
    return dict(connection.execute(_COUNTED, person.parameters).mappings().one())


_COUNTED = select(*(held.number.label(held.name) for held in HELD))


NOTHING_PERSONAL: dict[str, str] = {
    "alembic_version": "the schema's number",
    "api_keys": "of the site's and support's own keys; labels are the publication's",
    "audit": "who of the staff did what and when; whom it was about is in `audit_details`",
    "backfill_cursors": "instants",
    "catalogs": "the offer, as it was",
    "counted": "instants",
    "daily_numbers": "counts over everybody; of an erased reader nothing but a one among others",
    "erased": "keyed hashes of those who were erased, by which what Stripe tells later is not taken in",
    "finished_runs": "how much long work came to, in numbers",
    "journal_numbers": "counts of walls, and of the articles that led to subscriptions",
    "procrastinate_events": "when the queue's jobs began and ended",
    "procrastinate_periodic_defers": "when periodic work was last due",
    "procrastinate_workers": "signs of life of workers",
    "staff": "the publication's own people, not its readers",
    "staff_sessions": "sessions of the publication's own people",
    "stripe_allowances": "an instant",
}
"""Tables that hold nothing of a reader, each with the reason."""
