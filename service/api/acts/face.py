"""An act as a route: asked with `preview` it tells its effect, else it is done; the answer has one shape for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema
from sqlalchemy.exc import SQLAlchemyError

from service.api.fields import Choice, Flag, Text
from service.api.operations import Call, Operation, Reply, View, answer
from service.api.schemas import ReaderPath
from service.api.services import Services
from service.api.shape_fields import flag, maybe_text, quoted, status_after, texts
from service.domain.staff import Role
from service.domain.staff_acts import StaffAct, audited_as
from service.store.api_keys import Scope
from service.support.acts.act import Act, Wish
from service.support.acts.all import Acts
from service.support.audit import Audited

PREVIEW = {"description": "Only tell the effect; change nothing."}
REASON = {"description": "For colleagues and the audit log."}


class Reasoned(Schema):
    """What every act is asked with."""

    reason = Text(most=500, required=True, metadata=REASON)
    preview = Flag(load_default=False, metadata=PREVIEW)


class MaybeReasoned(Schema):
    """For the two acts that the contract shows without a body: the log then says that none was given."""

    reason = Text(most=500, load_default="(none given)", metadata=REASON)
    preview = Flag(load_default=False, metadata=PREVIEW)


class ActAnswer(Schema):
    act = Choice(*StaffAct, required=True)
    preview = flag("True: nothing has changed.")
    effect = texts()
    quote = quoted()
    id = maybe_text("What was made, such as a grant's number.")
    reader_status = status_after()


def wish_of(call: Call) -> dict[str, Any]:
    """Return what every wish is made with."""
    reader_id, reason = call.path["reader_id"], call.body["reason"]
    return {"reader_id": reader_id, "reason": reason, "asked_by": call.trail.actor, "role": Role.ADMIN}


def view_of(which: StaffAct, pick: Callable[[Acts], Act[Any]], wish: Callable[[Call], Wish]) -> View:
    """Return the act's view: 200 for a preview, 201 where something was made, else 200."""

    def view(services: Services, call: Call) -> Reply:
        act, asked = pick(services.acts), wish(call)
        if call.body["preview"]:
            effect = act.effect(asked)
            return answer(200, _shown(services, which, asked, effect=effect.words, quote=effect.quote, preview=True))
        done = act.do(asked, call.trail)
        shown = _shown(services, which, asked, effect=done.words, made=done.id)
        return answer(201 if done.created and done.id is not None else 200, shown)

    return view


def operation(
    which: StaffAct, *, method: str, path: str, makes: bool = False, ahead: bool = False, **rest: Any
) -> Operation:
    """Return the act's route below the account's; `makes` something that has an id, `ahead` as in `Audited`."""
    answers = {201: ActAnswer, 200: ActAnswer} if makes else {200: ActAnswer}
    usual: dict[str, Any] = {
        "name": f"support_{which.value}", "tag": "For support", "access": Scope.SUPPORT_WRITE,
        "path_schema": ReaderPath, "body_schema": Reasoned, "answers": answers, "slow": True, "idempotent": True,
        "audited": Audited(act=audited_as(which), ahead=ahead),
    }  # fmt: skip
    return Operation(method=method, path=f"/v1/support/accounts/{{reader_id}}/{path}", **(usual | rest))


def _shown(
    services: Services, which: StaffAct, wish: Wish, *, effect: tuple[str, ...], quote: Mapping[str, Any] | None = None,
    made: str | None = None, preview: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "act": which.value,
        "preview": preview,
        "effect": list(effect),
        "quote": dict(quote or {}),
        "id": made,
        "reader_status": status_of(services, wish.reader_id, done=not preview),
    }


def status_of(services: Services, reader_id: str, *, done: bool) -> str | None:
    """Return how the reader stands; None where that can't be read of what is `done`.

    A fault would call it undone: `Idempotency-Key` lets go of a 503, and the repeat that this asks for acts again.
    """
    try:
        return services.readers.state(reader_id).entitlement.status.value
    except SQLAlchemyError:
        if done:
            return None
        raise


def example(which: StaffAct, *effect: str, status: str, made: str | None = None) -> dict[str, Any]:
    """Return an answer for the documentation."""
    shown: dict[str, Any] = {"act": which.value, "preview": False, "effect": list(effect), "quote": {}}
    return shown | {"id": made, "reader_status": status}
