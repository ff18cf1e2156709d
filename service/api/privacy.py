"""All that is held on a reader: handed out."""

from __future__ import annotations

from dataclasses import replace

from service.api import schemas, support_shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.store.api_keys import Scope
from service.support.audit import Audited


def export_reader(services: Services, call: Call) -> Reply:
    """Return everything, as one document."""
    return answer(200, services.exports.export(call.path["reader_id"]))


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
    access=Scope.SUPPORT_READ,
)
