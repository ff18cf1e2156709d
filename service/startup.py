"""What is looked at once, before a process begins to serve."""

from __future__ import annotations

import contextlib

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
