"""`/support/staff`: who is on the desk, with which role; an admin limits, shuts out, and lets in again."""

from __future__ import annotations

from flask import Response
from marshmallow import Schema, fields, validate

from service.api.fields import Text
from service.console.desk import Desk
from service.console.frame import Page, Refused, Visit
from service.domain.staff import Role
from service.errors import NotFound
from service.store import staff as store
from service.store.staff import role_in
from service.support.audit import Audited

_NUMBER = fields.Integer(required=True, validate=validate.Range(1, 2**63 - 1))


class RoleLimit(Schema):
    staff = _NUMBER
    limit = fields.String(load_default=None, validate=validate.OneOf([each.word for each in Role]))
    reason = Text(most=500, required=True)


class StaffChange(Schema):
    staff = _NUMBER
    reason = Text(most=500, required=True)


def list_staff(desk: Desk, visit: Visit) -> Response:
    """Show everybody, those shut out included."""
    with desk.engine.connect() as connection:
        everybody = store.everybody(connection)
    return desk.page("staff.html", visit, everybody=everybody, role_in=role_in, roles=list(Role))


def limit_role(desk: Desk, visit: Visit) -> Response:
    """Let somebody do no more than a role, whatever their groups say; in force at their next request."""
    _refuse_oneself(visit)
    limit = visit.form["limit"]
    with desk.engine.begin() as connection:
        if not store.limit_role(connection, visit.form["staff"], Role.named(limit) if limit else None):
            raise NotFound("There is no such member of staff.")
        visit.trail.record(connection)
    return desk.go("/support/staff")


def revoke(desk: Desk, visit: Visit) -> Response:
    """Shut somebody out: no session of theirs opens anything from the next request on."""
    _refuse_oneself(visit)
    with desk.engine.begin() as connection:
        if not store.revoke(connection, visit.form["staff"], desk.now()):
            raise NotFound("There is no such member of staff, or they are shut out already.")
        visit.trail.record(connection)
    return desk.go("/support/staff")


def restore(desk: Desk, visit: Visit) -> Response:
    """Let somebody sign in again."""
    with desk.engine.begin() as connection:
        if not store.restore(connection, visit.form["staff"], desk.now()):
            raise NotFound("There is no such member of staff, or they are not shut out.")
        visit.trail.record(connection)
    return desk.go("/support/staff")


def _refuse_oneself(visit: Visit) -> None:
    """Nobody locks the last door from the inside."""
    if visit.form["staff"] == visit.signed_in.staff_id:
        raise Refused(status=409, title="That is you", words="Another admin can change your access; you can't.")


PAGES = (
    Page(
        method="GET", path="/support/staff", name="list_staff", role=Role.ADMIN, audited=Audited(act="staff.list"),
        view=list_staff, nav="Staff",
    ),
    Page(
        method="POST", path="/support/staff/limit", name="limit_role", role=Role.ADMIN,
        audited=Audited(act="staff.limit"), view=limit_role, form=RoleLimit,
    ),
    Page(
        method="POST", path="/support/staff/revoke", name="revoke_staff", role=Role.ADMIN,
        audited=Audited(act="staff.revoke"), view=revoke, form=StaffChange,
    ),
    Page(
        method="POST", path="/support/staff/restore", name="restore_staff", role=Role.ADMIN,
        audited=Audited(act="staff.restore"), view=restore, form=StaffChange,
    ),
)  # fmt: skip
