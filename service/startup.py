"""What is looked at once, before a process begins to serve."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.errors import ConfigurationError
from service.settings import SANDBOX_VALUES, Settings
from service.store.api_keys import ApiKeyStore


def refuse_sandbox_keys(settings: Settings, engine: Engine) -> None:
    """Raise ConfigurationError when a database outside the sandbox honours the sandbox's public keys.

    A database out of reach is no reason not to start: then no key is honoured until it is back.
    """
    if settings.sandbox:
        return
    with contextlib.suppress(SQLAlchemyError):
        if ApiKeyStore(engine).holds_any(SANDBOX_VALUES):
            raise ConfigurationError("the database holds a public key of the sandbox; revoke it with `newsstand keys`")


def prepare_metrics(directory: str) -> None:
    """Forget the gauges of processes that are gone: who was killed with their master would be shown for ever.

    Raises ConfigurationError where there is no such folder.
    """
    if not os.access(directory, os.W_OK | os.X_OK) or not Path(directory).is_dir():
        raise ConfigurationError(f"PROMETHEUS_MULTIPROC_DIR ({directory!r}): is no folder that can be written to")
    for file in Path(directory).glob("gauge_live*_*.db"):
        if _is_gone(file.stem.rpartition("_")[2]):
            file.unlink(missing_ok=True)


def _is_gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (ValueError, OSError):  # no number of a process, or somebody else's
        return False
    return False
