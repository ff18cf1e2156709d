"""The files of networks: those shipped are sound, and every mistake in one is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.exemptions.network_files import crawler_networks_in, institutions_in
from service.exemptions.ranges import address_of

ROOT = Path(__file__).parents[3]


def test_the_shipped_institutions_are_those_of_the_documentation() -> None:
    """Every form that a range may have is shown there, and none of the addresses is anybody's."""
    ranges = institutions_in(ROOT / "networks" / "institutions.yaml")
    inside = ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8:1:ffff::1", "198.51.100.16", "198.51.100.31"]
    outside = ["192.0.3.0", "198.51.100.15", "198.51.100.32", "2001:db8:2::", "203.0.113.1"]
    assert [address_of(each) in ranges for each in inside + outside] == [True] * len(inside) + [False] * len(outside)


def test_the_shipped_crawler_is_in_the_form_that_search_engines_publish() -> None:
    """Keys that are not about networks (creationTime) are left alone, for publishers add some."""
    ranges = crawler_networks_in(ROOT / "networks" / "example_bot.json")
    assert address_of("203.0.113.128") in ranges
    assert address_of("203.0.113.127") not in ranges
    assert address_of("2001:db8:b07::1") in ranges


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty or no mapping; it begins like `institutions:`"),
        ("institutions: 7", "institutions: "),
        ("institutions:\n  - ranges: [192.0.2.0/24]", "institutions[0].name: Missing data for required field"),
        ("institutions:\n  - name: One\n    ranges: []", "institutions[0].ranges: Shorter than minimum length 1"),
        (
            "institutions:\n  - name: One\n    ranges: [192.0.2.0/24, 192.0.2.1/24]",
            "institutions[0].ranges[1]: '192.0.2.1/24' is no address range: 192.0.2.1/24 has host bits set",
        ),
        ("institutions:\n  - name: One\n    ranges: [12]", "institutions[0].ranges[0]: 12 is no address range"),
        ("institutions:\n  - name: One\n    network: []", "institutions[0].network: Unknown field"),
        ("institutions: [", "line 1: "),
    ],
)
def test_a_mistake_in_the_institutions_is_told(tmp_path: Path, text: str, told: str) -> None:
    """The file, the place inside it, and the reason, in one line."""
    path = tmp_path / "institutions.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as failure:
        institutions_in(path)
    assert str(failure.value).startswith(f"{path}: ")
    assert told in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<html>", "is not JSON: Expecting value"),
        ("[]", "is no JSON object"),
        ("{}", "prefixes: Missing data for required field"),
        ('{"prefixes": []}', "prefixes: Shorter than minimum length 1"),
        ('{"prefixes": [{"ipv4Prefix": "66.249.64.0/27"}, {"ipv6Prefix": "x"}]}', "prefixes[1].ipv6Prefix: 'x' is no"),
        ('{"prefixes": [{"ipv4Prefix": null}]}', "prefixes[0].ipv4Prefix: Field may not be null"),
    ],
)
def test_a_mistake_in_a_crawlers_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Also when the download was an error page."""
    path = tmp_path / "bot.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as failure:
        crawler_networks_in(path)
    assert str(failure.value).startswith(f"{path}: ")
    assert told in str(failure.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """By its path."""
    for read in (institutions_in, crawler_networks_in):
        with pytest.raises(ConfigurationError, match=r"nowhere: cannot be read: No such file"):
            read(tmp_path / "nowhere")
