"""The subscription over the API: cancelled, let run on, changed to another plan."""

from __future__ import annotations

from marshmallow import fields

from service.api.acts.face import Reasoned, operation, view_of, wish_of
from service.api.fields import Choice, Text
from service.api.operations import Call
from service.domain.staff_acts import StaffAct
from service.support.acts.act import Wish
from service.support.acts.cancelling import CancelWish, When
from service.support.acts.plan_changing import PlanWish

_STRIPE = ("no_subscription", "stripe_refused", "stripe_unavailable", "database_unavailable")


class StaffCancellation(Reasoned):
    reason = Text(
        most=500, required=True, metadata={"description": "For colleagues; Stripe keeps it with the cancellation."}
    )
    when = Choice(
        *When,
        load_default=When.PERIOD_END.value,
        metadata={
            "description": "`period_end` keeps what is paid for, `now` ends access at once and gives nothing back."
        },
    )


class StaffPlanChange(Reasoned):
    plan = Text(most=100, required=True, metadata={"description": "A plan's id, from `GET /v1/plans`."})
    quoted_at = fields.AwareDateTime(
        format="iso",
        allow_none=True,
        load_default=None,
        metadata={"description": "From a preview's `quote` of the last hour: exactly what it said is billed."},
    )


def _cancellation(call: Call) -> CancelWish:
    return CancelWish(when=When(call.body["when"]), **wish_of(call))


def _plan(call: Call) -> PlanWish:
    return PlanWish(plan=call.body["plan"], quoted_at=call.body["quoted_at"], **wish_of(call))


CANCEL = operation(
    StaffAct.CANCEL,
    method="POST",
    path="cancellation",
    ahead=True,
    summary="Cancel a reader's subscription, at the period's end or now",
    view=view_of(StaffAct.CANCEL, lambda acts: acts.cancel, _cancellation),
    body_schema=StaffCancellation,
    problems=(*_STRIPE, "sync_pending"),
    example_body={"reason": "asked for by letter", "when": "period_end"},
)

UNDO_CANCELLATION = operation(
    StaffAct.UNDO_CANCELLATION,
    method="DELETE",
    path="cancellation",
    ahead=True,
    summary="Let a cancelled subscription run on",
    view=view_of(StaffAct.UNDO_CANCELLATION, lambda acts: acts.undo_cancellation, lambda call: Wish(**wish_of(call))),
    problems=(*_STRIPE, "not_cancelled"),
    example_body={"reason": "has changed their mind, by telephone"},
)

CHANGE_PLAN = operation(
    StaffAct.CHANGE_PLAN,
    method="POST",
    path="plan-changes",
    ahead=True,
    summary="Change a reader's plan",
    description="As the site does: at once, in Stripe's own figures; a trial is kept to its end.",
    view=view_of(StaffAct.CHANGE_PLAN, lambda acts: acts.change_plan, _plan),
    body_schema=StaffPlanChange,
    problems=(
        *_STRIPE,
        "unknown_plan",
        "quote_expired",
        "same_plan",
        "subscription_ending",
        "payment_outstanding",
        "access_held",
        "subscription_paused",
        "payment_failed",
        "authentication_required",
        "offer_not_applied",
    ),
    example_body={"plan": "annual", "reason": "asked for by telephone", "preview": True},
)
