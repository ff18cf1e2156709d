"""Whatever staff see or do through the API is in the audit log: here, for every route, so that none can forget it."""

from __future__ import annotations

from service.api.envelope import lasting_id
from service.api.operations import Call, Operation, Reply, View
from service.api.services import Services
from service.store.api_keys import Scope
from service.support.audit import Entry, Trail, plain

AUDITED_SCOPES = frozenset({Scope.SUPPORT_READ, Scope.SUPPORT_WRITE, Scope.PRIVACY})


def refuse_untraced(operation: Operation) -> None:
    """Raise ValueError for a route of people's scopes that would leave no trace."""
    if operation.access in AUDITED_SCOPES and operation.audited is None:
        raise ValueError(f"{operation.name} must say what it leaves in the audit log")


def act_on_record(operation: Operation, view: View, services: Services, call: Call, key_id: int | None) -> Reply:
    """Answer, and leave an entry; what can't be recorded is not shown, and not begun."""
    if operation.audited is None:
        return view(services, call)
    trail = Trail(services.audit, _entry(operation.audited.act, call, key_id))
    traced = call._replace(traced=trail)
    return trail.around(lambda: view(services, traced), operation.audited, lambda reply: reply.status)


def _entry(act: str, call: Call, key_id: int | None) -> Entry:
    """Return what the request says of itself; nothing of it is a secret, all of it can be erased."""
    asked = plain({**call.query, **call.body})
    reason = asked.pop("reason", None)
    reader_id = call.path.get("reader_id")
    others = {name: value for name, value in call.path.items() if name != "reader_id"}
    request_id, given = lasting_id()
    return Entry(
        actor=f"key:{key_id}",
        act=act,
        subjects=(reader_id,) if reader_id else (),
        reason=reason,
        detail=others | asked | given,
        request_id=request_id,
    )
