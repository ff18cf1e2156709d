"""Form-encoded parameters: `items[0][price]=x` becomes nested values, then values of the declared kinds.

A spec is a record of fields; a field is a function from raw text (or nested raw values) to a value. Whatever a
spec does not name is refused as `parameter_unknown`, so nothing that the stand-in ignores passes unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from sandbox.standin.errors import InvalidRequest, missing_parameter, unknown_parameter

Raw = Any
Field = Callable[[Raw, str], Any]
Spec = Mapping[str, Field]

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
MAX_METADATA_KEYS = 50


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Raw]:
    """Return `pairs` as nested dicts and lists, by Rails' bracket rules, which Stripe follows."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _insert(tree, _path_of(key), value)
    return {name: _listed(each) for name, each in tree.items()}


def _path_of(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise InvalidRequest(f"Invalid parameter name: {key}", param=key)
    return [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))]


def _insert(tree: dict[str, Any], path: list[str], value: str) -> None:
    for step, name in enumerate(path[:-1]):
        tree = tree.setdefault(name if name else str(len(tree)), {})
        if not isinstance(tree, dict):
            raise InvalidRequest(f"Invalid parameter: {path[step]} is both a value and a group", param=path[0])
    tree[path[-1] if path[-1] else str(len(tree))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(each) for name, each in value.items()}


def parse(raw: Mapping[str, Raw], spec: Spec, *, required: Iterable[str] = (), prefix: str = "") -> dict[str, Any]:
    """Return the values of `raw` as `spec` declares them; raise InvalidRequest for the first that is not so."""
    for name in required:
        if raw.get(name) in (None, ""):
            raise missing_parameter(_join(prefix, name))
    for name in raw:
        if name not in spec:
            raise unknown_parameter(_join(prefix, name))
    return {name: spec[name](value, _join(prefix, name)) for name, value in raw.items()}


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def text(value: Raw, path: str) -> str | None:
    """A string; the empty string means 'unset'."""
    if not isinstance(value, str):
        raise InvalidRequest(f"Invalid string: {path} must be a string.", param=path)
    return value or None


def integer(value: Raw, path: str) -> int | None:
    """A whole number; the empty string means 'unset'."""
    if value == "":
        return None
    if not isinstance(value, str) or re.fullmatch(r"-?\d{1,15}", value) is None:
        raise InvalidRequest(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    return int(value)


def number(lowest: int, highest: int) -> Field:
    """Return a field for a whole number within bounds; the empty string means 'unset'."""

    def field(value: Raw, path: str) -> int | None:
        found = integer(value, path)
        if found is not None and not lowest <= found <= highest:
            raise InvalidRequest(f"Invalid {path}: must be between {lowest} and {highest}.", param=path)
        return found

    return field


instant = number(0, 4_102_444_800)
"""A Unix second up to the year 2100."""
item_count = number(1, 1_000_000)
days = number(0, 730)
"""Stripe's longest trial is 730 days."""


def boolean(value: Raw, path: str) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise InvalidRequest(f"Invalid boolean: {value}", param=path)
    return bool(value == "true")


def choice(*allowed: str) -> Field:
    """Return a field that takes one of `allowed`."""

    def field(value: Raw, path: str) -> str | None:
        if value == "":
            return None
        if value not in allowed:
            raise InvalidRequest(f"Invalid {path}: must be one of {', '.join(allowed)}", param=path)
        return str(value)

    return field


class Only:
    """A field for what is so anyway: it takes nothing else, so that nobody needs to read it."""

    _BOOLEANS: ClassVar = {"true": True, "false": False}

    def __init__(self, *true_here: str) -> None:
        self._field = choice(*true_here)

    def __call__(self, value: Raw, path: str) -> str | bool | None:
        found = self._field(value, path)
        return self._BOOLEANS.get(found or "", found)


def list_of(item: Field) -> Field:
    """Return a field for an array; the empty string is an empty one."""

    def field(value: Raw, path: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, list):
            raise InvalidRequest(f"Invalid array: {path} must be an array.", param=path)
        return [item(each, f"{path}[{index}]") for index, each in enumerate(value)]

    return field


def record(spec: Spec, *, required: Iterable[str] = ()) -> Field:
    """Return a field for a group of named values; the empty string means 'unset'."""

    def field(value: Raw, path: str) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise InvalidRequest(f"Invalid object: {path} must be an object.", param=path)
        return parse(value, spec, required=required, prefix=path)

    return field


def either(*fields: Field) -> Field:
    """Return a field that takes the first of `fields` that fits."""

    def field(value: Raw, path: str) -> Any:
        for attempt in fields[:-1]:
            try:
                return attempt(value, path)
            except InvalidRequest:
                continue
        return fields[-1](value, path)

    return field


def anything(value: Raw, _path: str) -> Any:
    """Values that are echoed as they came."""
    return value


def metadata(value: Raw, path: str) -> dict[str, str]:
    """Up to 50 texts by name; merged by `merged_metadata`. An empty string for the whole clears it all."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict) or any(not isinstance(each, str) for each in value.values()):
        raise InvalidRequest(f"Invalid {path}: metadata is a set of key-value pairs.", param=path)
    if len(value) > MAX_METADATA_KEYS or any(len(key) > 40 or len(each) > 500 for key, each in value.items()):
        raise InvalidRequest("Metadata: at most 50 keys of 40 characters, values of 500 characters.", param=path)
    return dict(value)


def merged_metadata(old: Mapping[str, str], new: Mapping[str, str] | None) -> dict[str, str]:
    """Return `old` with `new` over it; an empty value removes its key."""
    if new is None:
        return dict(old)
    base = {} if "" in new else dict(old)
    return {name: value for name, value in {**base, **new}.items() if value}


time_range = either(
    record({"gt": integer, "gte": integer, "lt": integer, "lte": integer}),
    integer,
)


def in_range(value: int, bounds: Any) -> bool:
    """Tell whether `value` satisfies a `time_range` (an instant, or bounds)."""
    if bounds is None or isinstance(bounds, int):
        return bounds is None or value == bounds
    tests = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(tests[name](bound) for name, bound in bounds.items() if bound is not None)


def from_json(value: Any) -> Raw:
    """Return a JSON value as the raw texts that fields take, so that one spec serves both forms."""
    if isinstance(value, dict):
        return {name: from_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [from_json(each) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
