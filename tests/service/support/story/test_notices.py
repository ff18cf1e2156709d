"""Staff see what a reader is to be told now, in the site's own words or nearly, and whether the site knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.support.story.notices import notices_shown
from webhooks.snapshot import InvoiceFacts

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SOON = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)


def shown(snapshot: Any, told: Any = ()) -> list[tuple[str, str | None, datetime | None]]:
    return [(each.says, each.pay_url, each.told_at) for each in notices_shown(snapshot, told, PARIS, NOW)]


def test_each_kind_is_a_sentence(make_snapshot: Callable[..., Any], make_subscription: Callable[..., Any]) -> None:
    """With the day in the publication's zone and the amount; nothing of who has nothing to be told."""
    trial = make_subscription(status="trialing", trial_end_at=SOON)
    assert shown(make_snapshot(trial)) == [("The trial ends on 16 November, and $2.90 is charged then.", None, None)]
    year = make_subscription(interval="year", period_end_at=SOON)
    assert shown(make_snapshot(year)) == [("The subscription renews on 16 November, for $2.90.", None, None)]
    failed = make_snapshot(make_subscription(status="past_due"), invoices=(due(SOON), due(None)))
    assert [each[0] for each in shown(failed)] == [
        "A payment of $2.90 did not go through, and is tried again on 16 November.",
        "A payment of $2.90 did not go through, and is not tried again by itself.",
    ]
    assert shown(failed)[0][1] == "https://invoice.stripe.com/i/1"
    assert shown(make_snapshot(make_subscription())) == shown(None) == []


def test_since_when_the_site_knows_is_told(
    make_snapshot: Callable[..., Any], make_subscription: Callable[..., Any]
) -> None:
    """By the notice's id: another one that it learned says nothing of this."""
    failed = make_snapshot(make_subscription(status="past_due"), invoices=(due(None),))
    others = {"id": "payment_due:in_1:1", "told_at": NOW - timedelta(days=3)}
    mine = {"id": "payment_due:in_1:2", "told_at": NOW}
    assert shown(failed, [others])[0][2] is None
    assert shown(failed, [others, mine])[0][2] == NOW


def due(next_attempt_at: datetime | None) -> InvoiceFacts:
    return InvoiceFacts(
        id="in_1", number=None, subscription_id="sub_1", status="open", billing_reason=None, currency="usd",
        amount_due_minor=290, amount_paid_minor=0, attempt_count=2, next_attempt_at=next_attempt_at, created_at=NOW,
        paid_at=None, period_start_at=NOW, period_end_at=NOW + timedelta(days=30),
        hosted_url="https://invoice.stripe.com/i/1",
    )  # fmt: skip
