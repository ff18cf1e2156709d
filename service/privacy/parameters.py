"""What statements about a person are told of them: each is written once, at import, and serves everybody.

Thirty tables' conditions take longer to build for one reader than the database takes to answer them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from sqlalchemy import BindParameter, ColumnElement, Text, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

Parameters = Mapping[str, Sequence[str]]


def _several(name: str) -> BindParameter[Sequence[str]]:
    return bindparam(name, type_=ARRAY(Text))


READER_IDS = _several("reader_ids")
CUSTOMER_IDS = _several("customer_ids")
VISITOR_IDS = _several("visitor_ids")
_VALUES = _several("values")
_QUOTED_VALUES = _several("quoted_values")
KEY_PATTERNS = _several("key_patterns")
ADDRESS_PATTERNS = _several("address_patterns")
QUOTED_NAMES = _several("quoted_names")
"""Names as they stand in an address, each a step of its path."""


def spelt(names: Sequence[str], words: Sequence[str]) -> dict[str, list[str]]:
    """Return the parameters by which text is found that has one of the names in it; `words` as they stand in a key."""
    values = sorted({spelling for name in names for spelling in _spellings(name)})
    addresses = {spelling.lower() for name in names for spelling in (name, quote(name, safe=""))}
    return {
        _VALUES.key: [each for each in values if '"' not in each],
        _QUOTED_VALUES.key: [each for each in values if '"' in each],
        KEY_PATTERNS.key: [_within(each) for each in words],
        ADDRESS_PATTERNS.key: [_within(each) for each in sorted(addresses)],
        QUOTED_NAMES.key: [quote(name, safe="") for name in names],
    }


def holds_word_of(text: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether a JSON text has one of the person's ids as a whole value, in whatever case or spelling.

    The text is cut at its quotes once: a pattern of all ids takes twice as long for ten of them, four times for 200.
    An id that has quotes itself is looked for in the whole text.
    """
    value = func.unnest(_VALUES).column_valued("value")
    lowered = func.array(select(func.lower(value)).scalar_subquery(), type_=ARRAY(Text))
    whole = func.string_to_array(func.lower(text), '"', type_=ARRAY(Text)).overlap(lowered)
    quoted = func.unnest(_QUOTED_VALUES).column_valued("quoted")
    torn = select(quoted).where(func.strpos(func.lower(text), func.lower(func.concat('"', quoted, '"'))) > 0)
    return or_(whole, and_(func.cardinality(_QUOTED_VALUES) > 0, torn.exists()))


def _spellings(name: str) -> Iterator[str]:
    for each in (name, name.lower()):  # an escaped Ö has another number than ö, which no database folds
        yield json.dumps(each)[1:-1]
        yield json.dumps(each, ensure_ascii=False)[1:-1]


def _within(word: str) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
