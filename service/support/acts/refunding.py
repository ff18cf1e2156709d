"""Money back, in whole or in part: what it does to access is told by the rules of holds before it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from service.billing.refunds import RefundQuote, Refunds
from service.domain.catalog import Catalog
from service.domain.entitlement import Entitlement
from service.domain.holds import holds_from
from service.domain.money import Money
from service.domain.refunds import RefundRequest
from service.domain.standings import ends_unrenewed
from service.store import hold_releases
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.outlook import Outlook
from service.support.audit import Trail
from webhooks.snapshot import CustomerSnapshot, HoldFacts


@dataclass(frozen=True, kw_only=True)
class RefundWish(Wish):
    """All that is left of an invoice's payment (`amount_minor` None), or a part of it."""

    invoice_id: str
    amount_minor: int | None = None

    def request(self) -> RefundRequest:
        return RefundRequest(
            reader_id=self.reader_id, invoice_id=self.invoice_id, amount_minor=self.amount_minor, reason=self.reason,
            asked_by=self.asked_by,
        )  # fmt: skip


class GiveBack(Act[RefundWish]):
    """Refunds an invoice's payment."""

    def __init__(self, engine: Engine, refunds: Refunds, outlook: Outlook, catalog: Catalog) -> None:
        self._engine = engine
        self._refunds = refunds
        self._outlook = outlook
        self._catalog = catalog

    def effect(self, wish: RefundWish) -> Effect:
        """Return it, in Stripe's own figures; raises as `Refunds.refund` does. `quote` fixes the amount."""
        quote = self._refunds.quote(wish.request())
        if quote.repeats is not None:
            words = (f"This very refund was made before ({quote.repeats}): nothing more is given back.",)
            return Effect(words=words)
        return Effect(words=tuple(self._words(wish, quote)), quote={"amount": quote.amount.amount_minor})

    def do(self, wish: RefundWish, trail: Trail) -> Done:
        """Refund; the same invoice, amount and reason is the same refund, however often."""
        effect = self.effect(wish)
        found = self._refunds.refund(wish.request())
        trail.tell(refund=found.id, given_back=found.amount.to_json())
        return Done(words=effect.words, id=found.id, created=found.created)

    def _words(self, wish: RefundWish, quote: RefundQuote) -> Iterator[str]:
        card = f"the card ending {quote.last4}" if quote.last4 else "what it was paid with"
        yield f"Refund {quote.amount.display} of {quote.paid.display} to {card}."
        before = quote.paid.amount_minor - quote.amount.amount_minor - quote.left.amount_minor
        if before > 0:
            yield f"{Money(before, quote.paid.currency).display} of it was given back before."
        if quote.left.amount_minor > 0:
            yield f"{quote.left.display} is left that could be given back later."
        yield from self._access(wish, quote)

    def _access(self, wish: RefundWish, quote: RefundQuote) -> Iterator[str]:
        standing = self._outlook.standing(wish.reader_id)
        snapshot = standing.facts.snapshot if standing.facts else None
        if snapshot is None:
            return
        now = self._outlook.now()
        refunded = replace(snapshot, holds=(*snapshot.holds, self._refund_facts(wish, quote)))
        with self._engine.connect() as connection:
            released = hold_releases.of_customer(connection, snapshot.customer_id)
        holds = holds_from(refunded, self._catalog.policy, released)
        after = self._outlook.supposed(wish.reader_id, standing, snapshot=refunded, holds=holds)
        yield _ends_or_goes_on(standing.entitlement.grants_at(now), after.grants_at(now))
        if _renews(snapshot, after):
            yield "The subscription is not cancelled by this: it renews unless that is done as well."
        yield f"Afterwards: {self._outlook.said(after, snapshot)}"

    def _refund_facts(self, wish: RefundWish, quote: RefundQuote) -> HoldFacts:
        return HoldFacts(
            id="re_supposed", kind="refund", status="succeeded", amount_minor=quote.amount.amount_minor,
            currency=quote.amount.currency, charge_id=quote.charge_id, charge_amount_minor=quote.paid.amount_minor,
            invoice_id=wish.invoice_id, created_at=self._outlook.now(),
        )  # fmt: skip


def _ends_or_goes_on(before: bool, after: bool) -> str:
    if before and not after:
        return "Access ends at once: what the payment had bought is taken back."
    return "Access goes on as it is." if after else "There is no access now, and there will be none by this."


def _renews(snapshot: CustomerSnapshot, after: Entitlement) -> bool:
    named = next((each for each in snapshot.subscriptions if each.id == after.subscription_id), None)
    return named is not None and named.status in {"active", "trialing", "past_due"} and not ends_unrenewed(named)
