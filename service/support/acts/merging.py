"""Two accounts of one person made one (docs/decisions/0010-merging-accounts.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import stripe
from sqlalchemy import Connection, Engine

from service.access.links import Links
from service.billing.stripe_client import stripe_deadline
from service.clocks import Clock
from service.domain.standings import living
from service.errors import Conflict, InvalidRequest, NotFound, StripeUnavailable, Unavailable
from service.store import checkouts, merges
from service.store.facts import Facts, find_facts
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.changing import Changing
from service.support.acts.outlook import Outlook
from service.support.audit import Trail
from webhooks.facts import READER_KEY

DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class MergeWish(Wish):
    """`other`'s things go to `reader_id`'s account."""

    other: str


@dataclass(frozen=True)
class _Two:
    """Both accounts, and which customer stays whose."""

    staying: Facts
    gone: Facts

    @property
    def payer(self) -> Facts:
        """Return the one whose customer stays: who has a running subscription, else the account's own."""
        if living(self.staying.snapshot) or self.gone.customer_id is None:
            return self.staying
        return self.gone if living(self.gone.snapshot) or self.staying.customer_id is None else self.staying

    @property
    def left(self) -> Facts:
        """Return the other one, whose customer (if there is one) becomes no account's."""
        return self.gone if self.payer is self.staying else self.staying


class Merge(Act[MergeWish]):
    """Gives one account all that another has. Money is never moved: two running subscriptions are refused."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        changing: Changing,
        outlook: Outlook,
        links: Links,
        sync_now: Callable[[str], None],
        *,
        wall_clock: Clock,
    ) -> None:
        self._engine = engine
        self._client = client
        self._changing = changing
        self._outlook = outlook
        self._links = links
        self._sync_now = sync_now
        self._wall_clock = wall_clock

    def effect(self, wish: MergeWish) -> Effect:
        """Return it, by what Stripe says now.

        Raises NotFound (`no_account`), InvalidRequest (`same_account`), Conflict (`both_subscribed`, `checkout_open`,
        `customer_held`), StripeUnavailable.
        """
        return Effect(words=tuple(self._words(wish, self._two(wish))))

    def do(self, wish: MergeWish, trail: Trail) -> Done:
        """Merge: Stripe is told first whose its customers are, then the record changes as a whole; safe to repeat."""
        two = self._two(wish)
        words = tuple(self._words(wish, two))
        self._tell_stripe(two)
        trail.about(wish.other)
        with self._changing.of(wish.reader_id, trail, cause="merge", also=wish.other) as connection:
            found = (find_facts(connection, wish.reader_id), find_facts(connection, wish.other))
            if [each and each.customer_id for each in found] != [two.staying.customer_id, two.gone.customer_id]:
                raise Conflict("One of the accounts has changed meanwhile; look again.")
            _refuse_open_checkouts(connection, two)  # once more: from here on none is opened, the accounts are held
            browsers = merges.visitors_of(connection, wish.other)
            merges.move(connection, wish.other, wish.reader_id, customer_id=two.payer.customer_id)
            merges.record(
                connection, gone_reader_id=wish.other, reader_id=wish.reader_id, reason=wish.reason,
                gone_customer_id=two.left.customer_id, merged_by=wish.asked_by, merged_at=self._wall_clock(),
            )  # fmt: skip
            trail.tell(customer=two.payer.customer_id, left_customer=two.left.customer_id)
        self._link(browsers, wish.reader_id)
        return Done(words=words)

    def _two(self, wish: MergeWish) -> _Two:
        if wish.other == wish.reader_id:
            told = "That is the same account."
            raise InvalidRequest(told, code="same_account", errors={"other": [told]})
        two = _Two(self._synced(wish.reader_id), self._synced(wish.other))
        if living(two.staying.snapshot) and living(two.gone.snapshot):
            told = "Both have a running subscription. End one first, and give back what was paid twice."
            raise Conflict(told, code="both_subscribed")
        with self._engine.connect() as connection:
            _refuse_open_checkouts(connection, two)
        if any(hold.blocks and hold.released_at is None for hold in two.left.holds):
            told = "Something stands against a payment of the customer that would be left behind; settle that first."
            raise Conflict(told, code="customer_held")
        return two

    def _synced(self, reader_id: str) -> Facts:
        """Return the account's facts, as of now at Stripe."""
        found = self._facts(reader_id)
        if found.customer_id is not None:
            self._sync_now(found.customer_id)
            found = self._facts(reader_id)
        return found

    def _facts(self, reader_id: str) -> Facts:
        with self._engine.connect() as connection:
            found = find_facts(connection, reader_id)
        if found is None:
            raise NotFound(f"There is no account of the reader {reader_id}.", code="no_account")
        return found

    def _tell_stripe(self, two: _Two) -> None:
        """Write at Stripe whose the customers are, so that a record made anew from Stripe says the same."""
        with stripe_deadline(DEADLINE_SECONDS):
            for each in (two.staying, two.gone):
                if each.customer_id is not None and not (each.snapshot and each.snapshot.deleted):
                    metadata = {READER_KEY: two.staying.reader_id}
                    self._client.v1.customers.update(each.customer_id, {"metadata": metadata})

    def _link(self, browsers: list[str], reader_id: str) -> None:
        """Point the browsers at the account that stays; Redis away, their next visit signed in does so."""
        with suppress(Unavailable, StripeUnavailable):
            for visitor_id in browsers:
                self._links.link(reader_id, visitor_id, now=self._outlook.now())

    def _words(self, wish: MergeWish, two: _Two) -> Iterator[str]:
        stays, goes = wish.reader_id, wish.other
        yield f"Courtesy, notes, browsers, gifts, refunds, consents and the trial ledger of {goes} go to {stays}."
        if two.payer.customer_id is not None:
            moved = " (until now of the other account)" if two.payer is two.gone else ""
            yield f"{stays} has the customer {two.payer.customer_id} at Stripe{moved}."
        if two.left.customer_id is not None:
            yield f"The customer {two.left.customer_id} stays at Stripe under no account; its invoices are found there."
        yield f"{goes} is left empty: whoever signs in under it has no access."
        yield f"The site must know this person as {stays} from now on."
        yield "It cannot be undone."
        yield f"Afterwards: {self._after(two)}"

    def _after(self, two: _Two) -> str:
        standing = self._outlook.standing(two.staying.reader_id)
        grants = (*two.staying.grants, *two.gone.grants)
        return self._outlook.supposing(
            two.staying.reader_id, standing, snapshot=two.payer.snapshot, holds=two.payer.holds, grants=grants
        )


def _refuse_open_checkouts(connection: Connection, two: _Two) -> None:
    """A checkout that is paid after the merge would be a second sale, or one for an account that is empty."""
    for each in (two.staying, two.gone):
        if checkouts.pending(connection, each.reader_id) is not None:
            told = f"A checkout of {each.reader_id} is open and may still be paid; it closes within a day."
            raise Conflict(told, code="checkout_open")
