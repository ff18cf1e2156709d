"""All that is held on a reader: handed out, and erased."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.api import schemas, support_shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import instant
from service.api.services import Services
from service.privacy.erasure import Erased, Prospect
from service.privacy.stripe_steps import steps_at_stripe
from service.store.api_keys import Scope
from service.support.audit import Audited


def export_reader(services: Services, call: Call) -> Reply:
    """Return everything, as one document."""
    return answer(200, services.exports.export(call.path["reader_id"]))


def erase_reader(services: Services, call: Call) -> Reply:
    """Erase the reader, or tell what that would do; and what is left to be done at Stripe."""
    reader_id = call.path["reader_id"]
    if "preview" in call.query:
        return answer(200, _prospect(services.erasures.prospect(reader_id)))
    return answer(200, _erased(services.erasures.erase(reader_id, reason=call.query["reason"], trail=call.trail)))


def _prospect(prospect: Prospect) -> dict[str, Any]:
    found = prospect.obstacle
    return {
        "preview": True,
        "rows": dict(prospect.rows),
        "at_stripe": steps_at_stripe(prospect.customer_ids),
        "obstacle": {"code": found.code, "detail": found.detail} if found else None,
        "erased_before_at": None,
    }


def _erased(done: Erased) -> dict[str, Any]:
    return {
        "preview": False,
        "rows": dict(done.rows),
        "at_stripe": list(done.at_stripe),
        "obstacle": None,
        "erased_before_at": instant(done.before) if done.before else None,
    }


EXPORT_READER = Operation(
    method="GET",
    path="/v1/readers/{reader_id}/export",
    name="export_reader",
    tag="For the site",
    summary="All that is held on a reader",
    description=(
        "By table, each with what it is for; what Stripe sent is in it as it came, and who of the staff looked when. "
        "Articles that count against the allowance are known by keyed hashes alone, so their number is told. Big for "
        "a long-standing subscriber; nothing is left out."
    ),
    access=Scope.PRIVACY,
    view=export_reader,
    path_schema=schemas.ReaderPath,
    query_schema=schemas.ExportQuery,
    answers={200: support_shapes.Export},
    problems=("no_account", "database_unavailable"),
    slow=True,
    audited=Audited(act="account.export"),
)

EXPORT_ACCOUNT = replace(
    EXPORT_READER,
    path="/v1/support/accounts/{reader_id}/export",
    name="export_account",
    tag="For support",
    access=Scope.SUPPORT_WRITE,
    query_schema=schemas.StaffExportQuery,
)

ERASE_READER = Operation(
    method="DELETE",
    path="/v1/readers/{reader_id}",
    name="erase_reader",
    tag="For the site",
    summary="Erase a reader",
    description=(
        "Everything here that names them: rows, what Redis has, what Stripe sent, notes, what the audit log says. "
        "What stays is told in docs/privacy.md: amounts without a person, and keyed hashes. Refused while a "
        "subscription runs: cancel it first; a preview tells what is in the way. Stripe keeps its own; `at_stripe` "
        "says what to do there, with the customer's number, which is not kept: note it before you erase. Safe to "
        "repeat, and takes some seconds. It can't be undone."
    ),
    access=Scope.PRIVACY,
    view=erase_reader,
    path_schema=schemas.ReaderPath,
    query_schema=schemas.ErasureQuery,
    answers={200: support_shapes.Erasure},
    problems=(
        "no_account",
        "subscription_running",
        "work_under_way",
        "already_subscribed",
        "payment_processing",
        "account_merged",
        "erasure_incomplete",
        "database_unavailable",
        "stripe_unavailable",
    ),
    slow=True,
    audited=Audited(act="account.erase"),
    example_answer={
        "preview": False,
        "rows": {"accounts": 1, "events": 12, "invoices": 3},
        "at_stripe": ["Note cus_QfZ2e now: …"],
        "obstacle": None,
        "erased_before_at": None,
    },
)
