"""Reading a YAML file that people edit: whatever is wrong with it is told in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from service.errors import ConfigurationError

Fault = tuple[str, str]
"""Where in the file, and what is wrong there."""


class _Loader(yaml.SafeLoader):
    """Safe YAML with two differences: decimals stay as written, and a key may stand only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:  # YAML's own rule, which PyYAML does not enforce: the last one would win silently
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:float", yaml.SafeLoader.construct_yaml_str)  # type: ignore[type-var]


def read_mapping(path: Path, hint: str) -> dict[str, Any]:
    """Return the YAML mapping in the file; raise ConfigurationError in one line, with `hint` where it is no mapping."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"{path}: {_told(error)}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"{path}: is not YAML: {type(error).__name__}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: is empty or no mapping; {hint}")
    return document


def refusal(path: str | Path, faults: Iterable[Fault]) -> ConfigurationError:
    """Return the error that names the file, and each place inside it that is at fault."""
    return ConfigurationError(f"{path}: " + "; ".join(f"{where}: {reason}" for where, reason in faults))


def faults_in(messages: Any, where: str = "") -> Iterator[Fault]:
    """Yield marshmallow's nested messages as (`plans[1].price.amount`, reason)."""
    if isinstance(messages, list):
        yield from ((where, str(message).rstrip(".")) for message in messages)
        return
    for key, below in messages.items():
        yield from faults_in(below, _below(where, key))


def _below(where: str, key: Any) -> str:
    if key == "_schema":  # marshmallow's name for the whole object
        return where
    if isinstance(key, int):
        return f"{where}[{key}]"
    return f"{where}.{key}" if where else str(key)


def _told(error: yaml.MarkedYAMLError) -> str:
    """Return YAML's complaint with its line, and where what it was reading began: a lone quote is noticed late."""
    told = f"line {error.problem_mark.line + 1}: {error.problem}" if error.problem_mark else f"{error.problem}"
    begun = f" from line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"{told} ({error.context}{begun})" if error.context else told
