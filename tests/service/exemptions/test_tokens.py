"""Signed tokens: what was signed opens, for its article, until its instant; nothing else does."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.exemptions.tokens import LONGEST_LIFE, TokenKind, Tokens

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
TOKENS = Tokens(["a-key-that-signs-in-tests-of-32-characters"])
NAMES = st.text(string.ascii_letters + string.digits + "_-", max_size=40)
LIVES = st.integers(1, int(LONGEST_LIFE.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))
KINDS = st.sampled_from(TokenKind)


def opens(token: str, article_id: str = "a-1", kind: TokenKind = TokenKind.LINK, now: datetime = NOW) -> bool:
    return TOKENS.read(kind, token, article_id, now) is not None


@given(KINDS, st.text(max_size=200), NAMES, LIVES)
def test_a_signed_token_opens_its_article(kind: TokenKind, article_id: str, name: str, life: timedelta) -> None:
    """Any article id, half surrogate pairs included, any name, any life up to the longest; and it says so."""
    token = TOKENS.sign(kind, article_id, NOW + life, name)
    found = TOKENS.read(kind, token, article_id, NOW)
    assert found is not None
    assert (found.name, found.expires_at) == (name, NOW + life)


@given(NAMES, st.data())
def test_no_changed_character_opens(name: str, data: st.DataObject) -> None:
    """Every character counts, the last bits of the last one included, which base64 alone would let pass."""
    token = TOKENS.sign(TokenKind.LINK, "a-1", NOW + timedelta(days=7), name)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != token[at]))
    assert opens(token)
    assert not opens(token[:at] + other + token[at + 1 :])


def test_no_flipped_bit_opens() -> None:
    """Each bit of a token's text, one after the other."""
    token = TOKENS.sign(TokenKind.GIFT, "a-1", NOW + timedelta(days=7), "g1").encode()
    for bit in range(len(token) * 8):
        flipped = bytearray(token)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not opens(flipped.decode("latin-1"), kind=TokenKind.GIFT)


@given(st.text(max_size=120))
def test_arbitrary_text_opens_nothing_and_does_no_harm(text: str) -> None:
    """What the public puts into an address is read without an error."""
    assert not opens(text)
    assert not opens(f"1794906000.{text}.AAAAAAAAAAAAAAAAAAAAAA")


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_token_opens_no_other_article(one: str, other: str) -> None:
    """It is bound to the article it was made for."""
    token = TOKENS.sign(TokenKind.LINK, one, NOW + timedelta(days=7))
    assert opens(token, other) == (one == other)


@given(LIVES, st.integers(0, 10**9))
def test_it_opens_until_its_instant_and_never_after(life: timedelta, later_microseconds: int) -> None:
    """The last microsecond before is in, the instant itself and everything after are out."""
    token = TOKENS.sign(TokenKind.LINK, "a-1", NOW + life)
    assert opens(token, now=NOW + life - timedelta(microseconds=1))
    assert not opens(token, now=NOW + life + timedelta(microseconds=later_microseconds))


def test_a_token_for_longer_than_a_year_or_so_opens_nothing_yet() -> None:
    """A site that mints its own and slips a zero gives nothing away for ever; years past all calendars do no harm."""
    token = TOKENS.sign(TokenKind.LINK, "a-1", NOW + LONGEST_LIFE + timedelta(seconds=1))
    assert not opens(token)
    claim = "99999999999."
    assert not opens(f"{claim}.{'A' * 22}")
    ages = Tokens(["a-key-that-signs-in-tests-of-32-characters"])
    ages.sign(TokenKind.LINK, "a-1", datetime.max.replace(tzinfo=UTC))
    assert not opens(ages.sign(TokenKind.LINK, "a-1", datetime.max.replace(tzinfo=UTC)))


def test_a_gift_is_no_link() -> None:
    """A token of one kind is none of the other: each has its own reason and its own origin."""
    token = TOKENS.sign(TokenKind.GIFT, "a-1", NOW + timedelta(days=7))
    assert opens(token, kind=TokenKind.GIFT)
    assert not opens(token, kind=TokenKind.LINK)


def test_a_name_cannot_stand_for_a_piece_of_another_line() -> None:
    """Whatever could be moved from the name into the article, or back, is refused when it is signed."""
    for name in ["a\nb", "a.b", "ü", "a" * 41, "a b"]:
        with pytest.raises(ValueError, match="not a token's name"):
            TOKENS.sign(TokenKind.LINK, "a-1", NOW, name)


def test_keys_are_rolled_without_a_gap() -> None:
    """The new key signs as soon as it stands first; what the old one signed is believed until it is removed."""
    old, new = "the-old-key-in-tests-of-32-characters!", "the-new-key-in-tests-of-32-characters!"
    by_old = Tokens([old]).sign(TokenKind.GIFT, "a-1", NOW + timedelta(days=1))
    rolling = Tokens([new, old])
    by_new = rolling.sign(TokenKind.GIFT, "a-1", NOW + timedelta(days=1))
    for token in (by_old, by_new):
        assert rolling.read(TokenKind.GIFT, token, "a-1", NOW) is not None
    assert Tokens([new]).read(TokenKind.GIFT, by_new, "a-1", NOW) is not None
    assert Tokens([new]).read(TokenKind.GIFT, by_old, "a-1", NOW) is None


def test_the_format_is_the_documented_one() -> None:
    """Sites mint links in languages of their own: this text, made by hand with OpenSSL, must stay a link."""
    # printf 'newsstand-link\n1794906000\nspring\na-1' | openssl dgst -sha256 -hmac 'a-key-…' -binary | head -c 16 |
    #   basenc --base64url | tr -d =
    assert opens("1794906000.spring.BMltRkSJo1ZfkYaAKdi6iQ")


def test_signing_needs_a_key() -> None:
    """Without one nothing is signed, and nothing believed."""
    with pytest.raises(ValueError, match="need a key"):
        Tokens([])
