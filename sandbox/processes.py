"""Children that cannot outlive us: each dies with its parent, even when the parent is killed with -9."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


class ServerDidNotStart(Exception):
    """A child ended, or did not answer in time; the message is one clear line."""


@dataclass(frozen=True)
class Unprivileged:
    """The account a server runs as when we are root (PostgreSQL refuses to run as root)."""

    uid: int
    gid: int


def unprivileged() -> Unprivileged | None:
    """Return whom to run PostgreSQL as, or None when we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Unprivileged(nobody.pw_uid, nobody.pw_gid)


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_in_use(port: int) -> bool:
    """Tell whether something listens on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _child_setup(user: Unprivileged | None, death_signal: int) -> Callable[[], None]:
    """Return what runs in the child between fork and exec."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    parent = os.getpid()

    def setup() -> None:
        if user is not None:
            _become(user, libc)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # the parent died before prctl took effect
            os._exit(1)

    return setup


def _become(user: Unprivileged, libc: ctypes.CDLL | None) -> None:
    """Drop to `user`, keeping only the right to pass through directories it could not enter.

    A clone below a mode-0700 folder (/root, a mktemp directory) would otherwise be out of reach.
    """
    if libc is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.gid)
    os.setuid(user.uid)
    if libc is None:
        return
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


class Child:
    """One supervised process with its log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: Unprivileged | None = None,
        stop_signal: int = signal.SIGTERM,
        death_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            # Its own session: a Ctrl-C at the terminal reaches the supervisor alone, which stops children in order.
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                start_new_session=True,
                preexec_fn=_child_setup(user, death_signal),  # noqa: PLW1509 - no threads are running yet
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Return once `is_ready` says so; raise ServerDidNotStart when the child ends or time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not self.is_running():
                raise ServerDidNotStart(f"{self.name} ended at start: {self.last_line()} (see {self.log})")
            if time.monotonic() > deadline:
                raise ServerDidNotStart(f"{self.name} did not answer in {timeout_seconds:.0f} s (see {self.log})")
            time.sleep(0.05)

    def last_line(self) -> str:
        """Return the last line the child wrote, for an error message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def stop(self, *, timeout_seconds: float = 15) -> None:
        """Ask the child to end, then insist; return when it is gone."""
        if self.is_running():
            self.process.send_signal(self._stop_signal)
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
