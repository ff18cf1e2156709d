"""Marshmallow fields that let nothing through which PostgreSQL, UTF-8 or a log line cannot hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from service.domain.decision import Access, Article
from service.exemptions.ranges import address_of
from service.exemptions.tokens import MOST_NAME, NAME

_CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f]")
_CONTROL_BUT_LINES = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]")
_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_PATTERN_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDECODABLE = "\ufffd"
_ARTICLE = {"id", "access", "feature"}
_METERED = Access.METERED.value
_ACCESSES = {each.value: each for each in Access}
ID_MOST = 200
_EMAIL_MOST = 254
"""RFC 5321 §4.5.3.1.3, less the angle brackets."""


class Text(fields.String):
    """Text of `least` to `most` characters on one line, or on several with `lines`."""

    def __init__(self, *, most: int, least: int = 1, lines: bool = False, **options: Any) -> None:
        length = validate.Length(min=least, max=most)
        documented = {"pattern": _PATTERN_LINES if lines else _PATTERN} | options.pop("metadata", {})
        super().__init__(validate=[length, *options.pop("validate", [])], metadata=documented, **options)
        self._unwanted = _CONTROL_BUT_LINES if lines else _CONTROL

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if self._unwanted.search(text):
            raise ValidationError("May not contain control characters.")
        if _LONE_SURROGATE.search(text):
            raise ValidationError("May not contain half of a surrogate pair.")
        return text


class Id(Text):
    """Somebody else's stable id: 1 to 200 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(most=ID_MOST, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if _UNDECODABLE in text:  # what a path that is not UTF-8 turns into: two readers must not become one
            raise ValidationError("Must be UTF-8.")
        return text


class ReaderId(Id):
    """A reader's id. It is part of paths, where a slash cannot be told from a separator."""

    def __init__(self, **options: Any) -> None:
        documented = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f/]*$"} | options.pop("metadata", {})
        super().__init__(metadata=documented, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if "/" in text or text in {".", ".."}:
            raise ValidationError("May not contain a slash, nor be `.` or `..`: it is part of paths.")
        return text


class Email(Text):
    """An e-mail address."""

    def __init__(self, **options: Any) -> None:
        documented = {"format": "email"} | options.pop("metadata", {})
        super().__init__(most=_EMAIL_MOST, least=3, metadata=documented, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) <= _EMAIL_MOST:  # longer ones have their own message, and patterns are for short texts
            validate.Email()(text)
        return text


class IpAddress(Text):
    """An IPv4 or IPv6 address: text that is loaded as an address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(most=45, post_load=address_of, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            address_of(text)
        except ValueError:
            raise ValidationError("Not an IP address.") from None
        return text


class Label(Text):
    """A short name that may stand in addresses: letters, digits, `_` and `-`."""

    def __init__(self, **options: Any) -> None:
        documented = {"pattern": "^[A-Za-z0-9_-]*$"} | options.pop("metadata", {})
        super().__init__(most=MOST_NAME, metadata=documented, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not NAME.fullmatch(text):
            raise ValidationError("Letters, digits, _ and - only.")
        return text


class Flag(fields.Boolean):
    """`true` or `false`, and none of the words and numbers that marshmallow takes for them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        flag: bool = super()._deserialize(value, attr, data, **options)
        return flag


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(validate=validate.OneOf(words), **options)


class Articles(fields.List[Any]):
    """Up to `most` articles of one schema.

    Marshmallow takes 20 µs for each, most of what a batch of 500 would cost. Where all are plain to see, as is usual,
    they skip it; one that is not sends them all the long way, which knows every rule and every message. Either way
    they are loaded as Article.
    """

    _feature = re.compile(r"[a-z0-9_]{1,40}")

    def __init__(self, article: type[Schema], *, most: int, **options: Any) -> None:
        super().__init__(fields.Nested(article), validate=validate.Length(max=most), **options)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> list[Any]:
        plain = self.plain(value)
        if plain is not None:
            return plain
        if isinstance(value, list) and len(value) > self._most:  # of 100,000 each would be looked at, and told of
            self._validate(value)
        loaded: list[Any] = super()._deserialize(value, attr, data, **options)
        return [article_in(each) for each in loaded]

    def plain(self, value: Any) -> list[Article] | None:
        """Return the articles of a list that is plainly valid, else None; looked at all together, which is quicker."""
        if type(value) is not list or not 0 < len(value) <= self._most:
            return None
        try:
            ids = [each["id"] for each in value]
            accesses = [_ACCESSES[each.get("access", _METERED)] for each in value]
            features = [each.get("feature") for each in value]
            fits = (
                _ARTICLE.issuperset(chain.from_iterable(value))
                and _are_plain(ids)
                and all(map(self._fits, set(features)))
            )
        except (TypeError, KeyError, AttributeError):  # a number for a text, a word that is not known, no object at all
            return None
        return [*map(Article, ids, accesses, features)] if fits else None

    def _fits(self, feature: str | None) -> bool:
        return feature is None or self._feature.fullmatch(feature) is not None


def _are_plain(ids: list[str]) -> bool:
    """Tell whether all are printable ASCII and of a length that ids have; raises TypeError when one is no text."""
    lengths, together = {*map(len, ids)}, "".join(ids)
    return min(lengths) > 0 and max(lengths) <= ID_MOST and together.isascii() and together.isprintable()


def article_in(loaded: Mapping[str, Any]) -> Article:
    """Return the article that the schema has loaded."""
    return Article(loaded["id"], _ACCESSES[loaded["access"]], loaded["feature"])
