"""Cancel in one call, undo in one call; what is paid for is kept to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import stripe

from service.access.readers import Readers, ReaderState
from service.billing.running import running
from service.billing.stripe_client import stripe_deadline
from service.domain.money import Money
from service.domain.outstanding import outstanding, still_due
from service.domain.standings import ends_unrenewed
from service.errors import NotFound, Unavailable
from webhooks.snapshot import SubscriptionFacts

DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """What was cancelled: what was sold opens articles until `access_until`; until `undo_until` it can be undone.

    `at_once`: it has ended. `still_due`: what invoices ask for nevertheless, such as a change of plan's; None: nothing.
    """

    access_until: datetime
    undo_until: datetime
    at_once: bool = False
    still_due: Money | None = None


class Cancellations:
    """Cancels at period end or now, and undoes the former."""

    def __init__(self, client: stripe.StripeClient, readers: Readers, sync_now: Callable[[str], None]) -> None:
        self._client = client
        self._readers = readers
        self._sync_now = sync_now

    def cancel(self, reader_id: str, *, reason: str | None, comment: str | None) -> Cancellation:
        """Cancel the reader's subscription at the end of what is paid; again gives the same answer.

        One that is paused has no period left to run to: it ends at once. Raises NotFound without a running
        subscription, StripeUnavailable while Stripe does not answer.
        """
        state, subscription = self.look(reader_id)
        words = " - ".join(filter(None, (reason, comment)))
        if ends_at_once(subscription):
            ended_at = self._end(state, subscription, comment=words)
            return Cancellation(access_until=ended_at, undo_until=ended_at, at_once=True)
        if not ends_unrenewed(subscription):
            self._end_with_its_period(subscription, comment=words)
        return _cancellation(self._readers.state(reader_id))

    def end_now(self, reader_id: str, *, comment: str) -> None:
        """End the reader's subscription and access at once; nothing is given back, nothing prorated.

        Raises as `cancel` does. Once it is ended there is none to end: NotFound.
        """
        state, subscription = self.look(reader_id)
        self._end(state, subscription, comment=comment)

    def look(self, reader_id: str) -> tuple[ReaderState, SubscriptionFacts]:
        """Return the reader's state and running subscription, as of now at Stripe; raises as `cancel` does."""
        with stripe_deadline(DEADLINE_SECONDS):
            return running(self._readers, self._sync_now, reader_id)

    def undo(self, reader_id: str) -> None:
        """Let the subscription run on; raises NotFound when nothing is cancelled, StripeUnavailable."""
        _, subscription = self.look(reader_id)
        if not is_cancelled(subscription):
            raise NotFound("Nothing is cancelled.", code="not_cancelled")
        # The portal sets `cancel_at` alone, our own call the boolean: take back whichever shape is there.
        if subscription.cancel_at_period_end:
            self._update(subscription, {"cancel_at_period_end": False})
        else:
            self._update(subscription, {"cancel_at": ""})

    def _end_with_its_period(self, subscription: SubscriptionFacts, *, comment: str) -> None:
        params: stripe.params.SubscriptionUpdateParams = {"cancel_at_period_end": True}
        if comment:
            params["cancellation_details"] = {"comment": comment}
        self._update(subscription, params)

    def _end(self, state: ReaderState, subscription: SubscriptionFacts, *, comment: str) -> datetime:
        """End it at Stripe, and return when it ended."""
        with stripe_deadline(DEADLINE_SECONDS):
            params: stripe.params.SubscriptionCancelParams = {"cancellation_details": {"comment": comment}}
            with self._held_back(state, subscription):
                ended = self._client.v1.subscriptions.cancel(subscription.id, params)
            self._sync(ended)
        assert ended.ended_at is not None  # noqa: S101 - what is cancelled has ended
        return datetime.fromtimestamp(ended.ended_at, UTC)

    @contextmanager
    def _held_back(self, state: ReaderState, subscription: SubscriptionFacts) -> Iterator[None]:
        """Keep the subscription's drafts from being charged when it ends; when it does not, let them go their way."""
        # Stripe stops the collection of finalized invoices alone: /api/subscriptions/cancel.
        drafts = [each.id for each in outstanding(state.snapshot, subscription) if each.status == "draft"]
        for invoice_id in drafts:
            self._client.v1.invoices.update(invoice_id, {"auto_advance": False})
        try:
            yield
        except stripe.StripeError:
            with suppress(stripe.StripeError):
                for invoice_id in drafts:
                    self._client.v1.invoices.update(invoice_id, {"auto_advance": True})
            raise

    def _update(self, subscription: SubscriptionFacts, params: stripe.params.SubscriptionUpdateParams) -> None:
        with stripe_deadline(DEADLINE_SECONDS):
            self._sync(self._client.v1.subscriptions.update(subscription.id, params))

    def _sync(self, changed: stripe.Subscription) -> None:
        customer = changed.customer
        self._sync_now(customer if isinstance(customer, str) else customer.id)


def is_cancelled(subscription: SubscriptionFacts) -> bool:
    """Tell whether its end is set, however far ahead: that can be taken back."""
    return subscription.cancel_at_period_end or subscription.cancel_at is not None


def ends_at_once(subscription: SubscriptionFacts) -> bool:
    """Tell whether there is no period for a cancellation to wait for."""
    return subscription.status == "paused"


def _cancellation(state: ReaderState) -> Cancellation:
    """Return when what was sold ends, or its subscription does; courtesy is no part of it."""
    ends_at = _ends_at(state.subscription)
    until = state.sold.until or state.sold.horizon or ends_at
    if until is None:
        raise Unavailable("The cancellation is recorded at Stripe and will show within a minute.", code="sync_pending")
    due = still_due(state.snapshot, state.subscription)
    return Cancellation(access_until=until, undo_until=ends_at or until, still_due=due)


def _ends_at(subscription: SubscriptionFacts | None) -> datetime | None:
    return None if subscription is None else subscription.cancel_at or subscription.period_end_at
