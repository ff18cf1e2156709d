"""What the OpenAPI document promises, held against the whole service by schemathesis (`make test-slow`)."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from service.store.api_keys import Scope

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CONFIG = str(Path(__file__).with_name("schemathesis.toml"))


@pytest.fixture(scope="module")
def address(whole: Any) -> Iterator[str]:
    """The whole service over HTTP."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, whole.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_schemathesis_finds_nothing(whole: Any, address: str, tmp_path: Path) -> None:
    """Each operation with made-up data, fit and unfit: no 500, nothing undocumented, nothing unfit let through."""
    command = [
        SCHEMATHESIS, "--config-file", CONFIG, "run", f"{address}/openapi.json",
        "-H", f"Authorization: Bearer {whole.key(*Scope)}",
        "--checks", "all", "--continue-on-failure",
        "--max-examples", "15", "--seed", "20261122",
    ]  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.fail(run.stdout[-20_000:] + run.stderr, pytrace=False)
