"""What the service is measured beside: each answers the same requests, on the same gunicorn with the same settings."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from hiredis import pack_command

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LIMIT = 3
WINDOW_SECONDS = 30 * 86_400

COUNT = """
local reads = KEYS[1]
if redis.call('SISMEMBER', reads, ARGV[1]) == 1 then return {1, redis.call('SCARD', reads)} end
if redis.call('SCARD', reads) >= tonumber(ARGV[2]) then return {0, tonumber(ARGV[2])} end
redis.call('SADD', reads, ARGV[1])
redis.call('EXPIRE', reads, ARGV[3])
return {1, redis.call('SCARD', reads)}
"""
"""A meter as most would write it: a set of articles for each visitor."""


def noop(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The least that this gunicorn can do: no framework, no body read, no Redis."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def flask_evalsha() -> Flask:
    """A view as most would write it: Flask, JSON in and out, one EVALSHA through redis-py; no key, no schema."""
    import redis

    app = Flask(__name__)
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    count = client.register_script(COUNT)

    @app.post("/v1/decisions")
    def decide() -> Response:
        asked = request.get_json()
        subject = asked.get("reader_id") or asked["visitor_id"]
        granted, used = count([f"peer:{subject}"], [asked["article"]["id"], LIMIT, WINDOW_SECONDS])
        answer = {"granted": bool(granted), "meter": {"limit": LIMIT, "used": used, "remaining": LIMIT - used}}
        return Response(json.dumps(answer), content_type="application/json")

    return app


def bare_evalsha() -> WSGIApplication:
    """What a round trip leaves of the no-op: the body parsed, one EVALSHA on a waiting connection, no framework.

    No key, no schema, no deadline, no log: nothing that decides by one script can be faster on this gunicorn.
    """
    import redis

    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    sha = client.script_load(COUNT)
    waiting = threading.local()

    def decide(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        subject = asked.get("reader_id") or asked["visitor_id"]
        if not hasattr(waiting, "connection"):
            waiting.connection = client.connection_pool.make_connection()
        connection = waiting.connection
        words = ("EVALSHA", sha, 1, f"bare:{subject}", asked["article"]["id"], LIMIT, WINDOW_SECONDS)
        connection.send_packed_command([pack_command(words)], check_health=False)  # type: ignore[arg-type]
        granted, used = connection.read_response()
        answer = json.dumps({"granted": bool(granted), "meter": {"limit": LIMIT, "used": used}}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    return decide


def flask_limiter() -> Flask:
    """The best-known limiter for Flask on Redis, before a view that does nothing; it counts requests, not articles."""
    from flask_limiter import Limiter

    app = Flask(__name__)
    limiter = Limiter(
        key_func=lambda: request.headers["X-Subject"],
        app=app,
        storage_uri=os.environ["REDIS_URL"],
        strategy="fixed-window",
    )

    @app.post("/v1/decisions")
    @limiter.limit("1000000/month")
    def decide() -> Response:
        return Response("{}", content_type="application/json")

    return app


def newsstand_without_journal() -> Flask:
    """Ourselves, but forgetting every decision: what remembering costs is the difference."""
    from service.app import create_app
    from service.journal.journal import Journal

    Journal.note = lambda *_args, **_options: None  # type: ignore[method-assign]
    return create_app()


def flask_insert() -> Flask:
    """A webhook view as bare as can be: no signature, one row, the pool and the commit of the real one."""
    from sqlalchemy import text

    from service.store.database import make_engine

    app = Flask(__name__)
    engine = make_engine(os.environ["DATABASE_URL"], pool_size=int(os.environ.get("WEB_THREADS", "4")))
    statement = text("insert into peer_events (id, body) values (:id, :body)")

    @app.post("/webhooks/stripe")
    def receive() -> Any:
        body = request.get_data()
        with engine.begin() as connection:
            connection.execute(statement, {"id": json.loads(body)["id"], "body": body})
        return {"stored": True}

    return app
