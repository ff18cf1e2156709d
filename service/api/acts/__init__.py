"""`/v1/support/accounts/{reader_id}/…`: what staff do, one module a kind of act; `face.py` is what they share."""

from __future__ import annotations

from service.api.acts import accounts, courtesy, meter, notes, subscription
from service.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    notes.WRITE_NOTE,
    courtesy.GIVE,
    courtesy.REVOKE,
    meter.RESET_METER,
    meter.ADD_ARTICLES,
    subscription.CANCEL,
    subscription.UNDO_CANCELLATION,
    subscription.CHANGE_PLAN,
    accounts.RELEASE_HOLD,
    accounts.MERGE,
)
