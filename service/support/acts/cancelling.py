"""Ending a subscription, at the period's end or now, and letting one run on that was cancelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from service.access.readers import ReaderState
from service.billing.cancellations import Cancellations, ends_at_once, is_cancelled
from service.domain.outstanding import still_due
from service.domain.standings import ends_unrenewed
from service.errors import NotFound
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.outlook import Outlook
from service.support.audit import Trail
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

BUYS_ANEW = "It cannot be undone: to come back, the reader buys anew, without another trial."


class When(StrEnum):
    PERIOD_END = "period_end"
    NOW = "now"


@dataclass(frozen=True, kw_only=True)
class CancelWish(Wish):
    """A cancellation, as Stripe knows two."""

    when: When


class Cancel(Act[CancelWish]):
    """Cancels the running subscription; what was paid is given back by a refund alone."""

    def __init__(self, cancellations: Cancellations, outlook: Outlook) -> None:
        self._cancellations = cancellations
        self._outlook = outlook

    def effect(self, wish: CancelWish) -> Effect:
        """Return it, by what Stripe says now; raises NotFound (`no_subscription`), StripeUnavailable."""
        state, subscription = self._cancellations.look(wish.reader_id)
        words = self._now if wish.when is When.NOW else self._at_period_end
        return Effect(words=words(state, subscription))

    def do(self, wish: CancelWish, trail: Trail) -> Done:
        """Cancel; again at the period's end changes nothing, again now there is nothing left to cancel."""
        words = self.effect(wish).words
        if wish.when is When.NOW:
            self._cancellations.end_now(wish.reader_id, comment=wish.reason)
        else:
            self._cancellations.cancel(wish.reader_id, reason=None, comment=wish.reason)
        trail.tell(when=wish.when.value)
        return Done(words=words)

    def _at_period_end(self, state: ReaderState, subscription: SubscriptionFacts) -> tuple[str, ...]:
        if ends_at_once(subscription):
            return self._of_paused(state, subscription)
        if ends_unrenewed(subscription):
            return ("The subscription is cancelled already: nothing changes.", self._stands(state))
        cancelled = replace(subscription, cancel_at_period_end=True, cancel_at=subscription.period_end_at)
        due = still_due(state.snapshot, subscription)
        charged = f"but {due.display} is still due" if due else "and nothing more is charged"
        first = f"The {subscription.plan} plan is not renewed: it is kept to its end, {charged}."
        return (first, "Until then it can be undone.", self._after(state, cancelled))

    def _of_paused(self, state: ReaderState, subscription: SubscriptionFacts) -> tuple[str, ...]:
        ended = replace(subscription, status="canceled", ended_at=self._outlook.now())
        return (
            f"The {subscription.plan} plan ends now, and access with it: there is no paid period to keep.",
            "Nothing will be charged.",
            BUYS_ANEW,
            self._after(state, ended),
        )

    def _now(self, state: ReaderState, subscription: SubscriptionFacts) -> tuple[str, ...]:
        now = self._outlook.now()
        until = state.sold.until
        instead = f" instead of {self._outlook.moment(until)}" if until is not None and until > now else ""
        return (
            f"The {subscription.plan} plan ends now{instead}, and access with it.",
            "Nothing is given back by this; a refund is a step of its own.",
            BUYS_ANEW,
            self._after(state, replace(subscription, status="canceled", ended_at=now)),
        )

    def _after(self, state: ReaderState, changed: SubscriptionFacts) -> str:
        standing = self._outlook.standing(state.reader_id)
        return f"Afterwards: {self._outlook.supposing(state.reader_id, standing, snapshot=with_one(state, changed))}"

    def _stands(self, state: ReaderState) -> str:
        return f"It stays so: {self._outlook.said(state.entitlement, state.snapshot)}"


class UndoCancellation(Act[Wish]):
    """Lets a cancelled subscription run on, while it still runs."""

    def __init__(self, cancellations: Cancellations, outlook: Outlook) -> None:
        self._cancellations = cancellations
        self._outlook = outlook

    def effect(self, wish: Wish) -> Effect:
        """Return it; raises NotFound (`no_subscription`, `not_cancelled`), StripeUnavailable."""
        state, subscription = self._cancellations.look(wish.reader_id)
        if not is_cancelled(subscription):
            raise NotFound("Nothing is cancelled.", code="not_cancelled")
        standing = self._outlook.standing(wish.reader_id)
        running = with_one(state, replace(subscription, cancel_at=None, cancel_at_period_end=False))
        after = self._outlook.supposing(wish.reader_id, standing, snapshot=running)
        return Effect(words=("The cancellation is taken back: the subscription renews again.", f"Afterwards: {after}"))

    def do(self, wish: Wish, trail: Trail) -> Done:
        """Take it back."""
        words = self.effect(wish).words
        self._cancellations.undo(wish.reader_id)
        trail.tell(undone=True)
        return Done(words=words)


def with_one(state: ReaderState, changed: SubscriptionFacts) -> CustomerSnapshot | None:
    """Return the reader's snapshot with one of its subscriptions changed."""
    if state.snapshot is None:
        return None
    subscriptions = (changed if each.id == changed.id else each for each in state.snapshot.subscriptions)
    return replace(state.snapshot, subscriptions=tuple(subscriptions))
