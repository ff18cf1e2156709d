"""What a decision asks of PostgreSQL, its key included, shares one deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from service.api.auth import KeyChecker


@pytest.mark.parametrize(
    ("path", "body", "opened"),
    [
        ("/v1/decisions", {"article": {"id": "a-1"}}, ["open", "key", "close"]),
        ("/v1/decisions?odd=1", {"article": {"id": "a-1"}}, ["open", "key", "close"]),
        ("/v1/decisions/batch", {"articles": [{"id": "a-1"}]}, ["open", "key", "close"]),
        ("/v1/readers/r-1/visitors", {"visitor_id": "v-1"}, ["key"]),
    ],
)
def test_a_decision_and_its_key_share_one_deadline(
    build_api: Callable[..., Any], path: str, body: dict[str, Any], opened: list[str]
) -> None:
    """Claim: on the short cut and past it, one or many; other routes have a deadline for each question."""
    log: list[str] = []

    @contextmanager
    def one_decision() -> Iterator[None]:
        log.append("open")
        yield
        log.append("close")

    keys = build_api().services.keys

    class Noting(KeyChecker):
        def __init__(self) -> None: ...

        def find(self, plain: str) -> Any:
            log.append("key")
            return keys.find(plain)

    api = build_api(keys=Noting(), one_decision=one_decision)
    api.call("POST", path, json=body)
    assert list(dict.fromkeys(log)) == opened
