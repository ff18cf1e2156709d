"""plans.yaml → Catalog. Whatever is wrong is told in one line: the file, the path inside it, and the reason."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from service.catalog.build import build_catalog, reference_faults
from service.catalog.schema import CatalogSchema
from service.catalog.yaml_file import faults_in, read_mapping, refusal
from service.domain.catalog import Catalog


def load_catalog(path: str | Path) -> Catalog:
    """Return the offer in the file at `path`; raise ConfigurationError naming file, path inside it, and reason."""
    return _catalog(read_mapping(Path(path), "it begins like `publication: The International Daily`"), path)


def catalog_from_source(source: str) -> Catalog:
    """Return the offer that a catalog's `source` holds; raise ConfigurationError where today's rules refuse it."""
    return _catalog(json.loads(source), "plans.yaml, as it was")


def _catalog(document: Any, path: str | Path) -> Catalog:
    try:
        data = CatalogSchema().load(document)
    except ValidationError as error:
        raise refusal(path, sorted(faults_in(error.messages))) from None
    faults = reference_faults(data)
    if faults:
        raise refusal(path, faults)
    source = json.dumps(document, sort_keys=True, default=str)
    catalog, faults = build_catalog(data, _version(source))
    if faults:
        raise refusal(path, faults)
    return replace(catalog, source=source)


def _version(source: str) -> str:
    """Return a digest of what the file means: comments and layout don't change it."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]
