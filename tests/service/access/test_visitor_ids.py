"""Visitor ids: what was signed is known again; a changed bit, a site's own id and another key's are not."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from service.access.visitor_ids import VisitorIds, mint_visitor_id

IDS = VisitorIds("a-key-for-tests-of-more-than-32-characters")


def test_a_minted_id_is_random_and_fits_a_cookie() -> None:
    """Letters that need no quoting anywhere, signed or not."""
    minted = {mint_visitor_id() for _ in range(100)}
    assert len(minted) == 100
    for each in minted:
        assert re.fullmatch(r"v_[A-Za-z0-9_-]{22}", each)
        assert re.fullmatch(r"v_[A-Za-z0-9_-]{30}", IDS.sign(each))


def test_the_signature_is_known_again() -> None:
    """Only by the key that made it."""
    minted = mint_visitor_id()
    assert IDS.is_signed(IDS.sign(minted))
    assert not IDS.is_signed(minted)
    assert not VisitorIds("another-key-for-tests-of-32-characters").is_signed(IDS.sign(minted))


def test_no_flipped_bit_is_known() -> None:
    """Each bit of the text, one after the other."""
    signed = IDS.sign(mint_visitor_id()).encode()
    for bit in range(len(signed) * 8):
        flipped = bytearray(signed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not IDS.is_signed(flipped.decode("latin-1"))


@given(st.text(max_size=60))
def test_a_sites_own_id_is_never_taken_for_ours(own: str) -> None:
    """Any text is looked at without an error, ours with something added too."""
    assert not IDS.is_signed(own)
    assert IDS.is_signed(IDS.sign("v_0123456789abcdefghijkl") + own) == (own == "")
