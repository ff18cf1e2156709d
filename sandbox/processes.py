"""Children that cannot outlive us: each dies with its parent, even when the parent is killed with -9."""

from __future__ import annotations

import contextlib
import ctypes
import errno
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
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
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


def unprivileged(data: Path) -> Unprivileged | None:
    """Return whom to run PostgreSQL as, or None when we are an ordinary user already.

    As root: the owner of `data` if an ordinary user made it, so that both may start it; otherwise `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Unprivileged(data.stat().st_uid, data.stat().st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:  # a minimal image without /etc/passwd; the number means the same everywhere
        return Unprivileged(65534, 65534)
    return Unprivileged(nobody.pw_uid, nobody.pw_gid)


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def why_unusable(port: int) -> str | None:
    """Return why nothing can listen on 127.0.0.1:`port`, in a few words, or None when it is free."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return None


def die_with_parent(death_signal: int = signal.SIGTERM) -> None:
    """Have the kernel send this very process `death_signal` when its parent ends (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)


def child_setup(user: Unprivileged | None, death_signal: int) -> Callable[[], None]:
    """Return what runs in the child between fork and exec.

    The kernel watches the *thread* that forked, so children are started by a thread that lives on: the main one.
    """
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

    A clone below a mode-0700 folder (/root, a mktemp directory) would otherwise be out of reach. See capabilities(7).
    """
    if libc is not None:
        # initdb and postgres ask access(2) for each other, which ignores an ordinary user's capabilities unless this
        # bit is set; with it setuid drops none either, so `_keep_only` must.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)  # where the bit may not be set, at least open(2) gets through
    os.setgroups([])
    os.setgid(user.gid)
    os.setuid(user.uid)
    if libc is not None and _keep_only(libc, 1 << CAP_DAC_OVERRIDE):
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _keep_only(libc: ctypes.CDLL, mask: int) -> bool:
    """Keep the capabilities in `mask` and no other; without them keep none at all and return False."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))) == 0:
        return True
    if libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())) != 0:
        raise OSError(ctypes.get_errno(), "cannot drop root's capabilities")
    return False


def spawn(
    name: str,
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    env: Mapping[str, str] | None = None,
    user: Unprivileged | None = None,
    cwd: Path | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process that dies with us; raise ServerDidNotStart when it cannot run, or not as `user`."""
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            # Its own session: a Ctrl-C at the terminal reaches the supervisor alone, which stops children in order.
            start_new_session=True,
            preexec_fn=child_setup(user, death_signal),  # noqa: PLW1509 - no threads are running yet
        )
    except PermissionError as error:
        # Root without CAP_DAC_OVERRIDE: the unprivileged account cannot enter a folder such as /root.
        raise ServerDidNotStart(f"{name}: may not use {error.filename} ({error.strerror}){_advice(user)}") from error
    except subprocess.SubprocessError as error:
        raise ServerDidNotStart(f"{name}: this machine does not let root become uid {user and user.uid}"
                                f"{_advice(user)}") from error  # fmt: skip
    except OSError as error:
        raise ServerDidNotStart(f"{name}: {error.strerror}: {error.filename}") from error


def _advice(user: Unprivileged | None) -> str:
    if user is None:
        return ""
    return "; PostgreSQL refuses to run as root: run make as an ordinary user, in a folder that user owns"


class Child:
    """One supervised process with its log file (this run's; the run before is kept beside it as `.previous`)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: Unprivileged | None = None,
        cwd: Path | None = None,
        stop_signal: int = signal.SIGTERM,
        death_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        if log.exists():
            log.replace(log.with_name(log.name + ".previous"))
        with log.open("wb") as output:
            self.process = spawn(
                name, command, output=output, env=env, user=user, cwd=cwd, death_signal=death_signal
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Return once `is_ready` says so; raise ServerDidNotStart when the child ends or time is up."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            ended = not self.is_running()
            if is_ready():  # asked once more after the end: a server's own explanation is better than ours
                return
            if ended:
                raise ServerDidNotStart(f"{self.name} ended at start: {self.last_line()} (see {self.log})")
            if time.monotonic() > deadline:
                raise ServerDidNotStart(f"{self.name} did not answer in {timeout_seconds:.0f} s (see {self.log})")
            time.sleep(0.05)

    def lines(self) -> list[str]:
        """Return what the child has written since it started."""
        return self.log.read_text(errors="replace").strip().splitlines()

    def last_line(self) -> str:
        """Return the last line the child wrote, for an error message."""
        lines = self.lines()
        return lines[-1] if lines else "it printed nothing"

    def stop(self, *, timeout_seconds: float = 15) -> None:
        """Ask the child to end, then insist; return when it and the processes it left in its group are gone."""
        if self.is_running():
            self.process.send_signal(self.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_seconds)
        if not group_is_gone(self.pid, timeout_seconds=3 if self.process.returncode is not None else 0):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


def group_is_gone(group: int, *, timeout_seconds: float) -> bool:
    """Tell whether no process is left in `group`, waiting for it up to `timeout_seconds`."""
    deadline = time.monotonic() + timeout_seconds
    while _group_lives(group):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        return False
    if sys.platform != "linux":
        return True
    # Zombies count for killpg, and stay for ever in a container whose first process adopts without waiting.
    members = (stat_fields(int(each.name)) for each in Path("/proc").iterdir() if each.name.isdigit())
    return any(fields[0] not in "ZX" and int(fields[2]) == group for fields in members if fields)


def stat_fields(pid: int) -> list[str]:
    """Return what Linux says of process `pid`, from its state (field 3) on; nothing when it is gone."""
    try:
        # The name, field 2, may hold blanks and brackets: count from the last bracket (proc_pid_stat(5)).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []
