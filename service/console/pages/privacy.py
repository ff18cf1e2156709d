"""`/support/accounts/<reader_id>/export` and `…/erasure`: what a reader may ask for."""

from __future__ import annotations

import json
from datetime import timedelta

from flask import Response
from marshmallow import Schema, fields

from service.api.fields import Text
from service.api.schemas import ReaderPath
from service.console.desk import Desk
from service.console.frame import Page, Refused, Visit
from service.console.pages.addresses import address_of
from service.domain.staff import Role
from service.privacy.everything import HELD
from service.privacy.stripe_steps import steps_at_stripe
from service.store.audit import AuditQuery
from service.support.audit import Audited

ASKED = "account.erase_asked"
ASKED_FOR = timedelta(days=7)
"""How long somebody's asking for an erasure counts, where it takes two."""


class Reasoned(Schema):
    reason = Text(most=500, required=True)


class ErasureConfirm(Reasoned):
    confirm = fields.String(required=True)
    customers = Text(most=5000, load_default="")


def export(desk: Desk, visit: Visit) -> Response:
    """Send all that is held, as a file."""
    found = desk.services.exports.export(_reader_id(visit))
    text = json.dumps(found, ensure_ascii=False, indent=2)
    return Response(
        text, mimetype="application/json", headers={"Content-Disposition": 'attachment; filename="reader.json"'}
    )


def show_erasure(desk: Desk, visit: Visit) -> Response:
    """Show what would be erased, what stays, what stands in the way, and what is to be done at Stripe."""
    reader_id = _reader_id(visit)
    prospect = desk.services.erasures.prospect(reader_id)
    return desk.page(
        "erasure.html",
        visit,
        prospect=prospect,
        parts=[held for held in HELD if prospect.rows[held.name]],
        steps=steps_at_stripe(prospect.customer_ids),
        address=address_of(reader_id),
        to_be_asked=_needs_another(desk, visit, reader_id),
    )


def ask_for_erasure(desk: Desk, visit: Visit) -> Response:
    """Note that one admin wants the reader erased: another one may then do it."""
    reader_id = _reader_id(visit)
    desk.services.erasures.prospect(reader_id)
    return desk.go(f"{address_of(reader_id)}/erasure")


def erase(desk: Desk, visit: Visit) -> Response:
    """Erase the reader; the page that tells so is the last one with the customer's number on it.

    The form brings the number along, so that a second press tells what the first did, and nothing need be kept for it.
    """
    reader_id = _reader_id(visit)
    if visit.form["confirm"] != reader_id:
        raise Refused(status=422, title="That is another reader", words="Nothing was done. Type the reader id again.")
    if _needs_another(desk, visit, reader_id):
        raise Refused(
            status=409, title="It takes two",
            words="Another admin must have asked for this erasure in the last seven days. Nothing was done.",
        )  # fmt: skip
    done = desk.services.erasures.erase(
        reader_id, reason=visit.form["reason"], trail=visit.trail, customers=visit.form["customers"].split()
    )
    return desk.page("erased.html", visit, done=done)


def _needs_another(desk: Desk, visit: Visit, reader_id: str) -> bool:
    """Tell whether the rule of two holds here, and nobody but this person has asked."""
    if not desk.erasure_by_two:
        return False
    query = AuditQuery(subject=reader_id, act=ASKED, since=desk.now() - ASKED_FOR)
    return not any(row["actor"] != visit.trail.actor for row in desk.services.audit.page(query).rows)


def _reader_id(visit: Visit) -> str:
    loaded: dict[str, str] = ReaderPath().load(visit.path)
    return loaded["reader_id"]


PAGES = (
    Page(
        method="POST", path="/support/accounts/<reader_id>/export", name="export_reader", role=Role.LEAD,
        audited=Audited(act="account.export"), view=export, form=Reasoned,
    ),
    Page(
        method="GET", path="/support/accounts/<reader_id>/erasure", name="show_erasure", role=Role.ADMIN,
        audited=Audited(act="account.erase_look"), view=show_erasure,
    ),
    Page(
        method="POST", path="/support/accounts/<reader_id>/erasure/ask", name="ask_for_erasure", role=Role.ADMIN,
        audited=Audited(act=ASKED), view=ask_for_erasure, form=Reasoned,
    ),
    Page(
        method="POST", path="/support/accounts/<reader_id>/erasure", name="erase_reader", role=Role.ADMIN,
        audited=Audited(act="account.erase"), view=erase, form=ErasureConfirm,
    ),
)  # fmt: skip
