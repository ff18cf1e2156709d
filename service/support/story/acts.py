"""What staff and keys did, in words: the audit log's acts as sentences, and who did them by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from sqlalchemy import Connection, select

from service.domain.staff_acts import FORMER_NAMES
from service.store.staff_tables import staff
from service.store.tables import api_keys

_SAYS = {
    "account.erase": "Erased the reader",
    "account.erase_look": "Looked at what erasing would take away",
    "account.export": "Exported all that is held on the reader",
    "account.read": "Looked at the account",
    "account.sync": "Asked Stripe for the account's state",
    "accounts.export": "Took a list of accounts away, this one among them",
    "accounts.search": "Found the account by a search",
    "act.add_articles": "Gave more free articles",
    "act.cancel": "Cancelled the subscription",
    "act.change_plan": "Changed the plan",
    "act.grant": "Gave courtesy access",
    "act.merge": "Merged two accounts of one person",
    "act.note": "Wrote a note",
    "act.refund": "Refunded a payment",
    "act.release_hold": "Released a hold",
    "act.reset_meter": "Set the count of free articles back to none",
    "act.revoke_grant": "Took courtesy access back",
    "act.undo_cancellation": "Undid a cancellation",
    "audit.read": "Looked at the audit log of this reader",
    "event.replay": "Had an event applied again",
    "timeline.read": "Looked at the timeline",
    "why.read": "Asked why an article was opened or not",
}
_ASKED = ".asked"


_SAYS |= {former: _SAYS[name] for name, formers in FORMER_NAMES.items() for former in formers}


def act_told(act: str, detail: Mapping[str, Any] | None) -> str:
    """Return the act in words, ending in a full stop; of one that failed, that it did."""
    given = detail or {}
    plain, form, _ = act.removesuffix(_ASKED).partition(".form")
    plain, preview, _ = plain.partition(".preview")
    said = _SAYS.get(plain) or plain.replace(".", " ").replace("_", " ").capitalize()
    if form or preview or given.get("preview"):
        return f"Looked at what this would do: {said[0].lower()}{said[1:]}."
    return f"{said}{_about(given)}{_ended(act, given)}."


def names_of(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """Return what people call these actors; those that are nobody's any more keep the log's own name."""
    asked = set(actors)
    found = {each: each for each in asked}
    by_id = {"staff": (staff.c.id, staff.c.name, staff.c.email), "key": (api_keys.c.id, api_keys.c.label)}
    for kind, (number, *words) in by_id.items():
        ids = [int(each.partition(":")[2]) for each in asked if each.startswith(f"{kind}:") and each[-1].isdigit()]
        if ids:
            rows = connection.execute(select(number, *words).where(number.in_(ids)))
            found |= {f"{kind}:{row[0]}": _named(kind, row) for row in rows}
    return found


def _named(kind: str, row: Any) -> str:
    name = next((each for each in row[1:] if each), None)
    known = f"{name} ({kind} {row[0]})" if name else f"{kind} {row[0]}"
    return f"API {known}" if kind == "key" else known


def _about(detail: Mapping[str, Any]) -> str:
    """Return the few details that people look for; all of them are in the audit log."""
    found = [str(detail[name]) for name in ("invoice", "plan", "article", "until", "visitor_id") if detail.get(name)]
    found += [told["display"] for told in map(detail.get, ("given_back", "charged")) if _is_money(told)]
    return f" ({', '.join(found)})" if found else ""


def _is_money(told: Any) -> TypeGuard[Mapping[str, str]]:
    return isinstance(told, Mapping) and isinstance(told.get("display"), str)


def _ended(act: str, detail: Mapping[str, Any]) -> str:
    if act.endswith(_ASKED):
        return ": it was asked for, and what came of it is not on record"
    if detail.get("failed"):
        return f": it failed ({str(detail['failed']).replace('_', ' ')})"
    status = detail.get("status")
    return f": refused ({status})" if type(status) is int and status >= 400 else ""
