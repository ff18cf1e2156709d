"""The reader of documents sees what is wrong; a test that believed everything would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ANSWER = {"granted": True, "reason": "metered", "visitor_id": "v_1", "meter": {"used": 1}, "plans": ["monthly"],
          "price": "$2.90", "wall": None}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"granted": False}, "$.granted is False"),
        ({"granted": 1}, "$.granted is 1"),
        ({"reason": "already_read"}, "$.reason is 'already_read'"),
        ({"meter": {"used": 2}}, "$.meter.used is 2"),
        ({"meter": {}}, "$.meter.used is missing"),
        ({"meter": None}, "$.meter is None"),
        ({"more": 1}, "$.more is not printed"),
        ({"plans": []}, "$.plans has 0 entries, not 1"),
        ({"plans": ["annual"]}, "$.plans[0] is 'annual'"),
        ({"price": "$3.90"}, "$.price is '$3.90'"),
        ({"wall": {"kind": "subscribe"}}, "$.wall is"),
        ({"visitor_id": None}, "$.visitor_id is None"),
    ],
)
def test_a_difference_is_told(differing: Callable[[Any, Any], list[str]], change: Any, told: str) -> None:
    """Each kind of untruth a document could print."""
    (fault,) = differing(ANSWER, ANSWER | change)
    assert told in fault


def test_what_differs_each_time_is_none(differing: Callable[[Any, Any], list[str]]) -> None:
    """Ids; and fields that a document says it left out."""
    assert differing(ANSWER, ANSWER | {"visitor_id": "v_2"}) == []
    assert differing({"granted": True, "…": "…"}, ANSWER) == []


def test_curl_is_read_as_curl_would_send_it(curl: Callable[[str], Any]) -> None:
    """Method, headers, body and form."""
    post = curl("curl -s --max-time 0.15 http://a/b -H 'Content-Type: application/json' -d '{\"a\": 1}'")
    assert (post.method, post.url, post.body) == ("POST", "http://a/b", '{"a": 1}')
    assert post.headers == {"Content-Type": "application/json"}
    form = curl("curl -s http://a -u key: -d a=1 -d 'b[]=2'")
    assert (form.method, form.body) == ("POST", "a=1&b[]=2")
    assert form.headers["Authorization"] == "Basic a2V5Og=="
    assert curl("curl -X DELETE http://a").method == "DELETE"
    with pytest.raises(ValueError, match="--insecure"):
        curl("curl --insecure 1 http://a")


def test_every_block_says_what_it_is(blocks: Callable[[str], list[Any]], documents: list[Any]) -> None:
    """A block without a language would be neither shown well nor tried."""
    for document in documents:
        known = {"sh", "json", "http", "html", "python", "text", "mermaid", "run", "yaml"}
        assert {block.language for block in blocks(str(document))} <= known | {""}, document
