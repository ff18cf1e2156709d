"""Every object of the stand-in, in memory and in one SQLite file; a transaction is all or nothing.

Objects are Stripe's JSON in unexpanded form. Members whose name starts with `_` are the stand-in's own and never
leave it. The file is written before a transaction ends, so a `kill -9` loses nothing that was answered.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]
Change = tuple[Key, Json | None]

_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists objects (
  seq integer primary key autoincrement, kind text not null, id text not null, body text not null, unique (kind, id)
);
"""


class Store:
    """Objects by kind and id. Everything but `read` runs under the one lock, inside `transaction`."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self.on_commit: list[Callable[[list[Change]], None]] = []
        self._file = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._file.executescript(_SCHEMA)
        self._objects: dict[str, dict[str, Json]] = {}
        self._of_customer: dict[Key, dict[str, None]] = {}
        self._working: dict[Key, Json | None] = {}
        self._before: dict[Key, str] = {}
        self._depth = 0
        for kind, identifier, body in self._file.execute("select kind, id, body from objects order by seq"):
            self._remember(kind, identifier, json.loads(body))

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._file.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; keep every change at the end, or none when an exception passes. Nested ones join."""
        with self.lock:
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._forget_work()
                raise
            self._depth -= 1
            if self._depth == 0:
                self._commit()

    def assert_idle(self) -> None:
        """Raise RuntimeError inside a transaction of this thread, for work that must not join one."""
        with self.lock:
            if self._depth:
                raise RuntimeError("this cannot be part of another transaction")

    def add(self, item: Json) -> Json:
        """Keep a new object and return it."""
        self._working[item["object"], item["id"]] = item
        return item

    def get(self, kind: str, identifier: str) -> Json | None:
        """Return the object, to read or to change within this transaction."""
        key = (kind, identifier)
        if key not in self._working:
            committed = self._objects.get(kind, {}).get(identifier)
            if committed is None:
                return None
            # A private copy: what the transaction changes is seen by nobody until it ends.
            self._before[key] = json.dumps(committed)
            self._working[key] = json.loads(self._before[key])
        return self._working[key]

    def remove(self, kind: str, identifier: str) -> None:
        """Forget the object."""
        self._working[kind, identifier] = None

    def all(self, kind: str, *, customer: str | None = None) -> list[Json]:
        """Return the objects of `kind`, oldest first, to be read only."""
        objects = self._objects.get(kind, {})
        ids = objects if customer is None else self._of_customer.get((kind, customer), {})
        committed = [self._working.get((kind, each), objects[each]) for each in ids]
        fresh = [
            item
            for (its_kind, identifier), item in self._working.items()
            if its_kind == kind and identifier not in objects and item is not None
        ]
        return [each for each in committed + fresh if each is not None and customer in (None, each.get("customer"))]

    def _commit(self) -> None:
        changes = [
            (key, item, json.dumps(item)) for key, item in self._working.items() if item or key[1] in self._known(key)
        ]
        changed = [change for change in changes if self._before.get(change[0]) != change[2]]
        self._working, self._before = {}, {}
        if not changed:
            return
        self._write(changed)
        for (kind, identifier), item, body in changed:
            self._remember(kind, identifier, None if item is None else json.loads(body))
        for hook in self.on_commit:
            hook([(key, item) for key, item, _ in changed])

    def _known(self, key: Key) -> dict[str, Json]:
        return self._objects.get(key[0], {})

    def _forget_work(self) -> None:
        self._working, self._before = {}, {}

    def _write(self, changed: list[tuple[Key, Json | None, str]]) -> None:
        self._file.execute("begin immediate")
        for (kind, identifier), item, body in changed:
            if item is None:
                self._file.execute("delete from objects where kind = ? and id = ?", (kind, identifier))
            else:
                self._file.execute(
                    "insert into objects (kind, id, body) values (?, ?, ?)"
                    " on conflict (kind, id) do update set body = excluded.body",
                    (kind, identifier, body),
                )
        self._file.execute("commit")

    def _remember(self, kind: str, identifier: str, item: Json | None) -> None:
        objects = self._objects.setdefault(kind, {})
        old = objects.get(identifier)
        if old is not None and isinstance(old.get("customer"), str):
            owned = self._of_customer.get((kind, old["customer"]), {})
            if item is None or item.get("customer") != old["customer"]:
                owned.pop(identifier, None)
        if item is None:
            objects.pop(identifier, None)
            return
        objects[identifier] = item
        if isinstance(item.get("customer"), str):
            self._of_customer.setdefault((kind, item["customer"]), {})[identifier] = None


def rendered(value: Any) -> Any:
    """Return a copy of `value` as the outside sees it, without the stand-in's own members."""
    if isinstance(value, dict):
        return {name: rendered(each) for name, each in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [rendered(each) for each in value]
    return value
