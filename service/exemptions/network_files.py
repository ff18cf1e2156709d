"""The files of networks that plans.yaml names: institutions in YAML of ours, crawlers in the JSON they publish.

The JSON is that of https://developers.google.com/static/search/apis/ipranges/googlebot.json and
https://www.bing.com/toolbox/bingbot.json: `{"prefixes": [{"ipv4Prefix": …}, {"ipv6Prefix": …}]}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Length

from service.catalog.yaml_file import faults_in, read_mapping, refusal
from service.errors import ConfigurationError
from service.exemptions.ranges import Network, Ranges, networks_of


def _networks(text: Any) -> list[Network]:
    try:
        return networks_of(text)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValidationError(f"{text!r} is no address range: {error}") from None


def _ranges() -> fields.Function:
    return fields.Function(deserialize=_networks)


class _Institution(Schema):
    name = fields.String(required=True, validate=Length(1, 200))
    ranges = fields.List(_ranges(), required=True, validate=Length(min=1))


class _Institutions(Schema):
    institutions = fields.List(fields.Nested(_Institution), required=True)


class _Prefix(Schema):
    class Meta:
        unknown = EXCLUDE

    ipv4 = fields.Function(deserialize=_networks, data_key="ipv4Prefix")
    ipv6 = fields.Function(deserialize=_networks, data_key="ipv6Prefix")


class _Prefixes(Schema):
    class Meta:
        unknown = EXCLUDE

    prefixes = fields.List(fields.Nested(_Prefix), required=True, validate=Length(min=1))


def institutions_in(path: Path) -> Ranges:
    """Return the networks of all institutions in the file; raise ConfigurationError saying where it is wrong."""
    document = read_mapping(path, "it begins like `institutions:`")
    loaded = _load(_Institutions(), document, path)
    return Ranges(network for each in loaded["institutions"] for found in each["ranges"] for network in found)


def crawler_networks_in(path: Path) -> Ranges:
    """Return the networks that a crawler's operator publishes; raise ConfigurationError saying where it is wrong."""
    loaded = _load(_Prefixes(), _json_object(path), path)
    return Ranges(network for each in loaded["prefixes"] for found in each.values() for network in found)


def _load(schema: Schema, document: dict[str, Any], path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        raise refusal(path, sorted(faults_in(error.messages))) from None
    return loaded


def _json_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f'{path}: is no JSON object; it begins like {{"prefixes": …')
    return document
