"""One module per resource of the API; importing them registers their routes."""

from __future__ import annotations

import importlib
import pkgutil


def register() -> None:
    """Import every resource, which registers its routes."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
