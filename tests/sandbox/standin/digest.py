"""Make shapes.json: the members of every object that the stand-in emits, from the SDK's own class annotations.

Run it after a new SDK version: `python tests/sandbox/standin/digest.py [folder of example objects]`. With examples
(Stripe's public OpenAPI fixtures, one `<object name>.json` each) it also notes which members they always carry.

A member is `{"type": ..., "optional": bool}`; types: str, int, float, bool, map, any, object (with `fields`), list and
page (with `of`), ref (an id, or the object), or the name of another object.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import stripe

SDK = Path(stripe.__file__).parent
TARGET = Path(__file__).with_name("shapes.json")
FILES = (
    "_product", "_price", "_plan", "_customer", "_payment_method", "_setup_intent", "_payment_intent", "_charge",
    "_subscription", "_subscription_item", "_invoice", "_invoice_line_item", "_invoice_item", "_invoice_payment",
    "_line_item", "_event", "_webhook_endpoint", "checkout/_session", "billing_portal/_session",
    "billing_portal/_configuration", "test_helpers/_test_clock", "_refund", "_dispute", "_coupon", "_promotion_code",
    "_discount", "_customer_balance_transaction", "_balance_transaction", "radar/_early_fraud_warning",
    "v2/core/_event", "v2/core/_event_destination",
)  # fmt: skip
PLAIN = {"str": "str", "int": "int", "float": "float", "bool": "bool", "Decimal": "str", "Any": "any"}
# Payment methods of other kinds than cards; of those the stand-in sends none.
UNUSED_DEPTH = {"payment_method_options", "next_action", "fraud_details", "last_setup_error", "level3"}
# Members that the examples show but that appear only when asked for, or when a feature is in use.
ON_DEMAND = {("charge", "refunds"), ("charge", "source"), ("payment_intent", "source"), ("customer", "deleted")}


class Digest:
    """The members of one class, nested classes by name."""

    def __init__(self, body: ast.ClassDef) -> None:
        self._nested = {each.name: each for each in body.body if isinstance(each, ast.ClassDef)}
        self._body = body

    def fields(self) -> dict[str, Any]:
        found = {}
        for each in self._body.body:
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                continue
            if "ClassVar" not in ast.unparse(each.annotation):
                found[each.target.id] = self._member(each.target.id, each.annotation)
        return found

    def _member(self, name: str, annotation: ast.expr) -> dict[str, Any]:
        optional, inner = False, annotation
        if isinstance(inner, ast.Subscript) and ast.unparse(inner.value) == "Optional":
            optional, inner = True, inner.slice
        return {**self._type(name, inner), "optional": optional}

    def _type(self, name: str, node: ast.expr) -> dict[str, Any]:
        if isinstance(node, ast.Constant):
            return {"type": _object_name(str(node.value))}
        if isinstance(node, ast.Name) and node.id in self._nested:
            if name in UNUSED_DEPTH:
                return {"type": "any"}
            return {"type": "object", "fields": Digest(self._nested[node.id]).fields()}
        if isinstance(node, ast.Name):
            return {"type": PLAIN[node.id]}
        assert isinstance(node, ast.Subscript), ast.unparse(node)
        return self._generic(name, node)

    def _generic(self, name: str, node: ast.Subscript) -> dict[str, Any]:
        outer, inner = ast.unparse(node.value), node.slice
        if outer in ("List", "ListObject"):
            return {"type": "list" if outer == "List" else "page", "of": self._type(name, inner)}
        if outer == "ExpandableField":
            return {"type": "ref", "to": _object_name(str(inner.value)) if isinstance(inner, ast.Constant) else "any"}
        if outer == "UntypedStripeObject":
            return {"type": "map"}
        values = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
        if outer in ("Literal", "Union") and all(isinstance(each, str) for each in values):
            closed = {"enum": sorted(values)} if 0 < len(values) <= 12 and "Literal" in ast.unparse(node) else {}
            return {"type": "str" if "Literal" in ast.unparse(node) else "any", **closed}
        return {"type": "any" if outer == "Union" else "bool"}


_NAMES: dict[str, str] = {}


def _object_name(class_name: str) -> str:
    return _NAMES.get(class_name, "any")


def _main_class(path: Path) -> ast.ClassDef:
    classes = [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ClassDef)]
    return next(each for each in classes if "OBJECT_NAME" in ast.unparse(each))


def _own_name(body: ast.ClassDef) -> str:
    assigned = next(
        each
        for each in body.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == "OBJECT_NAME"
    )
    assert assigned.value is not None
    return str(ast.literal_eval(assigned.value))


def main() -> None:
    """Write shapes.json."""
    classes = [_main_class(SDK / f"{each}.py") for each in FILES]
    for file, body in zip(FILES, classes, strict=True):
        if "/" not in file:  # `Session` names two classes; neither is referred to by the objects here
            _NAMES[body.name] = _own_name(body)
    _NAMES["TestClock"] = "test_helpers.test_clock"
    digest = {}
    for body in classes:
        name = _own_name(body)
        digest[name] = {"fields": Digest(body).fields(), "present": _present(name, Digest(body).fields())}
    lines = [f"{json.dumps(name)}: {json.dumps(shape, sort_keys=True)}" for name, shape in sorted(digest.items())]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _present(name: str, fields: dict[str, Any]) -> list[str]:
    if len(sys.argv) < 2:
        kept: list[str] = json.loads(TARGET.read_text()).get(name, {}).get("present", [])
        return kept
    example = Path(sys.argv[1]) / f"{name}.json"
    members = json.loads(example.read_text()) if example.exists() else {}
    return sorted(each for each in members if each in fields and (name, each) not in ON_DEMAND)


if __name__ == "__main__":
    main()
