"""What the documents point at is there: files, headings, modules, settings."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox.newsroom import DEFAULT_PORTS, ROOT
from service.settings import Settings

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)")
NOT_OURS = {
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
    "SANDBOX_DIR",
    "FORWARDED_ALLOW_IPS",
    "NEW_DATABASE_URL",
    "SEED",
    "SHRINK",
}


def test_links_lead_somewhere(documents: list[Path]) -> None:
    """Every relative link names a file that exists, and an anchor in it."""
    for document in documents:
        for target, anchor in LINK.findall(document.read_text()):
            file = (document.parent / target).resolve() if target else document
            assert file.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in _anchors(file), f"{document.name}: {target}#{anchor}"


def _anchors(file: Path) -> set[str]:
    text = file.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    return made | set(re.findall(r'<a id="([\w-]+)">', text))


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/operations.md"])
def test_files_in_code_spans_exist(name: str) -> None:
    """A path or a module that was renamed is renamed here too."""
    for span in re.findall(r"`([\w./-]+/[\w.-]+|[\w-]+\.(?:py|md|toml|yaml|lua))`", (ROOT / name).read_text()):
        found = (ROOT / span).exists() or list(ROOT.glob(f"service/**/{span}")) or list(ROOT.glob(f"*/{span}"))
        assert found or span.startswith("/"), f"{name}: {span}"


def test_settings_in_code_spans_exist(documents: list[Path]) -> None:
    """A variable that the documents tell to set is one that something reads."""
    known = (
        {each.metadata["env"] for each in fields(Settings)} | set(DEFAULT_PORTS) | NOT_OURS | {"CODES", "COLLECTIONS"}
    )
    for document in documents:
        named = set(re.findall(r"`([A-Z][A-Z0-9]*_?[A-Z0-9_]{3,})(?:=[^`]*)?`", document.read_text()))
        assert named - {"SIGTERM", "SIGHUP", "FLUSHALL", "_LEADS"} <= known, document.name
