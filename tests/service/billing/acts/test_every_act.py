"""What holds for every act, by both faces: a reason, an effect told before anything changes, once, one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from service.access.readers import Readers
from service.domain.staff import Role
from service.domain.staff_acts import StaffAct
from service.store.audit import AuditQuery
from service.store.tables import accounts

REASON = "asked for by letter"


def nothing(_faces: Any) -> dict[str, Any]:
    return {}


def courtesy(faces: Any) -> dict[str, Any]:
    return {"until": (faces.now() + timedelta(days=7)).isoformat()}


def a_grant(faces: Any) -> dict[str, Any]:
    return {"grant": faces.api("POST", "r-1/grants", reason="x", **courtesy(faces)).json["id"]}


def subscribed(faces: Any, plan: str = "monthly") -> dict[str, Any]:
    faces.shop.subscribe(plan=plan)
    return {}


def cancelled(faces: Any) -> dict[str, Any]:
    faces.shop.subscribe()
    assert faces.api("POST", "r-1/cancellation", reason="x").status_code == 200
    return {}


def paid(faces: Any) -> dict[str, Any]:
    faces.shop.subscribe(plan="annual")
    return {"invoice": faces.account()["invoices"][0]["id"]}


def held(faces: Any) -> dict[str, Any]:
    faces.shop.subscribe(plan="annual")
    (charge,) = faces.shop.client.v1.charges.list({"customer": faces.account()["customer_id"]}).data
    dispute = faces.shop.lever("disputes", charge=charge.id)["id"]
    faces.shop.services.staff_sync.sync("r-1")
    return {"hold": dispute}


def two_accounts(faces: Any) -> dict[str, Any]:
    assert faces.api("POST", "r-2/grants", reason="x", **courtesy(faces)).status_code == 201
    return {"other": "r-2"}


def counted(faces: Any) -> dict[str, Any]:
    faces.reads(consume=True)
    return {}


@dataclass(frozen=True)
class Case:
    """One act: what there must be first, which also fills in what it is about; its route, and what else it asks."""

    which: StaffAct
    path: str
    first: Callable[[Any], dict[str, Any]] = nothing
    method: str = "POST"
    asked: dict[str, Any] = field(default_factory=dict)
    reason_may_lack: bool = False
    word: str = "reason"

    @property
    def act(self) -> str:
        return f"act.{self.which.value}"


CASES = (
    Case(StaffAct.NOTE, "notes", word="body"),
    Case(StaffAct.GRANT, "grants", courtesy),
    Case(StaffAct.REVOKE_GRANT, "grants/{grant}", a_grant, "DELETE", reason_may_lack=True),
    Case(StaffAct.RESET_METER, "meter-resets", counted),
    Case(StaffAct.ADD_ARTICLES, "meter-additions", asked={"articles": 3}),
    Case(StaffAct.CANCEL, "cancellation", subscribed, asked={"when": "period_end"}),
    Case(StaffAct.UNDO_CANCELLATION, "cancellation", cancelled, "DELETE"),
    Case(StaffAct.REFUND, "refunds", paid),
    Case(StaffAct.CHANGE_PLAN, "plan-changes", subscribed, asked={"plan": "annual"}),
    Case(StaffAct.RELEASE_HOLD, "hold-releases", held),
    Case(StaffAct.MERGE, "merges", two_accounts),
)
BY_FORM = [each for each in CASES if each.which is not StaffAct.NOTE]
"""A note asks for nothing before it is written, as it changes nothing for the reader."""


def test_every_act_is_tried() -> None:
    """A new one is not forgotten here."""
    assert [each.which for each in CASES] == list(StaffAct)


def known(faces: Any) -> None:
    """Make the reader's account, without an open checkout, which would stand in the way of some acts."""
    with faces.shop.core.engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-1"))


def account(faces: Any) -> Any:
    """Return what is known of the reader, but for when it was looked at."""
    return {name: value for name, value in faces.account().items() if name != "sources"}


def entries(faces: Any, act: str) -> list[Any]:
    """Return what the log has of the act's having been done, or asked for where that stands alone."""
    rows = faces.shop.services.audit.page(AuditQuery()).rows
    return [row for row in rows if row["act"] == act and not row["detail"].get("preview")]


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.which.value)
def test_over_the_api(faces: Any, case: Case) -> None:
    """Asked again without a reason (recorded where none is needed); a preview changes nothing; a key acts once."""
    known(faces)
    about = case.first(faces)
    path = f"r-1/{case.path.format(**about)}"
    asked = {**case.asked, **({} if "{" in case.path else about)}
    before, done_before = account(faces), len(entries(faces, case.act))
    lacking = faces.api(case.method, path, preview=True, **asked)
    assert (lacking.status_code, case.word in lacking.text) == ((200, False) if case.reason_may_lack else (422, True))
    seen = faces.api(case.method, path, preview=True, **asked, **{case.word: REASON})
    assert (seen.status_code, seen.json["preview"], bool(seen.json["effect"])) == (200, True, True), seen.text
    assert account(faces) == before
    first, again = (faces.api(case.method, path, key="k-1", **asked, **{case.word: REASON}) for _ in range(2))
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")
    assert account(faces) != before
    (entry, *older) = entries(faces, case.act)
    assert len(older) == done_before
    assert REASON in {entry["reason"], entry["detail"].get("body")}


@pytest.mark.parametrize("case", BY_FORM, ids=lambda each: each.which.value)
def test_in_the_console(faces: Any, case: Case, read_words: Any, hidden_in: Any) -> None:
    """The form comes back without a reason; the confirmation changes nothing; sent twice, it acts once, on record."""
    known(faces)
    about = case.first(faces)
    slug = case.which.value.replace("_", "-")
    asked = case.asked | about | ({"until": about["until"][:10]} if "until" in about else {})
    admin = faces.colleague(Role.ADMIN)
    before, act = account(faces), f"act.{case.which.value}"
    done_before = len(entries(faces, act))
    lacking = admin.preview(slug, **asked)
    assert (lacking.status_code, "reason: Missing" in lacking.text) == (422, True)
    page = admin.preview(slug, **asked, reason=REASON)
    assert page.status_code == 200, page.text
    assert read_words(page)
    assert account(faces) == before
    form = hidden_in(page)
    assert admin.post(f"/support/accounts/r-1/acts/{slug}", **(form | {"reason": ""})).status_code == 422
    assert account(faces) == before
    answers = [admin.post(f"/support/accounts/r-1/acts/{slug}", **form) for _ in range(2)]
    assert {(each.status_code, each.location) for each in answers} == {(303, f"/support/accounts/r-1?done={slug}")}
    assert account(faces) != before
    (entry, *older) = entries(faces, act)
    assert (len(older), entry["reason"], "once" in entry["detail"]) == (done_before, REASON, False)


def test_a_grant_ended_without_a_reason_says_so(faces: Any) -> None:
    """The contract shows that route without a body, and others call it so."""
    known(faces)
    grant = a_grant(faces)["grant"]
    assert faces.app.test_client().delete(
        f"/v1/support/accounts/r-1/grants/{grant}", headers={"Authorization": f"Bearer {faces.key}"}
    ).status_code == 200  # fmt: skip
    assert [each["reason"] for each in entries(faces, "act.revoke_grant")] == ["(none given)"]


@pytest.mark.parametrize(
    ("path", "first", "asked"),
    [("grants", courtesy, {}), ("notes", nothing, {"body": REASON}), ("refunds", paid, {})],
    ids=["grants", "notes", "refunds"],
)
def test_what_is_done_is_not_called_undone_because_its_effect_can_not_be_read(
    faces: Any, monkeypatch: pytest.MonkeyPatch, path: str, first: Any, asked: dict[str, Any]
) -> None:
    """PostgreSQL goes right after the act: it is told as done, and its repeat under the same key does not act again."""
    known(faces)
    asked = asked or {"reason": REASON, **first(faces)}
    with monkeypatch.context() as broken:
        broken.setattr(Readers, "state", gone_once_asked)
        done = faces.api("POST", f"r-1/{path}", key="k-1", **asked)
    again = faces.api("POST", f"r-1/{path}", key="k-1", **asked)
    assert (done.status_code, done.json["reader_status"]) == (201, None), done.text
    assert (again.json, again.headers["Idempotent-Replayed"]) == (done.json, "true")
    assert len(faces.account()[path]) == 1
    assert [each["detail"].get("failed") for each in entries(faces, f"act.{path.rstrip('s')}")] == [None]


def gone_once_asked(*_: Any) -> Any:
    raise OperationalError("select", {}, Exception("the server closed the connection unexpectedly"))
