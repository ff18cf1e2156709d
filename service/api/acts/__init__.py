"""`/v1/support/accounts/{reader_id}/…`: what staff do, one module a kind of act; `face.py` is what they share."""

from __future__ import annotations

from service.api.acts import courtesy, meter, notes
from service.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    notes.WRITE_NOTE,
    courtesy.GIVE,
    courtesy.REVOKE,
    meter.RESET_METER,
)
