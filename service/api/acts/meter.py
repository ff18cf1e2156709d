"""The meter over the API."""

from __future__ import annotations

from service.api.acts.face import operation, view_of, wish_of
from service.domain.staff_acts import StaffAct
from service.support.acts.act import Wish

RESET_METER = operation(
    StaffAct.RESET_METER,
    method="POST",
    path="meter-resets",
    ahead=True,
    summary="Let a reader's free articles be counted from nothing",
    description="In the present window, for the reader and the browsers linked to them.",
    view=view_of(StaffAct.RESET_METER, lambda acts: acts.reset_meter, lambda call: Wish(**wish_of(call))),
    problems=("meter_unavailable", "database_unavailable"),
    example_body={"reason": "the article was opened by a preview"},
)
