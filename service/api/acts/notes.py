"""Notes over the API."""

from __future__ import annotations

from marshmallow import Schema

from service.api.acts.face import PREVIEW, operation, view_of
from service.api.fields import Flag, Text
from service.api.operations import Call
from service.domain.staff import Role
from service.domain.staff_acts import StaffAct
from service.support.acts.act import Wish


class NoteCreate(Schema):
    body = Text(most=5000, lines=True, required=True, metadata={"description": "What colleagues are to know."})
    preview = Flag(load_default=False, metadata=PREVIEW)


def _note(call: Call) -> Wish:
    return Wish(
        reader_id=call.path["reader_id"], reason=call.body["body"], asked_by=call.trail.actor, role=Role.ADMIN
    )  # fmt: skip


WRITE_NOTE = operation(
    StaffAct.NOTE,
    method="POST",
    path="notes",
    makes=True,
    summary="Write a note on an account",
    description="For colleagues; it stands on the account, and goes to the reader with an export of their data.",
    view=view_of(StaffAct.NOTE, lambda acts: acts.note, _note),
    body_schema=NoteCreate,
    problems=("no_account", "database_unavailable"),
    example_body={"body": "Telephoned on Monday, prefers letters."},
)
