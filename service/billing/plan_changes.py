"""From one plan to another at once: a preview in Stripe's own figures, then exactly that.

What is left of the old period is credited to the cent and the new one begins now (docs/decisions/0003). A trial is
kept to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import stripe
import structlog

from service.access.readers import Readers
from service.billing.consents import Consents
from service.billing.running import running
from service.billing.stripe_client import stripe_deadline
from service.catalog.prices import PriceBook
from service.clocks import Clock
from service.domain.catalog import Catalog, Plan
from service.domain.plan_changes import (
    Obstacle,
    PlanChange,
    change_from_invoice,
    is_quotable,
    kept_trial,
    obstacle,
)
from service.errors import Conflict, InvalidRequest, NotFound, PaymentFailed
from webhooks.facts import PLAN_KEY, metadata_of
from webhooks.snapshot import SubscriptionFacts

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 5.0
ASKS_FOR_CARDHOLDER = frozenset({"authentication_required", "subscription_payment_intent_requires_action"})
"""Stripe's codes for a card whose bank would have to be shown its holder, who is not here."""
_SAID = {
    Obstacle.SAME_PLAN: "The reader has this plan already.",
    Obstacle.SUBSCRIPTION_ENDING: "The subscription is cancelled; undo that first.",
    Obstacle.PAYMENT_OUTSTANDING: (
        "A payment is outstanding. Just after a renewal it is made by itself, within about an hour; later, the reader "
        "can settle it in the portal."
    ),
    Obstacle.ACCESS_HELD: "The last payment is disputed or refunded.",
    Obstacle.SUBSCRIPTION_PAUSED: "The subscription is paused at Stripe; it must be resumed first.",
}


class PlanChanges:
    """Previews and makes changes of plan."""

    def __init__(
        self,
        client: stripe.StripeClient,
        *,
        catalog: Catalog,
        prices: PriceBook,
        readers: Readers,
        sync_now: Callable[[str], None],
        consents: Consents,
        business_clock: Clock,
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._prices = prices
        self._readers = readers
        self._sync_now = sync_now
        self._consents = consents
        self._business_clock = business_clock

    def preview(self, reader_id: str, plan_id: str) -> PlanChange:
        """Return what the change would cost now; nothing changes.

        Raises InvalidRequest (`unknown_plan`), NotFound (`no_subscription`), Conflict (an Obstacle's code),
        StripeUnavailable.
        """
        plan, now = self._plan(plan_id), self._now()
        with stripe_deadline(DEADLINE_SECONDS):
            return self._quote(self._changeable(reader_id, plan), plan, now)

    def change(
        self, reader_id: str, plan_id: str, *, quoted_at: datetime | None = None, by_staff: bool = False
    ) -> PlanChange:
        """Change the plan, charging what is due; return what was billed, which with a preview's `quoted_at` is that.

        `by_staff`: the consent that is kept says that the reader gave it to staff, not to the site.

        Raises as `preview` does; InvalidRequest (`quote_expired`) for a `quoted_at` too old or in the future, and
        PaymentFailed when the card is refused: then nothing has changed.
        """
        plan, now = self._plan(plan_id), self._now()
        as_of = now if quoted_at is None else quoted_at.replace(microsecond=0)
        if not is_quotable(as_of, now):
            fault = {"quoted_at": ["Must be within the last hour; ask for a new preview."]}
            raise InvalidRequest("The preview is too old.", code="quote_expired", errors=fault)
        with stripe_deadline(DEADLINE_SECONDS):
            subscription = self._changeable(reader_id, plan)
            told = self._quote(subscription, plan, as_of)
            with self._consents.to_plan_change(reader_id, subscription.id, plan.id, told.to_json(), by_staff=by_staff):
                updated = self._update(subscription, plan, as_of)
            self._sync_now(str(updated["customer"]))
            log.info("plan_changed", reader_id=reader_id, subscription_id=subscription.id, plan=plan.id)
            if subscription.status == "trialing":
                return told
            invoice = self._client.v1.invoices.retrieve(updated["latest_invoice"])
            return change_from_invoice(plan, as_of, invoice.to_dict())

    def _quote(self, subscription: SubscriptionFacts, plan: Plan, as_of: datetime) -> PlanChange:
        """Return what the change costs as of `as_of`, in Stripe's own figures; a trial costs nothing yet."""
        if subscription.status == "trialing":
            return kept_trial(subscription, plan, as_of)
        details = self._change(subscription, plan, as_of)
        params = {"subscription": subscription.id, "subscription_details": details}
        invoice = self._client.v1.invoices.create_preview(cast("stripe.params.InvoiceCreatePreviewParams", params))
        return change_from_invoice(plan, as_of, invoice.to_dict())

    def _now(self) -> datetime:
        return self._business_clock().replace(microsecond=0)  # Stripe prorates by the second

    def _plan(self, plan_id: str) -> Plan:
        plan = self._catalog.plan(plan_id)
        if plan is None:
            raise InvalidRequest("There is no such plan.", code="unknown_plan", errors={"plan": ["Unknown plan."]})
        return plan

    def _changeable(self, reader_id: str, plan: Plan) -> SubscriptionFacts:
        state, subscription = running(self._readers, self._sync_now, reader_id)
        found = obstacle(state.snapshot, subscription, state.sold, plan)
        if found is not None:
            raise Conflict(_SAID[found], code=found.value)
        return subscription

    def _update(self, subscription: SubscriptionFacts, plan: Plan, as_of: datetime) -> dict[str, Any]:
        """Ask Stripe for the change. Asked twice, it is made once: the second finds the price in place."""
        params = self._change(subscription, plan, as_of) | {"payment_behavior": "error_if_incomplete"}
        if subscription.trial_end_at is not None and subscription.status == "trialing":
            params["trial_end"] = int(subscription.trial_end_at.timestamp())  # said, so that no default ends the trial
        try:
            updated = self._client.v1.subscriptions.update(
                subscription.id, cast("stripe.params.SubscriptionUpdateParams", params)
            )
        except stripe.CardError as error:
            raise _refused(error) from error
        return updated.to_dict()

    def _change(self, subscription: SubscriptionFacts, plan: Plan, as_of: datetime) -> dict[str, Any]:
        """Return the parameters that preview and change have in common, so that they say the same."""
        item = {"id": self._item_id(subscription.id), "price": self._prices.price_id(plan)}
        if subscription.status == "trialing":
            return {"items": [item], "proration_behavior": "none"}
        date = int(as_of.timestamp())
        return {"items": [item], "proration_behavior": "always_invoice", "proration_date": date}

    def _item_id(self, subscription_id: str) -> str:
        """Return the item that sells a plan of ours: on a shared account there may be others."""
        found = self._client.v1.subscriptions.retrieve(subscription_id).to_dict()
        ours = (each["id"] for each in found["items"]["data"] if metadata_of(each["price"], PLAN_KEY))
        item_id: str | None = next(ours, None)
        if item_id is None:
            raise NotFound("This reader has no running subscription.", code="no_subscription")
        return item_id


def _refused(error: stripe.CardError) -> PaymentFailed:
    if error.code in ASKS_FOR_CARDHOLDER:
        told = "The bank asks for the cardholder, so the plan is unchanged; the portal takes the card anew, or another."
        return PaymentFailed(told, code="authentication_required")
    return PaymentFailed("The card was refused; the plan is unchanged.", code="payment_failed")
