"""How long the worker works: until it is told to stop, through any outage of PostgreSQL; and how it leaves.

A worker that was paused is taken for dead by the others, who strike it off; its next job then has nobody to belong to
(`ForeignKeyViolation` of procrastinate_jobs.worker_id). It signs on again.

procrastinate's own loop ends when its connections break, and when told to stop waits for PostgreSQL to be told
goodbye, half a minute if nobody is there. Leaving at any moment is safe: an unfinished sync leaves its customer dirty.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable

import procrastinate
import psycopg
import structlog

log = structlog.get_logger(__name__)

FINISH_JOBS_SECONDS = 20.0
LONGEST_STOP_SECONDS = FINISH_JOBS_SECONDS + 5
STOP_WITHOUT_RECORD_SECONDS = 1.0
OPEN_SECONDS = 5.0
PAUSE_SECONDS = 1.0
_PASSING = (psycopg.OperationalError, psycopg.errors.ForeignKeyViolation, TimeoutError)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_worker(app: procrastinate.App, *, concurrency: int, record_answers: Callable[[], bool]) -> None:
    """Run jobs until SIGTERM or SIGINT; finished ones are deleted, for history is in our own tables.

    `record_answers` tells whether PostgreSQL does, and has a deadline. Raises what is no outage: a missing table.
    """
    asyncio.run(_until_told(app, concurrency, record_answers))


async def _until_told(app: procrastinate.App, concurrency: int, record_answers: Callable[[], bool]) -> None:
    """Work, again after each outage, until a signal comes."""
    told = asyncio.Event()
    for each in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, told.set)
    while True:
        work = asyncio.create_task(_work(app, concurrency))
        await _first_of(work, told)
        if told.is_set():
            await _leave(work, record_answers)
            return
        log.warning("worker_interrupted", error=_outage(work))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), PAUSE_SECONDS)
            return


async def _work(app: procrastinate.App, concurrency: int) -> None:
    try:
        # Not longer: an opening pool that finds nobody tries more and more seldom.
        await asyncio.wait_for(app.open_async(), OPEN_SECONDS)
        await app.run_worker_async(
            concurrency=concurrency,
            delete_jobs="always",
            fetch_job_polling_interval=5.0,
            shutdown_graceful_timeout=FINISH_JOBS_SECONDS,
            install_signal_handlers=False,
        )
    finally:
        await app.close_async()


async def _first_of(work: asyncio.Task[None], told: asyncio.Event) -> None:
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _leave(work: asyncio.Task[None], record_answers: Callable[[], bool]) -> None:
    """Let running jobs finish, for as long as there is a record to write to."""
    work.cancel()
    there = await asyncio.to_thread(record_answers)
    done, _ = await asyncio.wait({work}, timeout=LONGEST_STOP_SECONDS if there else STOP_WITHOUT_RECORD_SECONDS)
    if not done:
        log.warning("worker_left_at_once", record_answers=there)
        logging.shutdown()
        os._exit(0)  # asyncio, and Python after it, would wait for what hangs in a dead connection


def _outage(work: asyncio.Task[None]) -> str | None:
    """Return what ended the work, if it can go on after that; raise anything else."""
    error = work.exception()
    if error is None:  # a connection broke, and procrastinate could still say goodbye over another
        return None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _PASSING):
            return type(cause).__name__
        cause = cause.__cause__ or cause.__context__
    raise error
