"""Of who was erased a keyed hash stays, by which an id that comes back is known, and from which none can be told."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from service.domain.erasure import ERASED, erased_digest, spellings

KEY = "a-key-for-tests-of-more-than-32-characters"


def test_the_digest_is_keyed_and_stays_what_it_is() -> None:
    """An HMAC-SHA256 over the word, the kind and the id: what older releases wrote is found by newer ones."""
    said = b"erased\x00reader\x00r-81"
    assert erased_digest("reader", "r-81", KEY) == f"erased:{hmac.new(KEY.encode(), said, hashlib.sha256).hexdigest()}"


def test_another_kind_id_or_key_is_another_digest() -> None:
    """A customer with a reader's id is somebody else, and without the key nobody can try ids."""
    asked = [("reader", "r-1", KEY), ("customer", "r-1", KEY), ("reader", "r-2", KEY), ("reader", "r-1", KEY + "x")]
    assert len({erased_digest(*each) for each in asked}) == len(asked)


@pytest.mark.parametrize("value", ["", "r-\u00e9", "\ud800", "a\0b"])
def test_any_text_has_a_digest(value: str) -> None:
    """Ids come from sites; half a character in one must not make an erasure impossible."""
    assert erased_digest("reader", value, KEY).startswith(f"{ERASED}:")


def test_each_identity_is_looked_for_in_both_spellings() -> None:
    """As it is kept of the living, and of the erased."""
    found = spellings({"reader": "r-1", "card": "fp"}, KEY)
    assert found == [
        ("reader", "r-1"), ("reader", erased_digest("reader", "r-1", KEY)),
        ("card", "fp"), ("card", erased_digest("card", "fp", KEY)),
    ]  # fmt: skip
