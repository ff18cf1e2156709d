"""The answer to a decision as JSON. What many answers have in common is encoded once, and remembered."""

from __future__ import annotations

import json
from functools import lru_cache
from zoneinfo import ZoneInfo

from metering.meter import Reading
from service.access.question import Answer
from service.api import present
from service.domain.decision import Wall

_encoded = json.JSONEncoder(separators=(",", ":")).encode
_BOOLEAN = {True: "true", False: "false"}


def decision_json(found: Answer, zone: ZoneInfo) -> str:
    """Return the answer to `POST /v1/decisions`; shapes.py documents it."""
    granted, reason, counted, reading, entitlement, wall, _decided_at = found.decision
    return (
        f'{{"granted":{_BOOLEAN[granted]},"reason":"{reason}","counted":{_BOOLEAN[counted]}'
        f',"visitor_id":{_encoded(found.visitor_id)}'
        f',"meter":{"null" if reading is None else _meter(reading, zone)}'
        f',"entitlement":{"null" if entitlement is None else _encoded(present.entitlement(entitlement))}'
        f',"wall":{"null" if wall is None else _wall(wall)}'
        f',"degraded":{"null" if found.degraded is None else _encoded(found.degraded)}}}'
    )


@lru_cache(maxsize=1024)
def _meter(reading: Reading, zone: ZoneInfo) -> str:
    return _encoded(present.meter(reading, zone))


@lru_cache(maxsize=256)
def _wall(wall: Wall) -> str:
    return _encoded(present.wall(wall))
