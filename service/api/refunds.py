"""`/v1/support/accounts/{reader_id}/refunds`: money back, by a person's decision."""

from __future__ import annotations

from service.api import schemas, support_shapes
from service.api.acts.face import status_of, wish_of
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.domain.refunds import RefundRequest
from service.domain.staff_acts import StaffAct, audited_as
from service.store.api_keys import Scope
from service.support.acts.refunding import RefundWish
from service.support.audit import Audited


def refund(services: Services, call: Call) -> Reply:
    """Refund an invoice's payment, 201, or return the refund that this request has made before, or a preview, 200."""
    if call.body["preview"]:
        return _preview(services, call)
    found = services.refunds.refund(
        RefundRequest(
            reader_id=call.path["reader_id"],
            invoice_id=call.body["invoice"],
            amount_minor=call.body["amount"],
            reason=call.body["reason"],
            asked_by=call.trail.actor,
        )
    )
    value = {
        "preview": False,
        "effect": [f"{found.amount.display} is given back; {found.left.display} is left."],
        "quote": {},
        "id": found.id,
        "invoice": found.invoice_id,
        "status": found.status,
        "amount": found.amount.to_json(),
        "left": found.left.to_json(),
        "reader_status": status_of(services, call.path["reader_id"], done=True),
    }
    return answer(201 if found.created else 200, value)


def _preview(services: Services, call: Call) -> Reply:
    """Tell what the refund would do; nothing changes."""
    wish = RefundWish(invoice_id=call.body["invoice"], amount_minor=call.body["amount"], **wish_of(call))
    quote, effect = services.refunds.quote(wish.request()), services.acts.give_back.effect(wish)
    value = {
        "preview": True,
        "effect": list(effect.words),
        "quote": dict(effect.quote),
        "id": quote.repeats,
        "invoice": wish.invoice_id,
        "status": None,
        "amount": quote.amount.to_json(),
        "left": quote.left.to_json(),
        "reader_status": status_of(services, wish.reader_id, done=False),
    }
    return answer(200, value)


REFUND = Operation(
    method="POST",
    path="/v1/support/accounts/{reader_id}/refunds",
    name="refund",
    tag="For support",
    summary="Refund an invoice, whole or in part",
    description=(
        "Without `amount` all that is left. The same invoice, amount and reason is the same refund, however often it "
        "is asked for (200): for a second one of the same amount, give another reason. A refund cancels nothing; one "
        "of the running period's whole payment ends access if plans.yaml says so, a partial one never does. With "
        "`preview` nothing changes, and `effect` says what would."
    ),
    access=Scope.SUPPORT_WRITE,
    view=refund,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.RefundCreate,
    answers={201: support_shapes.Refund, 200: support_shapes.Refund},
    problems=(
        "no_account",
        "no_invoice",
        "nothing_to_refund",
        "refund_too_large",
        "stripe_refused",
        "stripe_unavailable",
    ),
    slow=True,
    idempotent=True,
    audited=Audited(act=audited_as(StaffAct.REFUND), ahead=True),
    example_body={"invoice": "in_1QfZ2e", "amount": 290, "reason": "charged after cancelling by telephone"},
    example_answer={
        "preview": False,
        "effect": ["$2.90 is given back; $0.00 is left."],
        "quote": {},
        "id": "re_3QfZ2e",
        "invoice": "in_1QfZ2e",
        "status": "succeeded",
        "amount": {"amount": 290, "currency": "usd", "display": "$2.90"},
        "left": {"amount": 0, "currency": "usd", "display": "$0.00"},
        "reader_status": "held",
    },
)
