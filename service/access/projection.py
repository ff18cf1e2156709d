"""What a fetched snapshot changes here: written in one transaction, by the holder of the customer's ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from service.domain.alarms import INCOMPLETE, SOLD_TWICE, UNKNOWN_STATUS
from service.domain.emails import email_digest
from service.domain.entitlement import (
    Entitlement,
    Policy,
    entitlement_from,
    entitlement_to_json,
    next_boundary,
)
from service.domain.erasure import erased_digest, spellings
from service.domain.holds import holds_from, is_no_dispute, paid_while_held
from service.domain.refusals import tells_of_cover
from service.domain.standings import RUNNING, living, standings_of
from service.domain.subscriptions import is_known
from service.domain.vocabulary import EarlyWarning, Hold, RepeatedCard
from service.journal.paid_but_refused import ask_for_check
from service.store import accounts, checkouts, derived, erased, hold_releases, merges, trials, versions
from service.store.errands import REPEATED_CARDS, WARNED_CHARGES
from service.store.facts import find_facts
from webhooks.snapshot import CustomerSnapshot, HoldFacts, SubscriptionFacts

log = structlog.get_logger(__name__)


def _unheard(_why: str) -> None:
    """Hear no alarm."""


class Projection:
    """Writes snapshots: derived rows, the trial ledger, and a new entitlement version when it differs."""

    def __init__(self, policy: Policy, *, email_key: str, alarm: Callable[[str], None] = _unheard) -> None:
        self._policy = policy
        self._email_key = email_key
        self._alarm = alarm

    def project(self, connection: Connection, snapshot: CustomerSnapshot) -> None:
        """Bring the record in step with `snapshot`; an unknown customer is stored, and applied once bound.

        Of one who was erased nothing is written, whoever asked Stripe about them.
        """
        if erased.is_erased(connection, erased_digest("customer", snapshot.customer_id, self._email_key)):
            log.info("customer_erased")
            return
        reader_id, named_in_vain = self._reader_of(connection, snapshot)
        released = hold_releases.of_customer(connection, snapshot.customer_id)
        holds = holds_from(snapshot, self._policy, released)
        known_before = derived.find_snapshot(connection, snapshot.customer_id)
        derived.store_snapshot(
            connection,
            snapshot,
            holds,
            reader_id=reader_id,
            named_reader_id=named_in_vain,
            resync_at=next_boundary(snapshot, self._policy),
        )
        self._note_warned_charges(connection, snapshot, holds)
        self._tell_of_what_is_missing(snapshot, known_before)
        self._tell_of_unknown_statuses(snapshot, known_before)
        if reader_id is None:
            _tell_of_unbound(snapshot, named_in_vain)
            return
        self._tell_of_two_sales(reader_id, snapshot, known_before)
        self._record_trials(connection, reader_id, snapshot)
        self._record_disputes(connection, reader_id, snapshot, holds)
        _tell_of_charges_while_held(reader_id, snapshot, holds, known_before)
        checkouts.complete(connection, _completed(snapshot))
        entitlement = self.record_entitlement(connection, reader_id, now=snapshot.fetched_at, cause="sync")
        entitled = entitlement is not None and entitlement.grants_at(snapshot.fetched_at)
        if entitled or tells_of_cover(snapshot, known_before):  # what was paid for may be over by now
            ask_for_check(connection, reader_id, known_before)

    def record_entitlement(
        self, connection: Connection, reader_id: str, *, now: datetime, cause: str
    ) -> Entitlement | None:
        """Append the entitlement that the present facts give, if it is another than the newest; return it.

        None for a reader without an account.
        """
        account = accounts.lock(connection, reader_id)
        facts = find_facts(connection, reader_id)
        if account is None or facts is None:
            return None
        accounts.note_standings(connection, reader_id, standings_of(facts.snapshot))
        entitlement = entitlement_from(facts.snapshot, facts.holds, facts.grants, self._policy, now)
        encoded = entitlement_to_json(entitlement)
        if encoded == versions.newest(connection, reader_id):
            return entitlement
        versions.append(connection, reader_id, version=account.version + 1, entitlement=encoded, as_of=now, cause=cause)
        log.info("entitlement_changed", reader_id=reader_id, version=account.version + 1, status=entitlement.status)
        return entitlement

    def _reader_of(self, connection: Connection, snapshot: CustomerSnapshot) -> tuple[str | None, str | None]:
        """Return whose customer this is (the account bound to it, else the reader its metadata names), and who is
        named in vain, having another customer already.

        Stripe's redaction may erase metadata, so the account's own binding comes first; a reader whose account went to
        another's in a merge is that other.
        """
        account = accounts.find_by_customer(connection, snapshot.customer_id)
        if account is not None:
            return account.reader_id, None
        named = snapshot.reader_id or next((each.reader_id for each in snapshot.subscriptions if each.reader_id), None)
        if named is None:
            return None, None
        named = merges.stays(connection, named)
        accounts.ensure(connection, named, snapshot.email)
        bound = accounts.bind_customer(connection, named, snapshot.customer_id)
        return (named, None) if bound == snapshot.customer_id else (None, named)

    def _note_warned_charges(self, connection: Connection, snapshot: CustomerSnapshot, holds: Sequence[Hold]) -> None:
        """Write down what is to be given back; a payment for something else on the same Stripe account never is."""
        if self._policy.early_warning is not EarlyWarning.REFUND:
            return
        for facts, hold in zip(snapshot.holds, holds, strict=True):
            if facts.kind == "fraud_warning" and hold.blocks:
                WARNED_CHARGES.note(
                    connection, warning_id=facts.id, customer_id=snapshot.customer_id, charge_id=facts.charge_id
                )

    def _tell_of_two_sales(self, reader_id: str, snapshot: CustomerSnapshot, before: CustomerSnapshot | None) -> None:
        """Alarm once when a reader pays twice, whatever the cause: only people can give one of the two back."""
        if len(living(snapshot)) > 1 >= len(living(before)):
            log.warning(SOLD_TWICE, reader_id=reader_id, customer_id=snapshot.customer_id)
            self._alarm(SOLD_TWICE)

    def _tell_of_what_is_missing(self, snapshot: CustomerSnapshot, before: CustomerSnapshot | None) -> None:
        """Alarm once when a fetch took not all of ours: what is left out could decide about access."""
        if set(snapshot.incomplete) - set(before.incomplete if before else ()):
            log.error(INCOMPLETE, customer_id=snapshot.customer_id, parts=snapshot.incomplete)
            self._alarm(INCOMPLETE)

    def _tell_of_unknown_statuses(self, snapshot: CustomerSnapshot, before: CustomerSnapshot | None) -> None:
        """Alarm once of each: what it means for access somebody must find out, and teach this code."""
        for status in sorted(_unknown_statuses(snapshot) - _unknown_statuses(before)):
            log.error(UNKNOWN_STATUS, customer_id=snapshot.customer_id, status=status)
            self._alarm(UNKNOWN_STATUS)

    def _record_trials(self, connection: Connection, reader_id: str, snapshot: CustomerSnapshot) -> None:
        for subscription in snapshot.subscriptions:
            if subscription.plan is not None and subscription.trial_start_at is not None:
                self._record_trial(connection, reader_id, snapshot, subscription)

    def _record_trial(
        self, connection: Connection, reader_id: str, snapshot: CustomerSnapshot, subscription: SubscriptionFacts
    ) -> None:
        """Enter the trial; while it runs, one that is another reader's, or is ruled out, is noted to be acted on.

        The ledger's unique key decides between two trials that begin at once with one card or e-mail address: the
        second waits for the first to commit, and then sees whose it is.
        """
        runs = subscription.status == "trialing"
        card = self._trial_card(connection, snapshot, subscription)
        identities = trial_identities(
            reader_id, snapshot.customer_id, snapshot.email, email_key=self._email_key, card=card
        )
        entered = trials.record(connection, identities, reader_id=reader_id, subscription_id=subscription.id)
        if not runs or self._policy.repeated_card is RepeatedCard.ALLOW:
            return
        known_as = spellings(identities, self._email_key)
        others = {kind for kind, owner in trials.owners(connection, known_as).items() if owner != reader_id}
        barred = {kind for kind, owner in trials.barred_by(connection, known_as) if owner != reader_id}
        # An address counts when the trial begins: who takes another one later has not begun a second trial. So does
        # a dispute of somebody else's: it rules out what comes after it.
        begun = {"email"} & (others | barred) if "reader" in entered else set()
        if "card" in others or begun or "card" in barred & entered:
            REPEATED_CARDS.note(
                connection,
                subscription_id=subscription.id,
                customer_id=snapshot.customer_id,
                reader_id=reader_id,
                policy=self._policy.repeated_card.value,
            )

    def _trial_card(
        self, connection: Connection, snapshot: CustomerSnapshot, subscription: SubscriptionFacts
    ) -> str | None:
        """Return the card or bank account that a trial is remembered by: what it would be charged to, or began with.

        Over before it was ever looked at, its own one is still told; one taken after the trial is not entered.
        """
        own = subscription.payment_fingerprint
        if subscription.status == "trialing":
            return own or _payment_fingerprint(snapshot)
        return None if own is None or trials.has_card_of(connection, subscription.id) else own

    def _record_disputes(
        self, connection: Connection, reader_id: str, snapshot: CustomerSnapshot, holds: Sequence[Hold]
    ) -> None:
        """Rule trials out for everything a disputed payment was known by; take it back when there was no dispute."""
        for facts, hold in zip(snapshot.holds, holds, strict=True):
            if facts.kind != "dispute":
                continue
            if is_no_dispute(facts):
                trials.unbar(connection, facts.id)
            elif hold.blocks:
                for identities in self._disputant(connection, reader_id, snapshot, facts):
                    trials.bar(connection, identities, reader_id=reader_id, dispute_id=facts.id)

    def _disputant(
        self, connection: Connection, reader_id: str, snapshot: CustomerSnapshot, facts: HoldFacts
    ) -> Iterator[dict[str, str]]:
        """Yield what the payer is known by: the site may know another address of theirs than Stripe does."""
        account = accounts.find(connection, reader_id)
        card = facts.payment_fingerprint or _payment_fingerprint(snapshot)
        for email in {snapshot.email, account.email if account else None}:
            yield trial_identities(reader_id, snapshot.customer_id, email, email_key=self._email_key, card=card)


def _tell_of_unbound(snapshot: CustomerSnapshot, named_in_vain: str | None) -> None:
    """Log a customer of nobody: as an error when they pay for a plan of ours, which then opens nothing to anybody."""
    pays = any(each.plan is not None and each.status in RUNNING for each in snapshot.subscriptions)
    if pays and not snapshot.deleted:
        log.error("payer_unbound", customer_id=snapshot.customer_id, named_reader_id=named_in_vain)
    else:
        log.info("customer_unknown", customer_id=snapshot.customer_id)


def _tell_of_charges_while_held(
    reader_id: str, snapshot: CustomerSnapshot, holds: Sequence[Hold], known_before: CustomerSnapshot | None
) -> None:
    """Log, once, each payment that a reader made whom a hold keeps out: it is to be given back, or the hold ended."""
    known = {each.id for each in known_before.invoices if each.status == "paid"} if known_before else set()
    for invoice in paid_while_held(snapshot, holds):
        if invoice.id not in known:
            log.error("held_reader_charged", reader_id=reader_id, invoice_id=invoice.id)


def _unknown_statuses(snapshot: CustomerSnapshot | None) -> set[str]:
    ours = [each for each in snapshot.subscriptions if each.plan is not None] if snapshot else []
    return {each.status for each in ours if not is_known(each.status)}


def _payment_fingerprint(snapshot: CustomerSnapshot) -> str | None:
    return snapshot.pays_with.fingerprint if snapshot.pays_with else None


def _completed(snapshot: CustomerSnapshot) -> list[str]:
    """Return the checkouts that have led to a sale; one whose payment still waits for its cardholder has not."""
    sold = (each for each in snapshot.subscriptions if each.status not in {"incomplete", "incomplete_expired"})
    return [each.checkout_id for each in sold if each.checkout_id]


def trial_identities(
    reader_id: str, customer_id: str | None, email: str | None, *, email_key: str, card: str | None = None
) -> dict[str, str]:
    """Return what a trial is remembered under. E-mail addresses are normalised and kept as a keyed hash only.

    `card` is Stripe's fingerprint of a card's number or a bank account's, the same for every customer of the account.
    """
    digest = email and email_digest(email, email_key)
    found = {"reader": reader_id, "customer": customer_id, "email": digest, "card": card}
    return {kind: value for kind, value in found.items() if value}
