"""`/support/sessions`: where am I signed in, and out with it."""

from __future__ import annotations

from flask import Response
from marshmallow import Schema, fields, validate

from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.domain.staff import Role
from service.errors import NotFound
from service.support.audit import Audited


class SessionEnd(Schema):
    number = fields.Integer(required=True, validate=validate.Range(1, 2**63 - 1))


def my_sessions(desk: Desk, visit: Visit) -> Response:
    """Show the sessions in force of whoever asks."""
    return desk.page("sessions.html", visit, sessions=desk.sessions.list(visit.signed_in.staff_id))


def end_session(desk: Desk, visit: Visit) -> Response:
    """End one of one's own sessions; another's number is none."""
    if not desk.sessions.end_one(visit.signed_in.staff_id, visit.form["number"]):
        raise NotFound("You have no such session; it may be over already.")
    return desk.go("/support/sessions")


def sign_out(desk: Desk, visit: Visit) -> Response:
    """End this session, and take its cookie back."""
    desk.sessions.end(visit.browser)
    response = desk.go("/support/sign-in?out=1")
    desk.cookies.drop(response, desk.cookies.session)
    return response


PAGES = (
    Page(
        method="GET", path="/support/sessions", name="my_sessions", role=Role.VIEWER, audited=None, view=my_sessions,
        nav="My sessions",
    ),
    Page(
        method="POST", path="/support/sessions/end", name="end_session", role=Role.VIEWER,
        audited=Audited(act="staff.session_end"), view=end_session, form=SessionEnd,
    ),
    Page(
        method="POST", path="/support/sign-out", name="sign_out", role=Role.VIEWER,
        audited=Audited(act="staff.sign_out"), view=sign_out,
    ),
)  # fmt: skip
