"""`/support/accounts/<reader_id>/acts/…`: a form, what it would do in words, and then, once, the act.

Each act has the same three steps; `service/console/acts.py` lists the acts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flask import Response

from service.api.fields import Text
from service.console.acts import CONSOLE_ACTS, ConsoleAct, wish_of
from service.console.desk import Desk
from service.console.frame import Page, View, Visit
from service.console.once import Keyed, keyed, new_key
from service.console.pages.addresses import address_of, reader_in
from service.domain.staff_acts import LEAST_ROLE, LONGEST_COURTESY, StaffAct, audited_as
from service.errors import NotFound
from service.store import accounts
from service.support.acts.act import Wish
from service.support.audit import Audited

DAY = timedelta(days=1)
"""Courtesy is given until a day's end: the last day on offer must end within what the role may give."""


class NoteForm(Keyed):
    body = Text(most=5000, lines=True, required=True)


def note(desk: Desk, visit: Visit) -> Response:
    """Write a note; it needs no confirmation, for it changes nothing for the reader."""
    reader_id = _account(desk, visit)
    wish = Wish(
        reader_id=reader_id, reason=visit.form["body"], asked_by=visit.trail.actor, role=visit.signed_in.role
    )  # fmt: skip
    desk.services.acts.note.do(wish, visit.trail)
    return desk.go(f"{address_of(reader_id)}?done=note#notes")


def form_of(act: ConsoleAct) -> View:
    """Return the page that asks for what the act needs; the address may fill fields in."""

    def view(desk: Desk, visit: Visit) -> Response:
        reader_id = _account(desk, visit)
        longest = LONGEST_COURTESY[visit.signed_in.role]
        return desk.page(
            "act.html", visit, act=act, reader_id=reader_id, address=address_of(reader_id), given=visit.query,
            longest=longest, latest=desk.local(desk.services.business_clock() + longest - DAY).date(),
        )  # fmt: skip

    return view


def confirmation_of(act: ConsoleAct) -> View:
    """Return the page that says what the act would do, which carries the form and a key of its own."""

    def view(desk: Desk, visit: Visit) -> Response:
        reader_id = _account(desk, visit)
        effect = act.pick(desk.services.acts).effect(wish_of(desk, visit, act, reader_id))
        carried = {name: value for name, value in {**visit.form, **effect.quote}.items() if value is not None}
        return desk.page(
            "act_confirm.html", visit, act=act, reader_id=reader_id, address=address_of(reader_id),
            words=effect.words, carried=carried, once=new_key(),
        )  # fmt: skip

    return view


def deed_of(act: ConsoleAct) -> View:
    """Return what does it, and leads back to the account, which tells that it is done."""

    def view(desk: Desk, visit: Visit) -> Response:
        reader_id = _account(desk, visit)
        act.pick(desk.services.acts).do(wish_of(desk, visit, act, reader_id), visit.trail)
        return desk.go(f"{address_of(reader_id)}?done={act.slug}")

    return view


def _pages(act: ConsoleAct) -> Iterator[Page]:
    path, name = f"/support/accounts/<reader_id>/acts/{act.slug}", act.which.value
    yield Page(
        method="GET", path=path, name=f"{name}_form", role=act.role, audited=act.audited(".form"), view=form_of(act)
    )  # fmt: skip
    yield Page(
        method="POST", path=f"{path}/preview", name=f"{name}_preview", role=act.role, audited=act.audited(".preview"),
        view=confirmation_of(act), form=act.form,
    )  # fmt: skip
    yield Page(
        method="POST", path=path, name=name, role=act.role, audited=act.audited(), view=deed_of(act),
        form=keyed(act.form),
    )  # fmt: skip


def _account(desk: Desk, visit: Visit) -> str:
    """Return the reader in the address, who must have an account; raises NotFound."""
    reader_id = reader_in(visit)
    with desk.engine.connect() as connection:
        if accounts.find(connection, reader_id) is None:
            raise NotFound("There is no account of this reader.", code="no_account")
    return reader_id


PAGES = (
    Page(
        method="POST", path="/support/accounts/<reader_id>/notes", name="note", role=LEAST_ROLE[StaffAct.NOTE],
        audited=Audited(act=audited_as(StaffAct.NOTE)), view=note, form=NoteForm,
    ),
    *(page for act in CONSOLE_ACTS for page in _pages(act)),
)  # fmt: skip
