"""Marshmallow fields that let nothing through which PostgreSQL, UTF-8 or a log line cannot hold."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from service.domain.decision import Access
from service.exemptions.tokens import MOST_NAME, NAME

_CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f]")
_CONTROL_BUT_LINES = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]")
_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_PATTERN_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDECODABLE = "\ufffd"
_ARTICLE_FIELDS = frozenset({"id", "access", "feature"})
_ACCESSES = frozenset[str](Access)
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
        super().__init__(most=200, **options)

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
    """An IPv4 or IPv6 address, as text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(most=45, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            ipaddress.ip_address(text)
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
    they skip it; one that is not sends them all the long way, which knows every rule and every message.
    """

    _id = re.compile(r"[!-~]{1,200}")
    _feature = re.compile(r"[a-z0-9_]{1,40}")

    def __init__(self, article: type[Schema], *, most: int, **options: Any) -> None:
        super().__init__(fields.Nested(article), validate=validate.Length(max=most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> list[Any]:
        if type(value) is list and all(map(self._is_plain, value)):
            return [{"access": Access.METERED.value, "feature": None} | each for each in value]
        return super()._deserialize(value, attr, data, **options)

    def _is_plain(self, value: Any) -> bool:
        if type(value) is not dict or not value.keys() <= _ARTICLE_FIELDS:
            return False
        article_id, access, feature = value.get("id"), value.get("access", Access.METERED), value.get("feature")
        return (
            type(article_id) is str
            and self._id.fullmatch(article_id) is not None
            and isinstance(access, str)
            and access in _ACCESSES
            and (feature is None or (type(feature) is str and self._feature.fullmatch(feature) is not None))
        )
