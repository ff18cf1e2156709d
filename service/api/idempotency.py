"""`Idempotency-Key`: the same request again gets the same answer and acts once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.api.operations import Call, Operation, Reply
from service.api.problems import MEDIA_TYPE, describe
from service.errors import Conflict, InvalidRequest
from service.store.idempotency import Answered, Claimed, IdempotencyStore, InFlight, OtherRequest

HEADER = "Idempotency-Key"
_SANE = re.compile(r"[\x21-\x7e]{1,255}")
_log = structlog.get_logger("newsstand.api")


@dataclass(frozen=True, kw_only=True)
class Once:
    """One request that must act once: whose, under which key, and what it asks."""

    api_key_id: int
    key: str
    digest: bytes


def once(api_key_id: int, key: str, operation: Operation, call: Call) -> Once:
    """Return the request's identity; raises InvalidRequest for a key that is none."""
    if not _SANE.fullmatch(key):
        fault = {HEADER: ["Must be 1 to 255 visible ASCII characters."]}
        raise InvalidRequest(f"{HEADER} is malformed.", errors=fault)
    asked = [operation.method, operation.path, dict(call.path), dict(call.query), dict(call.body)]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()
    return Once(api_key_id=api_key_id, key=key, digest=digest)


def act_once(store: IdempotencyStore, this: Once, now: datetime, act: Callable[[], Reply]) -> Reply:
    """Return the kept answer, or act and keep it. Answers of 500 and above are not kept: they may be tried again."""
    match store.claim(this.api_key_id, this.key, this.digest, now):
        case Answered(status=status, body=body):
            return _again(status, body)
        case InFlight():
            raise Conflict(f"A request with this {HEADER} is still being worked on.", code="request_in_flight")
        case OtherRequest():
            raise InvalidRequest(f"This {HEADER} was used for another request.", code="idempotency_key_reused")
        case Claimed() as claimed:
            return _act(store, claimed, act)


def _act(store: IdempotencyStore, claimed: Claimed, act: Callable[[], Reply]) -> Reply:
    try:
        reply = act()
    except Exception as error:
        described = describe(error)
        if described is None or described.status >= 500:
            _settle(lambda: store.release(claimed))
            raise
        reply = described
    _settle(lambda: store.finish(claimed, reply.status, reply.body))
    return reply


def _settle(write: Callable[[], None]) -> None:
    """Write, but never lose an answer to a write that fails: the lease then ends by itself."""
    try:
        write()
    except SQLAlchemyError as error:
        _log.warning("idempotency_key_unsettled", exception=type(error).__name__)


def _again(status: int, body: str) -> Reply:
    media_type = MEDIA_TYPE if status >= 400 else "application/json"
    return Reply(status=status, body=body, media_type=media_type, headers={"Idempotent-Replayed": "true"})
