"""Newsstand's HTTP API as a site or the support desk calls it: JSON in and out, with a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from sandbox.tour.browser import direct_session
from sandbox.tour.steps import Unexpected

TIMEOUT_SECONDS = 15.0
Json = dict[str, Any]


class Refusal(Unexpected):
    """The service answered with a problem; some steps expect just that."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class Api:
    """The service at one address under one key."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._session = direct_session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **query: str) -> Json:
        """Return the answer; raises Refusal for a problem."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Return the answer; raises Refusal for a problem."""
        return self._call("POST", path, body=body)

    def delete(self, path: str) -> Json:
        """Return the answer; raises Refusal for a problem."""
        return self._call("DELETE", path)

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Json:
        answer = self._session.request(
            method, f"{self._address}{path}", params=query, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
        value = _json(answer)
        if answer.status_code >= 400:
            raise Refusal(answer.status_code, str(value.get("code", "")), str(value.get("detail", answer.text[:200])))
        return value


def segment(identifier: str) -> str:
    """Return an identifier as one segment of a path."""
    return quote(identifier, safe="")


def _json(answer: requests.Response) -> Json:
    if not answer.content:
        return {}
    try:
        value = answer.json()
    except ValueError as error:
        raise Unexpected(f"{answer.status_code} without JSON from {answer.url}") from error
    if not isinstance(value, dict):
        raise Unexpected(f"{answer.status_code} with JSON that is no object from {answer.url}")
    return value
