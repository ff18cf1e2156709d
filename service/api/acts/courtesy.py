"""Courtesy access over the API."""

from __future__ import annotations

from marshmallow import fields, validate

from service.api.acts.face import MaybeReasoned, Reasoned, example, operation, view_of, wish_of
from service.api.operations import Call
from service.api.schemas import ReaderPath
from service.domain.staff_acts import StaffAct
from service.support.acts.courtesy import GrantWish, RevocationWish

LARGEST = 2**63 - 1


class GrantCreate(Reasoned):
    until = fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "At most ten years from now, of business time."}
    )


class GrantPath(ReaderPath):
    grant_id = fields.Integer(
        required=True, validate=validate.Range(1, LARGEST), metadata={"description": "From the account's `grants`."}
    )


def _grant(call: Call) -> GrantWish:
    return GrantWish(until=call.body["until"], **wish_of(call))


def _revocation(call: Call) -> RevocationWish:
    return RevocationWish(grant_id=call.path["grant_id"], **wish_of(call))


GIVE = operation(
    StaffAct.GRANT,
    method="POST",
    path="grants",
    makes=True,
    summary="Give courtesy access",
    description="Until a moment, whatever Stripe says. A reader without an account gets one. Nothing is charged.",
    view=view_of(StaffAct.GRANT, lambda acts: acts.give, _grant),
    body_schema=GrantCreate,
    problems=("database_unavailable",),
    example_body={"until": "2026-12-21T23:00:00Z", "reason": "paper was not delivered for a week"},
    example_answer=example(
        StaffAct.GRANT,
        "Courtesy access from now until 22 December 2026, 00:00: unlimited articles, ad free.",
        "Nothing is charged, and Stripe is not told.",
        "Afterwards: Courtesy access given by staff until 22 December; nothing is charged.",
        status="courtesy",
        made="12",
    ),
)

REVOKE = operation(
    StaffAct.REVOKE_GRANT,
    method="DELETE",
    path="grants/{grant_id}",
    summary="Take courtesy access back",
    view=view_of(StaffAct.REVOKE_GRANT, lambda acts: acts.revoke, _revocation),
    path_schema=GrantPath,
    body_schema=MaybeReasoned,
    body_optional=True,
    problems=("no_grant", "grant_over", "database_unavailable"),
)
