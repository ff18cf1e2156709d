"""What staff may do about an account, from which role on, and how much of it; docs/support.md shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from service.domain.staff import Role


class StaffAct(StrEnum):
    """One thing that staff do; also the audit log's and the API's word for it."""

    NOTE = "note"
    GRANT = "grant"
    REVOKE_GRANT = "revoke_grant"
    RESET_METER = "reset_meter"
    ADD_ARTICLES = "add_articles"
    CANCEL = "cancel"
    UNDO_CANCELLATION = "undo_cancellation"
    REFUND = "refund"
    CHANGE_PLAN = "change_plan"
    RELEASE_HOLD = "release_hold"
    MERGE = "merge"


def audited_as(act: StaffAct) -> str:
    """Return the audit log's name of an act, by whichever way it is done."""
    return f"act.{act.value}"


FORMER_NAMES: Mapping[str, tuple[str, ...]] = {audited_as(StaffAct.REFUND): ("refund",)}
"""What the log called acts before all were named alike: what is written there stays, and is found by either name."""

LEAST_ROLE: Mapping[StaffAct, Role] = {
    StaffAct.NOTE: Role.AGENT,
    StaffAct.GRANT: Role.AGENT,
    StaffAct.REVOKE_GRANT: Role.AGENT,
    StaffAct.RESET_METER: Role.AGENT,
    StaffAct.ADD_ARTICLES: Role.AGENT,
    StaffAct.CANCEL: Role.AGENT,
    StaffAct.UNDO_CANCELLATION: Role.AGENT,
    StaffAct.REFUND: Role.LEAD,
    StaffAct.CHANGE_PLAN: Role.LEAD,
    StaffAct.RELEASE_HOLD: Role.LEAD,
    StaffAct.MERGE: Role.ADMIN,
}
"""The role from which on somebody may. API keys of `support:write` stand for an admin: only admins make keys."""

LONGEST_COURTESY: Mapping[Role, timedelta] = {
    Role.VIEWER: timedelta(0),
    Role.AGENT: timedelta(days=31),
    Role.LEAD: timedelta(days=3653),
    Role.ADMIN: timedelta(days=3653),
}
