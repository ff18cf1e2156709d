"""plans.yaml → Catalog. Whatever is wrong is told in one line: the file, the path inside it, and the reason."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from service.catalog.build import build_catalog, reference_faults
from service.catalog.schema import CatalogSchema
from service.catalog.yaml_file import faults_in, read_mapping, refusal
from service.domain.catalog import Catalog


def load_catalog(path: str | Path) -> Catalog:
    """Return the offer in the file at `path`; raise ConfigurationError naming file, path inside it, and reason."""
    document = read_mapping(Path(path), "it begins like `publication: The International Daily`")
    try:
        data = CatalogSchema().load(document)
    except ValidationError as error:
        raise refusal(path, sorted(faults_in(error.messages))) from None
    faults = reference_faults(data)
    if faults:
        raise refusal(path, faults)
    catalog, faults = build_catalog(data, _version(document))
    if faults:
        raise refusal(path, faults)
    return catalog


def _version(document: Any) -> str:
    """Return a digest of what the file means: comments and layout don't change it."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:12]
