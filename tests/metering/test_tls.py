"""The meter over TLS (`rediss://`): the same answers, the same deadline and breaker, and nobody else's server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from metering.meter import MeterUnavailable, Outcome, Pass, Subject
from sandbox.processes import Child, free_port
from sandbox.servers import Redis

DEADLINE_SECONDS = 1.5
"""Thirty of production's: a handshake on a busy test machine is no frozen Redis."""


class TlsRedis(Redis):
    """Debian's Redis: the embedded Valkey is built without TLS. The plain port is for whoever starts it."""

    def __init__(self, directory: Path, port: int) -> None:
        super().__init__(directory, port, durable=False)
        self.tls_port = free_port()
        self.certificate = directory / "certificate.pem"
        self.url = f"rediss://127.0.0.1:{self.tls_port}/0?ssl_ca_certs={self.certificate}"

    def _command(self) -> list[str]:
        key = _certify(self.certificate)
        files = ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(key)]
        return [*super()._command(), "--tls-port", str(self.tls_port), *files, "--tls-auth-clients", "no"]


def _certify(certificate: Path) -> Path:
    """Write a certificate for 127.0.0.1 that vouches for itself, and its key; return where the key is."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    written = certificate.with_name("key.pem")
    written.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return written


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[TlsRedis, Child]]:
    if not Redis.is_installed("7."):
        pytest.skip("Debian's redis-server 7 is not installed (apt install redis-server)")
    running = TlsRedis(tmp_path / "redis", free_port())
    child = running.start()
    yield running, child
    child.process.kill()
    child.stop()


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def own_desk(
    tls: tuple[TlsRedis, Child], make_meter: Callable[..., Any], make_desk: Callable[..., Any], faults: list[str]
) -> Any:
    return make_desk(make_meter(tls[0].url, timeout_seconds=DEADLINE_SECONDS, on_fault=faults.append))


def test_it_counts_as_ever(own_desk: Any, visitor: Subject, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: passes, counts and links answer over TLS as they do without."""
    assert [own_desk.outcome(visitor, each) for each in ("a-1", "a-1", "a-2")] == [
        Outcome.ROOM, Outcome.SEEN, Outcome.FULL,
    ]  # fmt: skip
    own_desk.link(visitor, reader)
    assert own_desk.used(reader) == 1
    own_desk.meter.publish(reader.id, make_pass())
    assert own_desk.outcome(reader, "a-2") is Outcome.PASS


def test_a_certificate_that_nobody_vouches_for_is_a_fault(
    tls: tuple[TlsRedis, Child], make_meter: Callable[..., Any], make_desk: Callable[..., Any], visitor: Subject
) -> None:
    """Claim: without the authority that signed it, the server is asked nothing, and only MeterUnavailable is raised."""
    desk = make_desk(make_meter(tls[0].url.partition("?")[0]))
    with pytest.raises(MeterUnavailable, match="certificate verify failed"):
        desk.reads(visitor, "a-1")


@pytest.mark.slow  # it waits for the breaker's longest pause
@pytest.mark.parametrize("warm", [True, False], ids=["connected", "handshake"])
def test_a_frozen_server_is_given_up_and_then_left_alone(
    own_desk: Any, tls: tuple[TlsRedis, Child], visitor: Subject, faults: list[str], *, warm: bool
) -> None:
    """Claim: reading and the handshake end with the deadline; after five the breaker answers, until it is back."""
    if warm:
        own_desk.reads(visitor, "a-1", consume=False)
    os.kill(tls[1].pid, signal.SIGSTOP)
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(MeterUnavailable):
            own_desk.reads(visitor, "a-1")
        assert time.monotonic() - began < 5
    with pytest.raises(MeterUnavailable):
        own_desk.reads(visitor, "a-1")
    assert faults[-1] == "Paused"
    os.kill(tls[1].pid, signal.SIGCONT)
    _until_answered(own_desk, visitor)


def _until_answered(desk: Any, visitor: Subject) -> None:
    """Ask until there is an answer, which there is after a pause or two; the last failure is raised."""
    give_up_at = time.monotonic() + 20
    while True:
        try:
            desk.reads(visitor, "a-1")
        except MeterUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)
        else:
            return


def test_a_server_that_dribbles_is_given_up(
    tls: tuple[TlsRedis, Child], make_proxy: Callable[[int], Any], make_meter: Callable[..., Any],
    make_desk: Callable[..., Any], visitor: Subject,
) -> None:  # fmt: skip
    """Claim: a record that comes byte by byte does not stretch the deadline either."""
    proxy = make_proxy(tls[0].tls_port)
    url = tls[0].url.replace(str(tls[0].tls_port), str(proxy.port))
    desk = make_desk(make_meter(url, timeout_seconds=DEADLINE_SECONDS))
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM
    proxy.piece, proxy.pause_seconds = 1, 0.3
    began = time.monotonic()
    with pytest.raises(MeterUnavailable, match="Timeout"):
        desk.reads(visitor, "a-1")
    assert time.monotonic() - began < 8  # the whole record would take fifteen seconds and more
