"""A form sent twice acts once: the same record of keys that the API's `Idempotency-Key` has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from service.api.idempotency import Once, act_once
from service.api.operations import Reply
from service.console.cookies import new_token
from service.console.desk import Desk
from service.console.frame import Refused, Visit
from service.errors import Conflict, InvalidRequest
from service.store.idempotency import CONSOLE


def new_key() -> str:
    """Return a key for a form that is about to be shown."""
    return new_token()


def go_once(desk: Desk, visit: Visit, what: str, act: Callable[[], str]) -> str:
    """Return where `act` leads, acting only the first time; a repeat is told the same, a refusal included.

    `visit.form["once"]` is the form's key; with another content, or in another's hands, it is refused.
    """
    raised: list[Exception] = []

    def first() -> Reply:
        try:
            return Reply(status=303, body=act())
        except Exception as error:
            raised.append(error)
            raise

    reply = _act_once(desk, _this(visit, what), first)
    if raised:
        raise raised[0]
    if reply.headers:
        visit.trail.tell(replayed=True)
    if reply.status >= 400:
        words = json.loads(reply.body)["detail"]
        raise Refused(status=reply.status, title="That did not work", words=words)
    return reply.body


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
    return Once(api_key_id=CONSOLE, key=visit.form["once"], digest=digest)
