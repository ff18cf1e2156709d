"""`/support/accounts/<reader_id>/export`: all that is held on a reader, to be handed to them."""

from __future__ import annotations

import json

from flask import Response

from service.api.schemas import ReaderPath
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.domain.staff import Role
from service.support.audit import Audited


def export(desk: Desk, visit: Visit) -> Response:
    """Send it as a file."""
    found = desk.services.exports.export(ReaderPath().load(visit.path)["reader_id"])
    text = json.dumps(found, ensure_ascii=False, indent=2)
    return Response(
        text, mimetype="application/json", headers={"Content-Disposition": 'attachment; filename="reader.json"'}
    )


PAGES = (
    Page(
        method="GET", path="/support/accounts/<reader_id>/export", name="export_reader", role=Role.LEAD,
        audited=Audited(act="account.export"), view=export,
    ),
)  # fmt: skip
