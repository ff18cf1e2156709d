"""What staff did is told in words, with who did it by name."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from service.domain.staff_acts import StaffAct
from service.store import staff
from service.store.api_keys import ApiKeyStore, Scope
from service.support.story.acts import act_told, names_of


@pytest.mark.parametrize(
    ("act", "detail", "told"),
    [
        ("account.sync", {"status": 303}, "Asked Stripe for the account's state."),
        ("account.sync", {"failed": "stripe_unavailable"},
         "Asked Stripe for the account's state: it failed (stripe unavailable)."),
        ("act.refund", {"invoice": "in_1", "given_back": {"display": "$2.90"}, "status": 201},
         "Refunded a payment (in_1, $2.90)."),
        ("act.grant.form", {}, "Looked at what this would do: gave courtesy access."),
        ("act.grant.preview", {"until": "x"}, "Looked at what this would do: gave courtesy access."),
        ("act.grant", {"preview": True}, "Looked at what this would do: gave courtesy access."),
        ("refund", {"invoice": "in_1", "status": 409}, "Refunded a payment (in_1): refused (409)."),
        ("refund.asked", {"invoice": "in_1"},
         "Refunded a payment (in_1): it was asked for, and what came of it is not on record."),
        ("reader.merge_accounts", None, "Reader merge accounts."),
    ],
)  # fmt: skip
def test_an_act_is_told_in_words(act: str, detail: dict[str, Any] | None, told: str) -> None:
    """What was done, to what, and whether it failed; an act of tomorrow by its own name."""
    assert act_told(act, detail) == told


def test_every_act_of_staff_has_words_of_its_own() -> None:
    """None is told by the name that only the code uses."""
    assert [each for each in StaffAct if act_told(f"act.{each}", {}).startswith("Act ")] == []


def test_who_acted_has_a_name(engine: Engine) -> None:
    """Staff and keys by what people call them; who is gone, or is no person, as the log has it."""
    with engine.begin() as connection:
        ada = staff.welcome(connection, "https://id", "ada", None, email="a@daily.example", name="Ada", role="agent")
        bob = staff.welcome(connection, "https://id", "bob", None, email="b@daily.example", name=None, role="agent")
    made = ApiKeyStore(engine).create_key("our site", [Scope.SUPPORT_READ])
    (key,) = ApiKeyStore(engine).list()
    assert made
    actors = [f"staff:{ada.id}", f"staff:{bob.id}", f"key:{key.id}", "staff:999", "key:x", "command:root", "service"]
    with engine.connect() as connection:
        assert names_of(connection, actors) == {
            f"staff:{ada.id}": f"Ada (staff {ada.id})", f"staff:{bob.id}": f"b@daily.example (staff {bob.id})",
            f"key:{key.id}": f"API our site (key {key.id})", "staff:999": "staff:999", "key:x": "key:x",
            "command:root": "command:root", "service": "service",
        }  # fmt: skip
