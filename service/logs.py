"""Logs: one JSON object a line on standard output, ids only.

What could hold personal data or secrets never gets there: known keys are masked, e-mail addresses and keys are cut
out of every text, and an exception is logged as its class and the places it passed through, never its message,
which may quote a whole row.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.request_log import RequestLog

MASK = "***"
_SECRET_NAMES = re.compile(
    r"e[-_]?mail|authorization|password|secret|cookie|token|api_?key$|signature|body|query|client_ip|card",
    re.IGNORECASE,
)
_SECRET_TEXTS = re.compile(
    r"[^\s@\"'<>=:,;(){}\[\]]{1,64}(?:@|%40)[^\s@\"'<>=:,;(){}\[\]]+\.[^\s@\"'<>=:,;(){}\[\]]+"
    r"|\b(?:sk|rk|pk)_(?:test|live)_\w+|\bwhsec_\w+|\bnsk_[\w-]+|\bBearer\s+\S+"
    r"|://[^/\s@]+@",
    re.IGNORECASE,
)
_SUSPICIOUS = re.compile(r"@|%40|_|bearer|://", re.IGNORECASE)
"""What every secret text holds some of; most texts hold none, and are let through for the price of this."""
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that this thread answers."""
_access = logging.getLogger("newsstand.access")
request_log = RequestLog(_access.name, sys.stdout)
"""Lines of requests, which are made apart: records, and the processors that look for secrets, cost too much there."""
_QUIET = ("stripe", "urllib3", "werkzeug", "procrastinate", "alembic", "authlib", "joserfc")
_FRAMES = 12
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


def configure_logs(level: str) -> None:
    """Route structlog and the standard library's logging through the same processors to standard output."""
    logging.config.dictConfig(logging_config(level))
    request_log.redirect(sys.stdout)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logging_config(level: str) -> dict[str, Any]:
    """Return the standard library's logging configuration; gunicorn takes it as `logconfig_dict`."""
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": sys.stdout}
    quiet = {name: {"level": "WARNING"} for name in _QUIET}
    gunicorn = {name: {"handlers": [], "propagate": True} for name in ("gunicorn.error", "gunicorn.access")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": _formatter}},
        "handlers": {"stdout": handler},
        "root": {"handlers": ["stdout"], "level": level.upper()},
        "loggers": quiet | gunicorn,
    }


Level = Literal["debug", "info"]


class Answered(NamedTuple):
    """What an answered request has in common with many others, and its line says first. Every value is ours.

    Lines of `debug` are of what takes its usual course all day long.
    """

    level: Level
    method: str
    route: str | None
    status: int
    api_key_id: int | None


def is_told(level: Level) -> bool:
    """Tell whether lines of this level are written."""
    return _access.isEnabledFor(_LEVELS[level])


def access(
    answered: Answered, *, duration_ms: float, request_id: str, also: Mapping[str, str | None] | None = None
) -> None:
    """Note the line that a request leaves, with `also` in it; its id may be the caller's, the one value not ours."""
    more = f", {_members(also)}" if also else ""
    named = json.dumps(_clean(request_id))
    request_log.note(f'{_in_line(answered)}, "duration_ms": {duration_ms}, "request_id": {named}{more}')


@lru_cache(maxsize=1024)  # encoding it costs as much as the rest of the line
def _in_line(answered: Answered) -> str:
    return _members(answered._asdict())


def _members(told: Mapping[str, object]) -> str:
    return json.dumps(told)[1:-1]


def _formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=lambda value: type(value).__name__),
        ],
    )


def _shared() -> list[Processor]:
    return [
        name_request,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.PositionalArgumentsFormatter(),
        tell_exception_without_its_text,
        mask,
    ]


def name_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the request that this thread answers, if it answers one."""
    answered = request_id.get()
    return event if answered is None else {"request_id": answered, **event}


def tell_exception_without_its_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the exception's class and the innermost places it passed through."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.setdefault("exception", type(error).__name__)
        event["at"] = _places(error.__traceback__)
    return event


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what is named like a secret, and cut e-mail addresses and keys out of every text."""
    return {name: MASK if _is_secret(name) else _clean(value) for name, value in event.items()}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(MASK, value) if _SUSPICIOUS.search(value) else value
    if isinstance(value, dict):
        return {_clean(name): MASK if _is_secret(str(name)) else _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return value


def _places(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-_FRAMES:]
