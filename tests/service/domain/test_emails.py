"""One inbox has one trial, however its address is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.emails import email_digest, normalise_email

KEY = "k" * 32


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ann@Example.com", "ann@example.com"),
        ("  ann@example.com ", "ann@example.com"),
        ("ann+trial2@example.com", "ann@example.com"),
        ("ann+a+b@example.com", "ann@example.com"),
        ("a.n.n@gmail.com", "ann@gmail.com"),
        ("A.nn+x@GoogleMail.com", "ann@gmail.com"),
        ("a.n.n@example.com", "a.n.n@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("ａｎｎ@example.com", "ann@example.com"),
        ("+tag@example.com", "+tag@example.com"),
        ("no-at-sign", "no-at-sign"),
        ("a+1@b@example.com", "a@example.com"),
        ("ann@example.XX", "ann@example.xx"),
    ],
)
def test_variants_fold_to_one(written, folded):
    """Case, width, blanks, tags, and Gmail's dots don't make another reader; a dot elsewhere does."""
    assert normalise_email(written) == folded


@given(st.text(alphabet="aÅß+.ｎ", max_size=6).map(lambda local: f"{local}@GoogleMail.com"))
def test_folding_twice_changes_nothing(email):
    """A folded address is its own folding."""
    assert normalise_email(normalise_email(email)) == normalise_email(email)


def test_a_digest_needs_the_key_and_hides_the_address():
    """Variants share a digest; another key gives another; the address is not in it."""
    digest = email_digest("Ann+1@example.com", KEY)
    assert digest == email_digest("ann@example.com", KEY)
    assert digest != email_digest("ann@example.com", "K" * 32)
    assert digest != email_digest("bob@example.com", KEY)
    assert len(digest) == 64
    assert "ann" not in digest


def test_a_digest_never_changes_between_releases():
    """The ledger keeps digests for good: another way of making them would give everybody a second trial."""
    assert email_digest("Ann.B+x+y@gmail.com.", "k") == (
        "c335e9e9bf378bcff98318c2273640c0ddb973550d1502a45c3aa419d2ed7fb9"
    )
