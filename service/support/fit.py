"""Texts that came from anybody, made fit to be kept: such as PostgreSQL can hold, and none without an end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MOST = 5_000
"""Characters of a text; as many as a note may have."""
MOST_OF_A_SUBJECT = 200
"""As many as a reader's id may have: what is longer names nobody, and would not fit into the index."""
_UNFIT = re.compile("[\u0000\ud800-\udfff]")
_INSTEAD = "\ufffd"


def fit_text(text: str, most: int = MOST) -> str:
    """Return the text without NUL or half a surrogate pair, and no longer than `most`."""
    return _UNFIT.sub(_INSTEAD, text[:most])


def fit(value: Any) -> Any:
    """Return a JSON value with each of its texts made fit, names included."""
    if isinstance(value, str):
        return fit_text(value)
    if isinstance(value, Mapping):
        return {fit_text(name): fit(each) for name, each in value.items()}
    return [fit(each) for each in value] if isinstance(value, (list, tuple)) else value
