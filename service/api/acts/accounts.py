"""A hold released and two accounts made one, over the API."""

from __future__ import annotations

from service.api.acts.face import Reasoned, operation, view_of, wish_of
from service.api.fields import Id, ReaderId
from service.api.operations import Call
from service.domain.staff_acts import StaffAct
from service.support.acts.merging import MergeWish
from service.support.acts.releasing import ReleaseWish


class HoldRelease(Reasoned):
    hold = Id(required=True, metadata={"description": "Its id at Stripe, from the account's `holds`."})


class AccountMerge(Reasoned):
    other = ReaderId(
        required=True, metadata={"description": "The reader whose account is given to the one in the path."}
    )


def _release(call: Call) -> ReleaseWish:
    return ReleaseWish(hold_id=call.body["hold"], **wish_of(call))


def _merge(call: Call) -> MergeWish:
    return MergeWish(other=call.body["other"], **wish_of(call))


RELEASE_HOLD = operation(
    StaffAct.RELEASE_HOLD,
    method="POST",
    path="hold-releases",
    summary="Let a hold close nothing any more",
    description=(
        "An undecided dispute, a fraud warning or a refund; a dispute that was lost can't be released. One released "
        "while undecided closes anew when it is lost. A note says why."
    ),
    view=view_of(StaffAct.RELEASE_HOLD, lambda acts: acts.release_hold, _release),
    body_schema=HoldRelease,
    problems=("no_hold", "hold_closes_nothing", "hold_not_releasable", "database_unavailable"),
    example_body={"hold": "dp_1QfZ2e", "reason": "the reader has withdrawn it, by letter of their bank"},
)

MERGE = operation(
    StaffAct.MERGE,
    method="POST",
    path="merges",
    ahead=True,
    summary="Make two accounts of one person one",
    description=(
        "All of `other` goes to the reader in the path: courtesy, notes, browsers, trial ledger, and the customer at "
        "Stripe whose subscription runs. Two running subscriptions are refused. It cannot be undone."
    ),
    view=view_of(StaffAct.MERGE, lambda acts: acts.merge, _merge),
    body_schema=AccountMerge,
    problems=(
        "no_account",
        "same_account",
        "both_subscribed",
        "checkout_open",
        "customer_held",
        "conflict",
        "stripe_refused",
        "stripe_unavailable",
        "database_unavailable",
    ),
    example_body={"other": "r-82", "reason": "two accounts of one person, by their own word", "preview": True},
)
