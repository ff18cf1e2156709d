"""A link that the site signs by itself is one that the service believes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsstand_client import sign_link
from service.exemptions.tokens import TokenKind, Tokens

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
KEY = "a-key-that-site-and-service-share-32"


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=50),
    st.from_regex(r"[A-Za-z0-9_-]{0,40}", fullmatch=True),
)
def test_it_is_the_services_own(article_id: str, label: str) -> None:
    """Letter for letter, for any article and label; and it opens."""
    tokens, until = Tokens([KEY]), NOW + timedelta(days=7, microseconds=5)
    link = sign_link(KEY, article_id, until, label)
    assert link == tokens.sign(TokenKind.LINK, article_id, until, label)
    assert tokens.read(TokenKind.LINK, link, article_id, NOW) is not None


def test_a_label_that_would_break_it_is_refused() -> None:
    """Before it is sent to a hundred thousand subscribers."""
    for label in ("spring letter", "a" * 41, "a.b", "a\n"):
        with pytest.raises(ValueError, match="not a link's label"):
            sign_link(KEY, "a-1", NOW, label)
