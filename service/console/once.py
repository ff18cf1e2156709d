"""A form sent twice acts once: the same record of keys that the API's `Idempotency-Key` has.

A page whose form is `keyed` gets this from the guard, before anything is on record: a repeat is no second act, and
leaves no second entry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import Response
from marshmallow import Schema, fields, validate

from service.api.idempotency import Once, act_once
from service.api.operations import Reply
from service.console.cookies import new_token
from service.console.desk import Desk
from service.console.frame import Refused, Visit
from service.errors import Conflict, InvalidRequest
from service.store.idempotency import CONSOLE

FIELD = "once"


class Keyed(Schema):
    """A form with a key of its own, which the page that shows it makes."""

    once = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,100}\Z"))


def keyed(form: type[Schema]) -> type[Schema]:
    """Return the form with a key besides."""
    return type(f"Keyed{form.__name__}", (form, Keyed), {})


def new_key() -> str:
    """Return a key for a form that is about to be shown."""
    return new_token()


def go_once(desk: Desk, visit: Visit, what: str, act: Callable[[], Response]) -> Response:
    """Return where `act` leads, acting only the first time; a repeat is told the same, a refusal included.

    `visit.form["once"]` is the form's key; with another content, or in another's hands, it is refused. A page that
    shows something once, such as a new API key, is not kept: a repeat is told that it was shown.
    """
    answers: list[Response] = []
    raised: list[Exception] = []

    def first() -> Reply:
        try:
            answers.append(act())
        except Exception as error:
            raised.append(error)
            raise
        return Reply(status=answers[0].status_code, body=answers[0].location or "")

    reply = _act_once(desk, _this(visit, what), first)
    if raised:
        raise raised[0]
    return answers[0] if answers else _again(desk, reply)


def _again(desk: Desk, kept: Reply) -> Response:
    if kept.status >= 400:
        raise Refused(status=kept.status, title="That did not work", words=json.loads(kept.body)["detail"])
    if not kept.body:
        words = "Your first press did it. What it showed is shown once, and is not kept."
        raise Refused(status=409, title="It is done already", words=words)
    return desk.go(kept.body)


def _act_once(desk: Desk, this: Once, first: Callable[[], Reply]) -> Reply:
    try:
        return act_once(desk.services.idempotency, this, desk.now(), first)
    except Conflict as conflict:
        if conflict.code != "request_in_flight":
            raise
        words = "Your first press is still being worked on. Look at the account in a moment."
        raise Refused(status=409, title="It is being done", words=words) from conflict
    except InvalidRequest as refused:
        if refused.code != "idempotency_key_reused":
            raise
        words = "This confirmation was used for another request, or is not yours. Begin again from the account."
        raise Refused(status=422, title="Nothing was done", words=words) from refused


def _this(visit: Visit, what: str) -> Once:
    asked = [visit.signed_in.staff_id, what, dict(visit.path), dict(visit.form)]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()
    return Once(api_key_id=CONSOLE, key=visit.form[FIELD], digest=digest)
