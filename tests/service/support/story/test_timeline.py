"""A reader's timeline over the real record: five sources in one order, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from service.access.question import Question
from service.access.told_notices import ToldNotices
from service.clocks import wall_clock
from service.domain.decision import Article
from service.domain.money import Money
from service.domain.notices import Notice, NoticeKind
from service.errors import NotFound
from service.store.tables import accounts
from service.support.audit import Audit, Entry
from service.support.story.timeline import Kind, Only, Timeline, TimelinePage
from webhooks.tables import customer_syncs, events

EVENT = (
    b'{"object": "event", "id": "evt_1", "type": "invoice.payment_failed", "livemode": false, "data": {"object": {}}}'
)


@pytest.fixture
def timeline(parts: Any) -> Timeline:
    return Timeline(parts.engine, parts.catalog.zone)


@pytest.fixture
def lived(parts: Any, make_snapshot: Callable[..., Any], make_subscription: Callable[..., Any]) -> Any:
    """A reader who read as a visitor, met a wall, signed in, subscribed, failed to pay, and was helped."""
    parts.gate.decide(asked("a-1", visitor_id="v-1"))
    parts.gate.decide(asked("a-2", visitor_id="v-1"))
    parts.links.link("r-1", "v-1", now=parts.clock())
    parts.gate.decide(asked("a-3", reader_id="r-1"))
    parts.journal.close()
    parts.apply(make_snapshot(make_subscription()))
    failed = make_subscription(status="past_due", period_end_at=parts.clock() + timedelta(days=60))
    paid = invoice(parts.clock())
    parts.apply(make_snapshot(failed, invoices=(paid,), fetched_at=parts.clock()))
    store_event(parts.engine, "evt_1", "cus_1")
    due = Notice(id="payment_due:in_1:1", kind=NoticeKind.PAYMENT_DUE, at=None, amount=Money(290, "usd"))
    ToldNotices(parts.engine, business_clock=parts.clock, wall_clock=wall_clock).note("r-1", [due])
    audit = Audit(parts.engine, wall_clock)
    with parts.engine.begin() as connection:
        audit.record(connection, entry("refund.asked", request_id="req-1"))
        audit.record(connection, entry("refund", request_id="req-1", detail={"invoice": "in_1", "status": 201}))
        audit.record(connection, entry("account.read", request_id="req-2"))
        audit.record(connection, entry("act.grant.preview", request_id="req-4"))
        audit.record(connection, entry("act.grant", request_id="req-5", detail={"preview": True}))
        audit.record(connection, entry("account.sync.asked", request_id="req-3"))
        audit.record(connection, replace(entry("refund"), subjects=("r-other",)))
    return parts


@pytest.mark.usefixtures("lived")
def test_a_life_is_told_in_its_order(timeline: Timeline) -> None:
    """From every source, newest first; a browser's reads before it was anybody's are the reader's."""
    told = timeline.page("r-1").moments
    assert [(each.kind, each.says) for each in told] == [
        (Kind.ACT, "Asked Stripe for the account's state: it was asked for, and what came of it is not on record."),
        (Kind.ACT, "Refunded a payment (in_1)."),
        (Kind.NOTICE, ("The site was told to say: a payment of $2.90 did not go through, and is not tried again "
                       "by itself.")),
        (Kind.EVENT, "A payment failed."),
        (Kind.ACCESS, "A payment failed; access continues until 17 December (grace)."),
        (Kind.ACCESS, "Subscribed to monthly: paid until 10 December."),
        (Kind.WALL, ("Met the wall at “a-3” and was asked to subscribe: 1 of 1 free articles were used up in "
                    "November 2026.")),
        (Kind.WALL, ("Met the wall at “a-2” and was asked to subscribe: 1 of 1 free articles were used up in "
                    "November 2026.")),
        (Kind.READ, "Read “a-1” as free article 1 of 1 in November 2026."),
    ]  # fmt: skip
    assert (told[1].why, told[1].by) == ("charged twice", "staff:7")
    assert told[3].why == "Not applied yet; it waits its turn."
    assert [each.visitor_id for each in told[-3:]] == [None, "v-1", "v-1"]


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (Kind.ACCESS, 2),
        (Kind.NOTICE, 1),
        (Kind.EVENT, 1),
        (Kind.ACT, 2),
        (Kind.WALL, 2),
        (Kind.READ, 1),
        (Kind.LOOK, 3),
    ],
)
def test_a_kind_is_told_alone(timeline: Timeline, kind: Kind, number: int) -> None:
    """Who only looked is told when asked for, and then alone."""
    told = timeline.page("r-1", Only(kind=kind)).moments
    assert [each.kind for each in told] == [kind] * number


@pytest.mark.usefixtures("lived")
def test_a_time_span_is_told_alone(timeline: Timeline) -> None:
    """Of every source, by when it happened, as it is shown: what is before `until` and not before `since`."""
    whole = timeline.page("r-1").moments
    for at in sorted({each.at for each in whole}):
        since, until = timeline.page("r-1", Only(since=at)).moments, timeline.page("r-1", Only(until=at)).moments
        assert since == [each for each in whole if each.at >= at]
        assert until == [each for each in whole if each.at < at]


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("refunded IN_1", 1),
        ("charged twice", 2),
        ("staff:7", 2),
        ("a-2", 1),
        ("wall november", 2),
        ("v-1", 2),
        ("evt_1", 1),
        ("refunded wall", 0),
        (" ", 9),
    ],
)
def test_words_are_looked_for_in_all_that_is_told(timeline: Timeline, q: str, numbers: int) -> None:
    """Each of them, in any case: in sentences, reasons, names, articles, browsers and ids."""
    assert len(timeline.page("r-1", Only(q=q)).moments) == numbers


def test_words_are_looked_for_page_by_page(lived: Any, timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may find nothing and lead on all the same; all that have the word are found once, newest first."""
    for number in range(30):
        store_event(lived.engine, f"evt_b{number}", "cus_1", type="invoice.paid" if number % 10 else "charge.failed")
    monkeypatch.setattr("service.support.story.timeline.SEARCHED", 4)
    page = timeline.page("r-1", Only(q="refunded"))
    sizes = [len(page.moments)]
    while page.next_after is not None:
        page = timeline.page("r-1", Only(q="refunded"), after=page.next_after)
        sizes.append(len(page.moments))
    assert (sum(sizes), sizes[0], len(sizes) > 5) == (1, 0, True)
    one = timeline.page("r-1", Only(q="evt_b"), limit=2)
    two = timeline.page("r-1", Only(q="evt_b"), limit=2, after=one.next_after)
    assert [each.number for each in (*one.moments, *two.moments)] == ["evt_b29", "evt_b28", "evt_b27", "evt_b26"]


@pytest.mark.usefixtures("lived")
def test_an_event_says_what_became_of_it(timeline: Timeline, engine: Engine) -> None:
    """Applied once the customer was synced past it; ignored with its reason, also without a mark."""
    with engine.begin() as connection:
        connection.execute(insert(customer_syncs).values(customer_id="cus_1", dirty=9, synced=9))
    store_event(engine, "evt_2", "cus_1", mark=None, status="ignored", reason="wrong_livemode")
    ignored, applied = timeline.page("r-1", Only(kind=Kind.EVENT)).moments
    assert (applied.number, (applied.why or "")[:8]) == ("evt_1", "Applied:")
    assert (ignored.number, (ignored.why or "")[:8]) == ("evt_2", "Ignored:")


@pytest.mark.usefixtures("lived")
def test_others_and_nobody_have_their_own(timeline: Timeline, engine: Engine) -> None:
    """Nothing of one reader is in another's, whose page may be empty; who has no account has none."""
    with engine.begin() as connection:
        connection.execute(insert(accounts), [{"reader_id": "r-other"}, {"reader_id": "r-new"}])
    assert [each.says for each in timeline.page("r-other").moments] == ["Refunded a payment."]
    assert timeline.page("r-new") == TimelinePage(moments=[], next_after=None)
    with pytest.raises(NotFound):
        timeline.page("r-404")


def test_pages_follow_each_other_without_gap_or_repeat(lived: Any, timeline: Timeline) -> None:
    """Whatever comes in between: a page goes on after a moment of each source, not at a number."""
    for number in range(30):
        lived.gate.decide(asked(f"b-{number}", visitor_id="v-1"))
        lived.gate.decide(asked(f"b-{number}", reader_id="r-1"))
        store_event(lived.engine, f"evt_b{number}", "cus_1")
    lived.journal.close()
    whole = timeline.page("r-1", limit=1000).moments
    page = timeline.page("r-1", limit=7)
    seen = list(page.moments)
    while page.next_after is not None:
        store_event(lived.engine, f"evt_new{len(seen)}", "cus_1")
        page = timeline.page("r-1", limit=7, after=page.next_after)
        seen += page.moments
    assert [(each.source, each.number) for each in seen] == [(each.source, each.number) for each in whole]
    assert [each.recorded_at for each in seen] == sorted((each.recorded_at for each in seen), reverse=True)


@pytest.mark.parametrize("limit", [8, 9])
def test_a_full_last_page_has_no_next(lived: Any, timeline: Timeline, limit: int) -> None:
    """There are nine moments."""
    assert (timeline.page("r-1", limit=limit).next_after is None) is (limit == 9)


def asked(article: str, **ids: str) -> Question:
    return Question(articles=[Article(id=article)], consume=True, **({"reader_id": None, "visitor_id": None} | ids))


def entry(act: str, **changes: Any) -> Entry:
    return Entry(actor="staff:7", act=act, subjects=("r-1",), reason="charged twice", **changes)


def store_event(engine: Engine, event_id: str, customer_id: str, **changes: Any) -> None:
    row = {"id": event_id, "type": "invoice.payment_failed", "body": EVENT, "customer_id": customer_id, "mark": 9,
           "status": "pending", "received_at": wall_clock()}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(events).values(row | changes))


def invoice(now: Any) -> Any:
    from webhooks.snapshot import InvoiceFacts

    return InvoiceFacts(
        id="in_1", number=None, subscription_id="sub_1", status="paid", billing_reason=None, currency="usd",
        amount_due_minor=290, amount_paid_minor=290, attempt_count=1, next_attempt_at=None, created_at=now,
        paid_at=now, period_start_at=now, period_end_at=now + timedelta(days=30), hosted_url=None,
    )  # fmt: skip
