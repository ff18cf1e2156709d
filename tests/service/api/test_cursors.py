"""A cursor is what we made, or a clear refusal."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from service.api.cursors import after, cursor_of, place
from service.api.fields import ID_MOST
from service.api.schemas import AccountsQuery
from service.store.account_search import Match, Place

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200)


@given(STORABLE)
def test_what_is_handed_out_is_taken_back(last: str) -> None:
    """Any id survives, in characters that need no escaping in a URL."""
    cursor = cursor_of(last)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert after(cursor) == last


@given(st.text(max_size=50))
def test_anything_else_is_refused_by_name(cursor: str) -> None:
    """Only what this very function makes is a cursor; nothing crashes."""
    with pytest.raises(ValidationError) as refused:
        after(cursor)
    assert list(refused.value.messages_dict) == ["cursor"]


@pytest.mark.parametrize("last", ["\x00", "\ud800"])
def test_what_postgresql_cannot_hold_is_refused(last: str) -> None:
    """Well-made, but not by us."""
    with pytest.raises(ValidationError):
        after(base64.urlsafe_b64encode(json.dumps([last]).encode()).decode().rstrip("="))


def test_without_a_cursor_the_list_begins() -> None:
    """None is the first page."""
    assert after(None) is None


@pytest.mark.parametrize("letter", ["a", "ж", "漢", "😀", '"', "\\"])
def test_the_longest_id_fits_into_the_next_question(letter: str) -> None:
    """A page that ends at it is not the last one: what `next` says is taken back, whatever the id is written in."""
    ended = Place(match=Match.READER, key=letter * ID_MOST, reader_id=letter * ID_MOST)
    asked = AccountsQuery().load({"q": letter, "cursor": cursor_of(str(ended))})
    assert place(asked["cursor"], by_match=True) == ended
