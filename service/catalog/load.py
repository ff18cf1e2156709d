"""plans.yaml → Catalog. Whatever is wrong is told in one line: the file, the path inside it, and the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from marshmallow import ValidationError

from service.catalog.build import Fault, build_catalog, reference_faults
from service.catalog.schema import CatalogSchema
from service.domain.catalog import Catalog
from service.errors import ConfigurationError


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


def load_catalog(path: str | Path) -> Catalog:
    """Return the offer in the file at `path`; raise ConfigurationError naming file, path inside it, and reason."""
    document = _read(Path(path))
    try:
        data = CatalogSchema().load(document)
    except ValidationError as error:
        raise _refusal(path, sorted(_faults(error.messages))) from None
    faults = reference_faults(data)
    if faults:
        raise _refusal(path, faults)
    catalog, faults = build_catalog(data, _version(document))
    if faults:
        raise _refusal(path, faults)
    return catalog


def _told(error: yaml.MarkedYAMLError) -> str:
    """Return YAML's complaint with its line, and where what it was reading began: a lone quote is noticed late."""
    told = f"line {error.problem_mark.line + 1}: {error.problem}" if error.problem_mark else f"{error.problem}"
    begun = f" from line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"{told} ({error.context}{begun})" if error.context else told


def _version(document: Any) -> str:
    """Return a digest of what the file means: comments and layout don't change it."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _read(path: Path) -> Any:
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
        raise ConfigurationError(
            f"{path}: is empty or no mapping; it begins like `publication: The International Daily`"
        )
    return document


def _refusal(path: str | Path, faults: list[Fault]) -> ConfigurationError:
    return ConfigurationError(f"{path}: " + "; ".join(f"{where}: {reason}" for where, reason in faults))


def _faults(messages: Any, where: str = "") -> Iterator[Fault]:
    """Yield marshmallow's nested messages as (`plans[1].price.amount`, reason)."""
    if isinstance(messages, list):
        yield from ((where, str(message).rstrip(".")) for message in messages)
        return
    for key, below in messages.items():
        yield from _faults(below, _below(where, key))


def _below(where: str, key: Any) -> str:
    if key == "_schema":  # marshmallow's name for the whole object
        return where
    if isinstance(key, int):
        return f"{where}[{key}]"
    return f"{where}.{key}" if where else str(key)
