"""`/support/keys`: API keys, made, listed, rotated and revoked."""

from __future__ import annotations

from flask import Response
from marshmallow import fields, validate

from service.api.fields import Choice, Text
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.console.once import Keyed, new_key
from service.domain.staff import Role
from service.errors import NotFound
from service.store.api_keys import Scope
from service.support.audit import Audited


class KeyMake(Keyed):
    label = Text(most=100, required=True)
    scope = fields.List(Choice(*Scope), required=True)
    reason = Text(most=500, required=True)


class KeyChange(Keyed):
    reason = Text(most=500, required=True)
    key = fields.Integer(required=True, validate=validate.Range(1, 2**63 - 1))


def list_keys(desk: Desk, visit: Visit) -> Response:
    """Show every key ever made, by what people recognise it by."""
    return _shown(desk, visit)


def make_key(desk: Desk, visit: Visit) -> Response:
    """Make a key and show it, once."""
    scopes = [scope for scope in Scope if scope in visit.form["scope"]]
    return _shown(desk, visit, desk.keys.create_key(visit.form["label"], scopes))


def rotate_key(desk: Desk, visit: Visit) -> Response:
    """Make a key with another one's label and scopes, and show it, once; both work until the old one is revoked."""
    made = desk.keys.rotate(visit.form["key"])
    if made is None:
        raise NotFound("There is no live key of that number.")
    return _shown(desk, visit, made)


def revoke_key(desk: Desk, visit: Visit) -> Response:
    """End a key for good; every process follows within five seconds."""
    if not desk.keys.revoke(visit.form["key"]):
        raise NotFound("There is no live key of that number.")
    return desk.go("/support/keys")


def _shown(desk: Desk, visit: Visit, made: str | None = None) -> Response:
    return desk.page("keys.html", visit, keys=desk.keys.list(), scopes=list(Scope), made=made, new_key=new_key)


PAGES = (
    Page(
        method="GET", path="/support/keys", name="list_keys", role=Role.ADMIN, audited=None, view=list_keys,
        nav="API keys",
    ),
    Page(
        method="POST", path="/support/keys", name="make_key", role=Role.ADMIN, audited=Audited(act="key.make"),
        view=make_key, form=KeyMake,
    ),
    Page(
        method="POST", path="/support/keys/rotate", name="rotate_key", role=Role.ADMIN,
        audited=Audited(act="key.rotate"), view=rotate_key, form=KeyChange,
    ),
    Page(
        method="POST", path="/support/keys/revoke", name="revoke_key", role=Role.ADMIN,
        audited=Audited(act="key.revoke", ahead=True), view=revoke_key, form=KeyChange,
    ),
)  # fmt: skip
