"""Ordinary JSON, loaded without marshmallow: what is plainly valid, at a tenth of the cost.

It never says that something is wrong. Whatever it cannot plainly see to be right is left to the schema, from whose
own fields and limits it is made; a test holds that the two never load one value differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields, missing, validate

from service.api.fields import Articles, Choice, Id, IpAddress, ReaderId, Text
from service.exemptions.ranges import address_of

Loader = Callable[[Mapping[str, Any]], "dict[str, Any] | None"]
_IN_DOUBT: Any = object()


def quick_loader(schema: Schema) -> Loader:
    """Return a function that loads a JSON object as `schema` would, or returns None when in doubt."""
    fits = {name: fit for name, field in schema.fields.items() if (fit := _fit(field)) is not None}
    loads = {name: _load(field) for name, field in schema.fields.items() if name not in fits}
    nullable = {name for name, field in schema.fields.items() if field.allow_none}
    required = {name for name, field in schema.fields.items() if field.required}
    defaults = {name: field.load_default for name, field in schema.fields.items() if field.load_default is not missing}

    def load(value: Mapping[str, Any]) -> dict[str, Any] | None:
        loaded = dict(defaults)
        for name, given in value.items():
            if name in fits and type(given) is str and fits[name](given):
                loaded[name] = given
            elif given is None and name in nullable:
                loaded[name] = None
            elif name not in loads or (taken := loads[name](given)) is _IN_DOUBT:
                return None
            else:
                loaded[name] = taken
        return loaded if required <= loaded.keys() else None

    return load


def _fit(field: fields.Field[Any]) -> Callable[[str], object] | None:
    """Return what tells whether a text is loaded as it is; None for a field of another kind."""
    if type(field) is Choice:
        (one_of,) = field.validators
        assert isinstance(one_of, validate.OneOf)  # noqa: S101 - a Choice makes no other
        return frozenset(one_of.choices).__contains__
    if type(field) in {Text, Id, ReaderId} and len(field.validators) == 1:
        return _pattern(field).fullmatch
    return None


def _pattern(field: fields.Field[Any]) -> re.Pattern[str]:
    """Match printable ASCII within the field's length; ids in paths also without slashes and lone dots."""
    (length,) = field.validators
    assert isinstance(length, validate.Length)  # noqa: S101 - a Text makes no other
    plain = r"(?!\.\.?\Z)[ -.0-~]" if type(field) is ReaderId else "[ -~]"
    return re.compile(f"{plain}{{{length.min},{length.max}}}")


def _load(field: fields.Field[Any]) -> Callable[[Any], Any]:
    """Return what loads a value of this field, or is in doubt; of a kind not known here everything is."""
    if type(field) is fields.Nested and not field.many:
        return _nested(quick_loader(field.schema))
    if type(field) is Articles:
        return _articles(field)
    if type(field) is IpAddress and len(field.validators) == 1:
        return _address(_pattern(field).fullmatch)
    return lambda _: _IN_DOUBT


def _nested(load: Loader) -> Callable[[Any], Any]:
    def take(given: Any) -> Any:
        loaded = load(given) if type(given) is dict else None
        return _IN_DOUBT if loaded is None else loaded

    return take


def _articles(field: Articles) -> Callable[[Any], Any]:
    def take(given: Any) -> Any:
        plain = field.plain(given)
        return _IN_DOUBT if plain is None else plain

    return take


def _address(fits: Callable[[str], object]) -> Callable[[Any], Any]:
    def take(given: Any) -> Any:
        try:  # an IPv6 zone may hold anything, so the text has to fit as well
            return address_of(given) if type(given) is str and fits(given) else _IN_DOUBT
        except ValueError:
            return _IN_DOUBT

    return take
