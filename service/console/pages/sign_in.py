"""`/support/sign-in`: through the provider, or with the break-glass account where that is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy import Connection

from service.api.envelope import lasting_id
from service.console.break_glass import NotIn
from service.console.cookies import new_token
from service.console.desk import Desk
from service.console.frame import Anyone, Page, Refused, Visit
from service.console.oidc import ProviderAway, SignInFailed, Vouched
from service.domain.staff import safe_return
from service.metrics import count_refused_sign_in
from service.store import staff as store
from service.store.staff import SignIn
from service.support.audit import Entry

WITHIN = timedelta(minutes=10)
"""How long somebody may take at the provider."""
log = structlog.get_logger("newsstand.console")


class Password(Schema):
    password = fields.String(required=True, validate=validate.Length(max=200))
    next = fields.String(load_default=None)


def show(desk: Desk, visit: Visit) -> Response:
    """Offer the ways in; the browser gets a cookie that this page's form is bound to."""
    asked = safe_return(visit.query.get("next"))
    local = desk.break_glass.is_on()
    response = desk.page("sign_in.html", visit, next=asked, local=local, out="out" in visit.query)
    desk.cookies.write(response, desk.cookies.browser, visit.browser)
    return response


def start(desk: Desk, visit: Visit) -> Response:
    """Send the browser to the provider; what must come back is remembered for it alone, under a new cookie."""
    if desk.provider is None:
        raise Refused(status=404, title="No provider", words="Sign-in through a provider is not set up here.")
    with _told():
        address, begun = desk.provider.begin()
    sign_in = SignIn(**begun, return_to=safe_return(visit.query.get("next")), ends_at=desk.now() + WITHIN)
    browser = new_token()
    with desk.engine.begin() as connection:
        store.begin_sign_in(connection, browser, sign_in)
    response = desk.go(address)
    desk.cookies.write(response, desk.cookies.browser, browser)
    return response


def finish(desk: Desk, visit: Visit) -> Response:
    """Take somebody in whom the provider vouches for, with an allow-listed group, in the browser that asked."""
    if desk.provider is None:
        raise Refused(status=404, title="No provider", words="Sign-in through a provider is not set up here.")
    with desk.engine.begin() as connection:
        begun = store.take_sign_in(connection, visit.browser, desk.now())
    if begun is None:
        raise _failed("no_sign_in")
    with _told():
        vouched = desk.provider.finish(begun, visit.query, desk.now())
    return _signed_in(desk, _welcomed(desk, vouched), begun.return_to, "oidc")


def by_password(desk: Desk, visit: Visit) -> Response:
    """Take the break-glass account in; a wrong password, one try too many and an account that is off look the same."""
    found = desk.break_glass.check(visit.form["password"])
    if isinstance(found, NotIn):
        _count_or_note(desk, found)
        raise Refused(
            status=403, title="That did not work", sign_in=True,
            words="The password is wrong, the account is off, or there were too many tries: then wait 15 minutes.",
        )  # fmt: skip
    return _signed_in(desk, found, safe_return(visit.form["next"]), "break_glass")


def _count_or_note(desk: Desk, why: NotIn) -> None:
    """Keep a wrong password, of which there are five in a quarter of an hour; of what nobody looked at, the number.

    The log is never shortened: nobody may make it grow without having signed in.
    """
    if why is NotIn.WRONG:
        with desk.engine.begin() as connection:
            _note_refusal(desk, connection, why)
    else:
        count_refused_sign_in(why)


def _welcomed(desk: Desk, vouched: Vouched) -> int:
    """Return the number of the member of staff; raises Refused for one without an allow-listed group, or shut out."""
    if vouched.role is None:
        _end_all_of(desk, vouched)
        raise Refused(
            status=403, title="You are not on the desk", sign_in=True,
            words="Your account is known, but none of its groups has a role here. Ask whoever manages the groups.",
        )  # fmt: skip
    said = {"email": vouched.email, "name": vouched.name, "role": vouched.role.word}
    with desk.engine.begin() as connection:
        row = store.welcome(connection, vouched.issuer, vouched.subject, desk.now(), **said)
        if row.revoked_at is not None:
            _note_refusal(desk, connection, "revoked")
    if row.revoked_at is not None:
        raise Refused(
            status=403, title="You were shut out", sign_in=True,
            words="An admin of this console has ended your access. They can give it back.",
        )  # fmt: skip
    return int(row.id)


def _end_all_of(desk: Desk, vouched: Vouched) -> None:
    """End the sessions that somebody still has from the time when one of their groups had a role."""
    with desk.engine.begin() as connection:
        ended = store.end_sessions_of(connection, vouched.issuer, vouched.subject, desk.now())
        _note_refusal(desk, connection, "no_group", sessions_ended=ended)


def _signed_in(desk: Desk, staff_id: int, return_to: str, method: str) -> Response:
    """Begin a session, on record, under a token that was never seen; the browser's old one ends."""
    cookies = desk.cookies
    entry = Entry(actor=f"staff:{staff_id}", act="staff.sign_in", detail={"method": method}, request_id=lasting_id()[0])
    with desk.engine.begin() as connection:
        token = desk.sessions.open(connection, staff_id, replacing=cookies.read(request, cookies.session))
        desk.services.audit.record(connection, entry)
    response = desk.go(return_to)
    cookies.write(response, cookies.session, token)
    cookies.drop(response, cookies.browser)
    return response


def _note_refusal(desk: Desk, connection: Connection, why: str, **detail: int) -> None:
    """Keep that somebody was refused; who it was is not kept, for they are nobody here."""
    count_refused_sign_in(why)
    told = {"why": why} | detail
    entry = Entry(actor="service", act="staff.sign_in_refused", detail=told, request_id=lasting_id()[0])
    desk.services.audit.record(connection, entry)


@contextmanager
def _told() -> Iterator[None]:
    """Tell people of a provider that is away, or whose answer is not to be believed."""
    try:
        yield
    except ProviderAway as error:
        log.warning("sign_in_provider_away", why=error.why)
        raise Refused(
            status=503, title="The sign-in provider does not answer", sign_in=True,
            words="Try again in a minute. If it stays away, the break-glass account is for that.",
        ) from error  # fmt: skip
    except SignInFailed as error:
        raise _failed(error.why) from error


def _failed(why: str) -> Refused:
    log.warning("sign_in_failed", why=why)
    return Refused(
        status=400, title="Sign-in did not work", sign_in=True,
        words="The provider's answer does not belong to a sign-in of this browser, or is too old. Begin again.",
    )  # fmt: skip


PAGES = (
    Page(
        method="GET", path="/support/sign-in", name="sign_in", role=Anyone.SIGNING_IN, audited=None, view=show,
    ),
    Page(
        method="POST", path="/support/sign-in", name="by_password", role=Anyone.SIGNING_IN, audited=None,
        view=by_password, form=Password,
    ),
    Page(
        method="GET", path="/support/sign-in/start", name="start_sign_in", role=Anyone.SIGNING_IN, audited=None,
        view=start,
    ),
    Page(
        method="GET", path="/support/sign-in/back", name="finish_sign_in", role=Anyone.SIGNING_IN, audited=None,
        view=finish,
    ),
)  # fmt: skip
