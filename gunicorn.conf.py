"""How gunicorn runs the service: every value that is not gunicorn's default, with its reason.

`newsstand web` validates the settings, then runs gunicorn with this file.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

from service.settings import Settings
from service.web_worker import listening

_settings = Settings.from_environment()

# Threads, not greenlets: psycopg, redis-py and stripe-python block, and a request is one Redis round trip. An idle
# kept-alive connection waits in the worker's selector and holds no thread.
worker_class = "service.web_worker.BalancedWorker"
workers = _settings.web_workers
threads = _settings.web_threads

# Its sockets are made in `on_starting`, and in each worker when it is ready (service/web_worker.py).
bind: list[str] = []
reuse_port = True
_address = _settings.bind_host, _settings.port

# Each worker makes its own connections after the fork; a socket shared by two processes mixes up their answers.
preload_app = False

# Longer than the 60 s for which common proxies keep an idle connection, so that the proxy closes first and never sends
# a request into a connection that is just going away.
keepalive = 75

# A stop waits for requests under way; the longest is a checkout: two calls to Stripe of 5 s each.
graceful_timeout = 12

# A worker whose main loop is silent this long is killed. Requests run in threads and do not count against it.
timeout = 30

# Workers are not recycled: each one that goes leaves its counters' files behind for ever (the sums must not shrink),
# so recycling trades a leak that has not been seen for one that is certain.
max_requests = 0

# Heartbeats are touched on a file; on a busy disk that can block past `timeout`.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a private file

# gunicorn 27 opens a Unix socket through which it can be reconfigured; nobody here uses it.
control_socket_disable = True

# Only our own proxy may say that a request came over https. FORWARDED_ALLOW_IPS is gunicorn's own variable.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

# The longest path we answer is a prefix search with a cursor; the largest header a signed webhook's.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# The service logs each request itself, as JSON with its id and without personal data.
accesslog = None
errorlog = "-"
loglevel = _settings.log_level


# SIGTERM first only tells: for DRAIN_SECONDS `/health/ready` says `draining` while everything is still answered, so
# that a balancer stops sending. gunicorn alone would close its port at once, and reset whoever is just connecting.
def on_starting(server: Any) -> None:
    """Listen, and make the byte through which the master tells its workers that it is about to stop, later ones too."""
    _refuse_a_taken_port(server)
    server.LISTENERS = [listening(_address, server.cfg, server.log)]
    server.draining = mmap.mmap(-1, 1)  # shared by fork, and without a lock that a killed worker could keep
    server.served = mmap.mmap(-1, 1)  # the same, through which the first worker that is ready tells it


def _refuse_a_taken_port(server: Any) -> None:
    """Stop where anybody listens already: another service of the same user would get half of our connections."""
    family = socket.AF_INET6 if ":" in _settings.bind_host else socket.AF_INET
    try:
        socket.create_server(_address, family=family).close()
    except OSError as error:
        server.log.error("Cannot listen at %s: %s", _address, error.strerror)  # noqa: TRY400
        sys.exit(1)


def when_ready(server: Any) -> None:
    """Take SIGTERM before gunicorn does; a second one stops at once. And look before a reload."""
    server.reload = partial(_reload_what_starts, server, server.reload)

    def stop(_signal: int, frame: Any) -> None:
        server.signal(signal.SIGTERM, frame)

    def drain(number: int, frame: Any) -> None:
        if server.draining[0] or not _settings.drain_seconds:
            stop(number, frame)
            return
        server.draining[0] = 1
        signal.setitimer(signal.ITIMER_REAL, _settings.drain_seconds)

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, drain)


# gunicorn stops everything when a new worker cannot start, and ends the old ones before it knows: with a slip in
# plans.yaml nobody would be answered any more.
def _reload_what_starts(server: Any, reload: Callable[[], None]) -> None:
    """Reload, unless the application, started aside from what lies on the disk now, would not come up."""
    command = [sys.executable, "-m", "gunicorn", *sys.argv[1:], "--check-config"]
    environment = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    try:
        # Its complaint goes where our log goes. Our own loop waits, so that nobody else reaps it.
        subprocess.run(command, env=environment, check=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        server.log.error("Not reloaded, for what is there now does not start: %s", type(error).__name__)  # noqa: TRY400
        return
    reload()


def post_fork(server: Any, worker: Any) -> None:
    """Hand the bytes and the socket of all to the worker, which reads our code anew: it may not be the master's."""
    worker.draining = server.draining
    worker.served = getattr(server, "served", bytearray(1))  # a master of the release before has none
    worker.sockets = [*server.LISTENERS]
    for name in [*sys.modules]:
        if name.partition(".")[0] in {"service", "metering", "webhooks"}:
            del sys.modules[name]


def post_worker_init(worker: Any) -> None:
    """Hand it on to the health checks of the application, which exists only now."""
    follow = getattr(worker.wsgi, "extensions", {}).get("newsstand.follow_draining")
    if follow:
        follow(lambda: bool(worker.draining[0]))


def child_exit(_server: Any, worker: Any) -> None:
    """Drop a dead worker's gauges; its counters stay, or sums over all workers would go down."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if directory and Path(directory).is_dir():
        multiprocess.mark_process_dead(worker.pid)
