"""Which early fraud warnings a customer's events have told of: Stripe lists warnings by charge only.

A sync looks for warnings at the newest charges by itself; one about an older charge is found because its event is in
the inbox. Nothing but ids is taken from an event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine, select

from webhooks.events import Refusal, parse
from webhooks.tables import events

KIND = "radar.early_fraud_warning"
TOLD_AT_MOST = 20
_TYPES = tuple(f"{prefix}{KIND}.{change}" for prefix in ("", "v1.") for change in ("created", "updated"))

Warned = Callable[[str], Sequence[str]]
"""Returns the ids of the warnings that a customer's events have told of, newest first."""


def none_told(_customer_id: str) -> Sequence[str]:
    """Tell of none: for who has no inbox."""
    return ()


def told_by_events(engine: Engine) -> Warned:
    """Return a function that reads the inbox; it gives its connection back before it returns."""
    column = events.c
    query = select(column.body).where(column.type.in_(_TYPES)).order_by(column.received_at.desc()).limit(TOLD_AT_MOST)

    def told(customer_id: str) -> Sequence[str]:
        with engine.connect() as connection:
            bodies = connection.scalars(query.where(column.customer_id == customer_id)).all()
        read = (parse(body) for body in bodies)
        ids = (each.object_id for each in read if not isinstance(each, Refusal))
        return list(dict.fromkeys(each for each in ids if each is not None))

    return told
