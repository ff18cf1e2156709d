"""Every change of access is told in a sentence that a non-programmer reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.domain.vocabulary import Entitlement, GrantKind, Status
from service.support.story.changes import change_told
from service.support.story.dates import Dates

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
DATES = Dates(ZoneInfo("Europe/Berlin"), NOW)
PAID = Entitlement(
    status=Status.ACTIVE, cause=GrantKind.SUBSCRIPTION, plan="monthly", features=("ad_free",),
    until=datetime(2026, 12, 3, 9, tzinfo=UTC), horizon=None, renews=True, subscription_id="sub_1", rule="active",
)  # fmt: skip
TRIAL = replace(PAID, status=Status.TRIALING, cause=GrantKind.TRIAL, rule="trialing")
GRACE = replace(PAID, status=Status.GRACE, cause=GrantKind.GRACE, renews=False, rule="past_due_renewal")
CANCELLED = replace(PAID, status=Status.CANCELLING, renews=False, rule="cancelling")
ENDED = replace(PAID, status=Status.ENDED, cause=None, features=(), renews=False, rule="canceled")
HELD = replace(ENDED, status=Status.HELD, rule="held_dispute")
GIVEN = replace(PAID, status=Status.COURTESY, cause=GrantKind.COURTESY, plan=None, rule="given_courtesy")
NOTHING = replace(ENDED, status=Status.NONE, plan=None, until=None, rule="no_subscription")
NEXT_YEAR = datetime(2027, 1, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, TRIAL, "A trial of monthly began; it runs until 3 December."),
        (TRIAL, PAID, "The trial is over, and the subscription runs until 3 December."),
        (None, PAID, "Subscribed to monthly: paid until 3 December."),
        (PAID, replace(PAID, until=NEXT_YEAR), "Renewed: it runs until 3 January 2027."),
        (PAID, replace(PAID, plan="annual"), "The plan changed from monthly to annual; it runs until 3 December."),
        (HELD, replace(HELD, until=NEXT_YEAR), "What was sold now runs until 3 January 2027; access stays closed."),
        (HELD, replace(HELD, plan="annual"), "The plan changed from monthly to annual; there is no access as before."),
        (PAID, replace(PAID, features=("ad_free", "archives")), "What is open changed: now ad free, archives."),
        (PAID, replace(PAID, horizon=NEXT_YEAR), ("The renewal due on 3 December has not come yet; access continues "
         "until 3 January 2027 at the latest.")),
        (PAID, replace(PAID, renews=False), "Details changed at Stripe; what may be read did not."),
        (PAID, GRACE, "A payment failed; access continues until 3 December (grace)."),
        (TRIAL, replace(GRACE, rule="past_due_first_payment"),
         "The first payment failed; access continues until 3 December (grace)."),
        (GRACE, PAID, "The payment came through: paid until 3 December."),
        (GRACE, replace(ENDED, rule="past_due_renewal"), "The grace ran out without a payment: no access."),
        (PAID, CANCELLED, "Cancelled: access runs until 3 December, with no further charge."),
        (CANCELLED, PAID, "The cancellation was undone: paid until 3 December."),
        (replace(CANCELLED, cause=GrantKind.TRIAL), TRIAL,
         "The cancellation was undone: the trial runs until 3 December and then renews."),
        (CANCELLED, ENDED, "The subscription ended: no access."),
        (PAID, HELD, "A payment was disputed at the reader's bank: access is closed."),
        (HELD, PAID, "The hold is gone and access is open again: paid until 3 December."),
        (HELD, replace(HELD, rule="held_refund"),
         "The reason changed: What was paid for was refunded whole: access is closed."),
        (NOTHING, GIVEN, "Staff gave access until 3 December; nothing is charged."),
        (GIVEN, replace(GIVEN, until=NEXT_YEAR), "Access given by staff now runs until 3 January 2027."),
        (GIVEN, NOTHING, "What staff gave has run out or was revoked: no access."),
        (None, NOTHING, "No subscription, and nothing given by staff."),
        (PAID, replace(ENDED, status=Status.PAUSED, rule="paused"),
         "Paused at Stripe, as a trial that ended without a card is: no access, and no charge."),
    ],
)  # fmt: skip
def test_a_change_is_told_as_people_would(before: Any, after: Entitlement, told: str) -> None:
    """What happened to the reader, until when, and what it means."""
    assert change_told(before, after, DATES) == told


def test_no_change_is_without_words() -> None:
    """From anything to anything, and from one date to the next: a sentence, with no code's name in it."""
    states = [PAID, TRIAL, GRACE, CANCELLED, ENDED, HELD, GIVEN, NOTHING, replace(ENDED, status=Status.PAUSED)]
    later = [replace(each, until=NOW + timedelta(days=40), rule="something_new") for each in states]
    for before, after in product([None, *states], [*states, *later]):
        told = change_told(before, after, DATES)
        assert told[0].isupper()
        assert told.endswith(".")
        assert "_" not in told
        assert "None" not in told
