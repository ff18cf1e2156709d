"""What staff and keys did, in words: the audit log's acts as sentences, and who did them by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from service.domain.money import Money
from service.store.staff_tables import staff
from service.store.tables import api_keys

_SAYS = {
    "account.read": "Looked at the account",
    "account.sync": "Asked Stripe for the account's state",
    "accounts.export": "Took a list of accounts away, this one among them",
    "accounts.search": "Found the account by a search",
    "audit.read": "Looked at the audit log of this reader",
    "refund": "Refunded a payment",
    "timeline.read": "Looked at the timeline",
    "why.read": "Asked why an article was opened or not",
}
_ASKED = ".asked"


def act_told(act: str, detail: Mapping[str, Any] | None) -> str:
    """Return the act in words, ending in a full stop; of one that failed, that it did."""
    given = detail or {}
    plain = act.removesuffix(_ASKED)
    said = _SAYS.get(plain) or plain.replace(".", " ").replace("_", " ").capitalize()
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
    minor, currency = detail.get("amount"), detail.get("currency")
    if type(minor) is int and isinstance(currency, str):
        found.append(Money(minor, currency).display)
    return f" ({', '.join(found)})" if found else ""


def _ended(act: str, detail: Mapping[str, Any]) -> str:
    if act.endswith(_ASKED):
        return ": it was asked for, and what came of it is not on record"
    if detail.get("failed"):
        return f": it failed ({str(detail['failed']).replace('_', ' ')})"
    status = detail.get("status")
    return f": refused ({status})" if type(status) is int and status >= 400 else ""
