"""The tree is what its names promise."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("service", "webhooks", "metering", "sandbox", "newsstand_client")


@pytest.mark.parametrize("package", PACKAGES)
def test_our_packages_are_ours_alone(package: str) -> None:
    """Other distributions ship modules of these names; none of them may be installed beside us."""
    assert importlib.metadata.packages_distributions()[package] == ["newsstand"]


def test_no_test_folder_shadows_a_package() -> None:
    """`tests/webhooks/__init__.py` would make `webhooks` mean the tests."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_module_shadows_the_library_it_uses() -> None:
    """A top-level folder named `stripe` or `http` would be imported in place of the real one."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not folders & ({"stripe", "redis", "flask"} | set(sys.stdlib_module_names))


@pytest.mark.parametrize("package", ["service", "webhooks", "metering", "newsstand_client", "sandbox/site"])
def test_every_module_says_what_it_is(package: str) -> None:
    """A newcomer reads one sentence at the top of each file."""
    silent = [path for path in (ROOT / package).rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
