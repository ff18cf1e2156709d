"""`POST /v1/links`: what is minted opens its article, and what cannot be minted is told by field."""

from __future__ import annotations

from typing import Any

import pytest

from service.exemptions.tokens import TokenKind, Tokens

KEY = "a-key-of-the-fixtures-of-32-characters"


def test_a_link_is_minted_for_days_or_until_an_instant(api: Any) -> None:
    """Both ways give the same token, which opens the article under the service's key."""
    by_days = api.call("POST", "/v1/links", json={"article": "a-1", "days": 7, "label": "spring"})
    until = api.call(
        "POST", "/v1/links", json={"article": "a-1", "expires_at": "2026-11-17T10:00:00.9+01:00", "label": "spring"}
    )
    assert by_days.status_code == 201
    assert by_days.json == until.json
    assert by_days.json | {"token": ""} == {
        "token": "", "article": "a-1", "label": "spring", "expires_at": "2026-11-17T09:00:00Z",
    }  # fmt: skip
    now = api.services.business_clock()
    assert Tokens([KEY]).read(TokenKind.LINK, by_days.json["token"], "a-1", now) is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"article": "a-1"}, "expires_at"),
        ({"article": "a-1", "days": 7, "expires_at": "2026-11-17T09:00:00Z"}, "expires_at"),
        ({"article": "a-1", "expires_at": "2026-11-10T09:00:00Z"}, "expires_at"),
        ({"article": "a-1", "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"article": "a-1", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"article": "a-1", "expires_at": "2026-11-17T09:00:00"}, "expires_at"),
        ({"article": "a-1", "expires_at": "2027-12-16T09:00:00Z"}, "expires_at"),
        ({"article": "a-1", "days": 0}, "days"),
        ({"article": "a-1", "days": 401}, "days"),
        ({"article": "a-1", "days": "7"}, "days"),
        ({"article": "a-1", "days": 7, "label": "spring letter"}, "label"),
        ({"article": "a-1", "days": 7, "label": "a" * 41}, "label"),
        ({"article": "a-1", "days": 7, "label": "spring\n"}, "label"),
        ({"days": 7}, "article"),
    ],
)
def test_what_cannot_be_minted_is_told_by_field(api: Any, body: dict[str, Any], field: str) -> None:
    """422 with the field's name, whatever the calendar makes of it."""
    answer = api.call("POST", "/v1/links", json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
