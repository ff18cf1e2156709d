"""Readers are sent back to the site and nowhere else, however the address is dressed up."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.redirects import LONGEST, redirect_fault

ORIGINS = ("https://www.daily.example", "http://127.0.0.1:8001")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.daily.example",
        "https://www.daily.example/",
        "https://www.daily.example/welcome?from=wall&x=1#top",
        "https://www.daily.example?checkout=1",
        "https://www.daily.example:443/welcome",
        "HTTPS://WWW.Daily.Example/welcome",
        "https://www.daily.example/a//b",
        "https://www.daily.example/?next=https://evil.example/",
        "https://www.daily.example/@evil.example",
        "https://www.daily.example/?id={CHECKOUT_SESSION_ID}",
        "https://www.daily.example/caf%C3%A9",
        "http://127.0.0.1:8001/account",
    ],
)
def test_the_sites_own_addresses_pass(url):
    """Every way of writing an address on a configured origin is accepted."""
    assert redirect_fault(url, ORIGINS) is None


@pytest.mark.parametrize(
    "url",
    [
        # other origins
        "https://evil.example/",
        "https://daily.example/",
        "https://sub.www.daily.example/",
        "https://www.daily.example.evil.example/",
        "https://www.daily.exampleevil/",
        "https://www.daily.example./",
        "http://www.daily.example/",
        "https://www.daily.example:8443/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8002/",
        "http://localhost:8001/",
        "http://2130706433:8001/",
        "http://0x7f.1:8001/",
        "http://[::1]:8001/",
        # no address, or a relative one
        "",
        "/welcome",
        "//www.daily.example/",
        "//evil.example/",
        "///evil.example",
        "www.daily.example",
        "https:www.daily.example",
        "https:/www.daily.example/",
        "https:///www.daily.example/",
        "https://",
        "https://:443/",
        "https://?x",
        # other schemes
        "javascript:alert(1)",
        "javascript://www.daily.example/%0aalert(1)",
        "data:text/html,x",
        "ftp://www.daily.example/",
        "file:///etc/passwd",
        "wss://www.daily.example/",
        # user information
        "https://www.daily.example@evil.example/",
        "https://www.daily.example:443@evil.example/",
        "https://www.daily.example%40evil.example/",
        "https://user@www.daily.example/",
        "https://@www.daily.example/",
        "https://user:password@www.daily.example/",
        # backslashes, which browsers read as slashes
        "https:\\\\www.daily.example\\",
        "https://evil.example\\@www.daily.example/",
        "https://www.daily.example\\.evil.example/",
        "https://www.daily.example/\\evil.example",
        "/\\evil.example",
        # control characters and blanks
        "https://www.daily.example/\r\nLocation: https://evil.example/",
        "https://www.daily.example/\nx",
        "https://www.daily.example/\tx",
        "https://www.daily\t.example/",
        "ht\ntps://www.daily.example/",
        " https://www.daily.example/",
        "https://www.daily.example/ ",
        "https://www.daily.example/a b",
        "https://www.daily.example/\x00",
        "https://www.daily.example/\x7f",
        "\x01https://www.daily.example/",
        # look-alikes and encodings of the host
        "https://www.dаily.example/",  # a Cyrillic а
        "https://www.daily。example/",
        "https://www.daily.exa\u00admple/",
        "https://www.daily.example\uff0f.evil.example/",
        "https://ｗｗｗ.daily.example/",
        "https://www.xn--dily-63d.example/",
        "https://www.daily%2eexample/",
        "https://www%00.daily.example/",
        "https://www.daily.example/café",
        "https://www.daily.example/\ud800",
        # ports that are none
        "https://www.daily.example:/",
        "https://www.daily.example:0/",
        "https://www.daily.example:99999/",
        "https://www.daily.example:443:443/",
        "https://www.daily.example:4٤3/",
        "https://www.daily.example:-443/",
        # brackets
        "https://[www.daily.example]/",
        "https://[::1",
        "https://[::ffff:127.0.0.1]:8001/",
        # length
        "https://www.daily.example/" + "a" * 2048,
    ],
)
def test_everything_else_is_refused(url):
    """Foreign origins, and addresses that a browser may read differently than we do, are refused with a reason."""
    assert redirect_fault(url, ORIGINS)


def test_no_origin_allows_nothing():
    """Without a configured origin, or with one that is none, no address passes."""
    assert redirect_fault("https://www.daily.example/", ())
    assert redirect_fault("https://www.daily.example/", ("nonsense", "https://"))


def test_an_international_origin_is_written_in_its_ascii_form():
    """An origin configured in xn-- form matches itself."""
    assert redirect_fault("https://www.xn--caf-dma.example/", ("https://www.xn--caf-dma.example",)) is None


@given(st.text(alphabet=string.printable + "。\u2044а", max_size=30), st.sampled_from(["", "https:", "https://"]))
def test_no_text_crashes_the_check(text, prefix):
    """Whatever a caller sends is judged, never an error."""
    redirect_fault(prefix + text, ORIGINS)


@given(st.text(alphabet=string.printable, max_size=20))
def test_what_passes_begins_with_an_origin_and_a_boundary(tail):
    """Nothing appended to an origin's host passes unless it begins a port, path, query or fragment."""
    if redirect_fault(f"https://www.daily.example{tail}", ORIGINS) is None:
        assert tail == "" or tail[0] in "/?#:"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://www.daily.example/a b", "holds a character that has no place in an address"),
        ("/welcome", "is not an absolute http or https address"),
        ("https://evil.example/", "is outside the configured site origins"),
    ],
)
def test_the_fault_is_named(url, fault):
    """The site's engineer is told what is wrong with the address."""
    assert redirect_fault(url, ORIGINS) == fault


def test_the_longest_address_passes_and_one_more_letter_does_not():
    """The bound belongs to what is allowed."""
    base = "https://www.daily.example/"
    assert redirect_fault(base + "a" * (LONGEST - len(base)), ORIGINS) is None
    assert redirect_fault(base + "a" * (LONGEST - len(base) + 1), ORIGINS) is not None
