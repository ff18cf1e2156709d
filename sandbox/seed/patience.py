"""The API as a well-behaved site calls it: what is refused for the moment is asked for again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sandbox.tour.api import Api, Json, Refusal

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
PASSING = 503


class PatientApi(Api):
    """Answers 503 are waited out; the service says of each that the same may be asked again."""

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Json:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return super()._call(method, path, query=query, body=body)
            except Refusal as refused:
                if refused.status != PASSING or time.monotonic() > give_up_at:
                    raise
                time.sleep(PAUSE_SECONDS)
