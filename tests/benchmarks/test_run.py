"""Every measurement, in miniature."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import MEASURES, run
from benchmarks.scale import TINY


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_every_measurement_runs(tmp_path: Path) -> None:
    """Claim: each finds figures, whatever they are on this machine; nothing it started is left."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)  # as root, PostgreSQL runs as somebody else
    sections = run(TINY, tmp_path, lambda _: None)
    assert len(sections) >= len(MEASURES)
    assert all(section.findings for section in sections)
    [trips] = [section for section in sections if section.title == "Round trips to Redis"]
    assert [each.what for each in trips.findings if each.reached is False] == []  # counted, so true on any machine
