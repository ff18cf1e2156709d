"""A real worker that can be killed between any two exchanges with PostgreSQL, Stripe or Valkey; run as a script.

It reads orders, one JSON object a line, and answers each with one. Every order is carried out by a fork of this warm
process, which has neither a thread nor a connection that a fork could spoil. Production code has no hook: the
boundaries are counted in the libraries, at the one place of each where a reply comes in.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import procrastinate
import procrastinate.worker  # imported late by itself
import requests
from sqlalchemy import event

from metering.wire import Wire
from service.assembly.core import Core, build_core
from service.assembly.worker import build_jobs
from service.jobs import Jobs, build_worker
from service.logs import configure_logs
from service.settings import Settings
from service.store.database import DeadlineConnection

UNCOUNTED = re.compile("heartbeat|to_abort")
"""What procrastinate says by the clock, between any two other things."""


class Fate:
    """Counts the replies that came in, and kills the process at the one it is told."""

    def __init__(self, kill_at: int | None, told: int) -> None:
        self._kill_at = kill_at
        self._told = told
        self._count = itertools.count(1)
        self.statement = ""

    def reached(self, what: str) -> None:
        number = next(self._count)
        os.write(self._told, f"{number} {' '.join(what.split())[:90]}\n".encode())
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def watch_postgresql(fate: Fate, core: Core) -> None:
    """The service's own connections: every statement and every commit."""
    wait = DeadlineConnection.wait

    def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        reply = wait(self, *arguments, **options)
        if fate.statement:  # the rest is BEGIN, ROLLBACK and asking whether a pooled connection still lives
            fate.reached(f"postgresql {fate.statement}")
        fate.statement = ""
        return reply

    DeadlineConnection.wait = counted  # type: ignore[method-assign]
    for engine in (core.engine, core.quick_engine):
        event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: _name(fate, statement))
        event.listen(engine, "commit", lambda _c: _name(fate, "commit"))


def _name(fate: Fate, statement: str) -> None:
    fate.statement = statement


def watch_queue(fate: Fate) -> None:
    """procrastinate's own connection: taking a job, finishing it."""
    connector: Any = procrastinate.PsycopgConnector
    for name in ("execute_query_async", "execute_query_one_async", "execute_query_all_async"):
        setattr(connector, name, _counted_query(fate, getattr(connector, name)))


def _counted_query(fate: Fate, execute: Callable[..., Any]) -> Callable[..., Any]:
    async def counted(self: Any, query: str, **arguments: Any) -> Any:
        reply = await execute(self, query, **arguments)
        if not UNCOUNTED.search(query):
            fate.reached(f"queue {query}")
        return reply

    return counted


def watch_stripe_and_valkey(fate: Fate) -> None:
    send, exchange = requests.Session.send, Wire.exchange

    def counted_send(self: Any, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        fate.reached(f"stripe {request.method} {request.path_url}")
        return answer

    def counted_exchange(self: Any, packed: bytes, count: int) -> Any:
        replies = exchange(self, packed, count)
        for _ in replies:
            fate.reached("valkey")
        return replies

    requests.Session.send = counted_send  # type: ignore[method-assign]
    Wire.exchange = counted_exchange  # type: ignore[method-assign]


def work_and_perhaps_die(core: Core, jobs: Jobs, url: str, fate: Fate) -> None:
    """Do what is queued, unless it is killed meanwhile."""
    watch_postgresql(fate, core)
    watch_queue(fate)
    watch_stripe_and_valkey(fate)
    _run(jobs, url)


def recover(jobs: Jobs, url: str) -> None:
    """Do what another worker does when its sweeper comes by, once."""
    jobs.sweep()
    _run(jobs, url)


def _run(jobs: Jobs, url: str) -> None:
    """Run what is queued as `newsstand worker` does, but for the clock's own tasks: what happens is repeatable."""
    worker = build_worker(jobs, url)
    worker.periodic_registry.periodic_tasks.clear()
    worker.run_worker(concurrency=1, wait=False, delete_jobs="always", install_signal_handlers=False)


def warm_core(environment: dict[str, str]) -> Core:
    """Return the parts, which have connected to nothing, with what the SDK would only import at its first calls."""
    configure_logs("critical")
    core = build_core(Settings.from_environment(environment))
    for name in ("charges", "customers", "invoices", "payment_methods", "radar", "subscriptions"):
        getattr(core.client.v1, name)
    return core


def carry_out(order: dict[str, Any], core: Core, told: int) -> None:
    jobs, url = build_jobs(core), core.settings.database_url
    if order["do"] == "recover":
        recover(jobs, url)
    else:
        work_and_perhaps_die(core, jobs, url, Fate(order["kill_at"], told))


def answers(orders: Iterator[str], core: Core) -> Iterator[dict[str, Any]]:
    """Carry each order out in a fork, and say how that ended: by which signal or code, and what it had reached."""
    for line in orders:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                carry_out(json.loads(line), core, writing)
            except BaseException as error:
                os.write(writing, f"failed: {error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            reached = pipe.read().splitlines()
        _, status = os.waitpid(child, 0)
        yield {"code": os.waitstatus_to_exitcode(status), "reached": reached}


if __name__ == "__main__":
    for answer in answers(iter(sys.stdin), warm_core(dict(os.environ))):
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer is this script's output
