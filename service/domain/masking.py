"""Stripe's payloads as people may see them: what is not known to be harmless is masked. Pure.

An allow-list: a text stays only if it is an id, one of Stripe's words, a version, an instant or a path of its API, so
that a member which Stripe adds tomorrow is masked until somebody looks at it. Where people type, or are described,
nothing stays. Of a card its brand, its last four digits and its kind stay (PCI DSS 4.0.1, requirement 3.4).

Member names are those of Stripe's API 2026-10-28.endive, and of the objects nested in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "[masked]"
MOST_NESTED = 40
"""Stripe nests ten deep; what is deeper is nobody's payload, and would only cost us our stack."""
OURS = "newsstand_"
"""How the names of our own metadata begin."""

_PEOPLE = frozenset({
    "address", "billing_address", "billing_details", "collected_information", "consent", "custom_fields",
    "custom_text", "customer_address", "customer_details", "customer_shipping", "customer_tax_ids", "dob", "evidence",
    "individual", "owner", "shipping", "shipping_address", "shipping_details", "tax_ids", "verification",
})  # fmt: skip
"""Members that describe somebody, or that somebody has filled in."""

_NEVER = re.compile(
    r"secret|token|password|fingerprint|email|phone|_ip$|^ip$|name$|nickname|address|city|postal|line\d|description|"
    r"descriptor|comment|message|signature|_url$|number$|^value$|iban|^iin$|^exp_(month|year)$|dynamic_last4|"
    r"authorization_code|transaction_id|transaction_link|user_agent|client_reference|payer|buyer|holder|cashtag|"
    r"cryptogram|^emv_|sort_code|swift|^bic$|bank_code|branch_code|^vpa$|tax_id$|^state$|footer|headline"
)
"""Members whose value is a secret or somebody's, whatever it looks like."""

_SECRET = re.compile(r"(^|_)(sk|rk|ek|pk|whsec|secret)_")
_HARMLESS = re.compile(
    r"[a-z]{2,12}(_[a-z]{2,10})*_[A-Za-z0-9]{3,250}"  # an id: sub_1Pgc6r, cs_test_a1YS1U
    r"|[a-z][a-z0-9_.]{0,79}"  # a word: requires_payment_method, invoice.paid
    r"|[A-Z]{2}"  # a country
    r"|\d{4}-\d{2}-\d{2}(\.[a-z]{1,30})?"  # an API version
    r"|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z"  # an instant
    r"|/v[12](/[A-Za-z0-9_]{1,250}){1,6}"  # where an object is read
)
_DECIMAL = re.compile(r"-?\d{1,10}(\.\d{1,12})?")
_LAST_FOUR = re.compile(r"\d{4}")
_MEMBER = re.compile(r"[a-z0-9_]{1,64}")


def masked(payload: Any) -> Any:
    """Return JSON values of the same form, in which what may be a secret or somebody's reads `[masked]`."""
    return _masked(payload, "", 0)


def _masked(value: Any, member: str, depth: int) -> Any:
    if depth > MOST_NESTED:
        return MASK
    if isinstance(value, dict):
        return _object(value, member, depth)
    if isinstance(value, list):
        return [_masked(each, member, depth + 1) for each in value]
    return value if _may_stay(value, member) else MASK


def _object(value: Mapping[str, Any], member: str, depth: int) -> dict[str, Any]:
    hide = _hidden if member in _PEOPLE else _metadata if member == "metadata" else _masked
    return {_key(name): hide(each, name, depth + 1) for name, each in value.items()}


def _hidden(value: Any, member: str, depth: int) -> Any:
    """Keep the form alone: which members there are, and which of them are empty."""
    if depth > MOST_NESTED:
        return MASK
    if isinstance(value, dict):
        return {_key(name): _hidden(each, name, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, member, depth + 1) for each in value]
    return value if _is_nothing(value) else MASK


def _metadata(value: Any, member: str, depth: int) -> Any:
    """Keep what we have written ourselves; what others keep at Stripe is theirs."""
    return _masked(value, member, depth) if member.startswith(OURS) else _hidden(value, member, depth)


def _may_stay(value: Any, member: str) -> bool:
    if _is_nothing(value):
        return True
    if member in _PEOPLE or _NEVER.search(member):
        return False
    return _text_may_stay(value, member) if isinstance(value, str) else True


def _text_may_stay(value: str, member: str) -> bool:
    if member == "last4":
        return _LAST_FOUR.fullmatch(value) is not None
    if member.endswith("_decimal"):
        return _DECIMAL.fullmatch(value) is not None
    return _HARMLESS.fullmatch(value) is not None and _SECRET.search(value) is None


def _is_nothing(value: Any) -> bool:
    return value is None or isinstance(value, bool) or value == ""


def _key(name: str) -> str:
    """Return a member's name; one that Stripe would not give is a text that somebody chose."""
    return name if _MEMBER.fullmatch(name) else MASK
