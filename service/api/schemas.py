"""What comes in. Unknown fields are refused (marshmallow's default), and nothing is coerced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from service.api.fields import Articles, Choice, Email, Flag, Id, IpAddress, Label, ReaderId, Text
from service.domain.decision import Access
from service.domain.entitlement import Status
from service.domain.redirects import LONGEST
from service.exemptions.tokens import LONGEST_LIFE
from service.store.account_search import Order
from service.support.story.timeline import SEARCHED, Kind

MOST_MINOR = 99_999_999  # Stripe's largest amount has eight digits
MOST_ARTICLES = 500
LONGEST_CURSOR = 3000
"""Of the longest id in the longest characters, which a search names twice."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Moments that somebody may ask about; beyond, computing with them would overflow somewhere."""


class Nothing(Schema):
    """No parameters at all."""


class Article(Schema):
    id = Id(required=True)
    access = Choice(*Access, load_default=Access.METERED.value, metadata={"description": "How the site sells it."})
    feature = Text(
        most=100, allow_none=True, load_default=None, metadata={"description": "One the article needs: `archives`."}
    )


class _Asker(Schema):
    """Who asks, and what the site saw of the request that it answers."""

    reader_id = ReaderId(allow_none=True, load_default=None, metadata={"description": "A signed-in reader."})
    visitor_id = Id(
        allow_none=True,
        load_default=None,
        metadata={"description": "An anonymous browser. With neither id one is made: set it as a cookie."},
    )
    mode = Choice(
        "consume",
        "peek",
        load_default="consume",
        metadata={"description": "`consume` counts an article once; `peek` (prefetch, teasers) never counts."},
    )
    client_ip = IpAddress(
        allow_none=True, load_default=None, metadata={"description": "The browser's address; it is never stored."}
    )
    user_agent = Text(
        most=2000, least=0, allow_none=True, load_default=None, metadata={"description": "The browser's, for crawlers."}
    )
    gift = Text(
        most=500,
        least=0,
        allow_none=True,
        load_default=None,
        metadata={"description": "A gift's token, if it has one."},
    )
    link = Text(
        most=2000, least=0, allow_none=True, load_default=None, metadata={"description": "A signed link's, likewise."}
    )


class DecisionRequest(_Asker):
    article = fields.Nested(Article, required=True)


class BatchRequest(_Asker):
    mode = Choice(
        "consume",
        "peek",
        load_default="consume",
        metadata={"description": "As for one decision. A page of teasers asks with `peek`."},
    )
    articles = Articles(Article, most=MOST_ARTICLES, required=True)


_REDIRECT = {"description": "An address within the configured site origins."}


class CheckoutCreate(Schema):
    reader_id = ReaderId(required=True)
    email = Email(allow_none=True, load_default=None, metadata={"description": "Where Stripe sends receipts."})
    plan = Text(most=100, required=True, metadata={"description": "A plan's id, from `GET /v1/plans`."})
    success_url = Text(most=LONGEST, required=True, metadata=_REDIRECT)
    cancel_url = Text(most=LONGEST, required=True, metadata=_REDIRECT)


class PortalCreate(Schema):
    reader_id = ReaderId(required=True)
    return_url = Text(most=LONGEST, required=True, metadata=_REDIRECT)


class VisitorLink(Schema):
    visitor_id = Id(required=True)


class GiftCreate(Schema):
    article = Id(required=True, metadata={"description": "The article's id, as decisions name it."})


class LinkCreate(Schema):
    article = Id(required=True, metadata={"description": "The article's id, as decisions name it."})
    expires_at = fields.AwareDateTime(
        format="iso", allow_none=True, load_default=None, metadata={"description": "At most 400 days from now."}
    )
    days = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, LONGEST_LIFE.days),
        metadata={"description": "From now, in place of `expires_at`."},
    )
    label = Label(
        allow_none=True,
        load_default=None,
        metadata={"description": "For your own analytics; it can be read in the token."},
    )


class CancellationCreate(Schema):
    reason = Text(most=100, allow_none=True, load_default=None)
    comment = Text(most=2000, least=0, lines=True, allow_none=True, load_default=None)


class PlanChangeCreate(Schema):
    plan = Text(most=100, required=True, metadata={"description": "A plan's id, from `GET /v1/plans`."})
    preview = Flag(load_default=False, metadata={"description": "Only tell; change nothing."})
    quoted_at = fields.AwareDateTime(
        format="iso",
        allow_none=True,
        load_default=None,
        metadata={"description": "From a preview of the last hour: exactly what it said is billed."},
    )


class RefundCreate(Schema):
    invoice = Id(required=True, metadata={"description": "Stripe's id of the invoice."})
    amount = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, MOST_MINOR),
        metadata={"description": "In the currency's minor unit; without it all that is left."},
    )
    reason = Text(most=500, required=True, metadata={"description": "For colleagues, kept with the refund at Stripe."})
    preview = Flag(load_default=False, metadata={"description": "Only tell the effect; change nothing."})


class ErasureQuery(Schema):
    reason = Text(
        most=500,
        load_default="the reader asked for it",
        metadata={"description": "Stays in the audit log for good: don't say whom it is about."},
    )
    preview = Choice("true", metadata={"description": "Only tell what would go; change nothing."})


class ExportQuery(Schema):
    reason = Text(most=500, metadata={"description": "For the audit log: why all of it is handed out."})


class StaffExportQuery(Schema):
    reason = Text(most=500, required=True, metadata={"description": "For colleagues and the audit log."})


class ReaderPath(Schema):
    reader_id = ReaderId(required=True, metadata={"description": "The site's stable id of a signed-in reader."})


class CheckoutPath(Schema):
    checkout_id = Id(required=True, metadata={"description": "From `POST /v1/checkouts`."})


class PageQuery(Schema):
    cursor = Text(most=LONGEST_CURSOR, metadata={"description": "`next` of the page before."})


_ONLY_TRUE = {"description": "`true` for those alone who are so."}


class AccountFilter(Schema):
    q = Text(
        most=254,
        metadata={
            "description": "How an e-mail address (in any case), a reader, customer, subscription or invoice id "
            "begins, or a whole charge, dispute, refund or visitor id."
        },
    )
    status = Choice(*Status, metadata={"description": "Of the entitlement last recorded."})
    plan = Text(most=100, metadata={"description": "Of the entitlement last recorded."})
    in_trial = Choice("true", metadata=_ONLY_TRUE)
    past_due = Choice("true", metadata=_ONLY_TRUE)
    cancelling = Choice("true", metadata=_ONLY_TRUE)
    on_hold = Choice("true", metadata=_ONLY_TRUE)
    courtesy = Choice("true", metadata=_ONLY_TRUE)
    sort = Choice(
        *Order, metadata={"description": "By when the account was made, the newest first. With `q` by what matched."}
    )

    @validates_schema
    def one_order(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Refuse what would be passed over in silence."""
        if "q" in data and "sort" in data:
            raise ValidationError("Not together with `q`, whose results come by what matched.", "sort")


class AccountsQuery(AccountFilter, PageQuery):
    pass


class TimelineQuery(PageQuery):
    kind = Choice(*Kind, metadata={"description": "Only these; without it all but `look`, which staff's readings are."})
    since = fields.AwareDateTime(format="iso", metadata={"description": "What happened (`at`) from this instant on."})
    until = fields.AwareDateTime(format="iso", metadata={"description": "What happened (`at`) before this instant."})
    q = Text(
        most=200,
        metadata={
            "description": "Words that each must stand somewhere in a moment: in its sentence, a reason, a name or an "
            f"id. {SEARCHED} moments are searched at once, so a page may have few, or none, and still a `next`."
        },
    )


def refuse_unlikely(at: datetime) -> None:
    """Raise ValidationError for a moment that nobody can mean."""
    if not EARLIEST <= at <= LATEST:
        raise ValidationError("Not a moment of this century or the next.")


class ExplainArticle(Schema):
    id = Id(required=True, metadata={"description": "As decisions name it."})
    access = Choice(
        *Access, allow_none=True, load_default=None, metadata={"description": "As it was then; else `metered`."}
    )
    feature = Text(most=100, allow_none=True, load_default=None, metadata={"description": "As it was then; else none."})


class Explain(Schema):
    article = fields.Nested(ExplainArticle, required=True)
    at = fields.AwareDateTime(
        format="iso",
        allow_none=True,
        load_default=None,
        validate=refuse_unlikely,
        metadata={"description": "The moment, in business time; without it only now is told."},
    )


class ExplainAnybody(Explain):
    reader_id = ReaderId(allow_none=True, load_default=None, metadata={"description": "A signed-in reader."})
    visitor_id = Id(allow_none=True, load_default=None, metadata={"description": "An anonymous browser."})

    @validates_schema
    def one_of_two(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Refuse neither and both: whoever is signed in is the one decided about."""
        if (data["reader_id"] is None) is (data["visitor_id"] is None):
            raise ValidationError("One of `reader_id` and `visitor_id`.", "visitor_id")


class AuditQuery(PageQuery):
    reader_id = ReaderId(metadata={"description": "Whom it is about, or whose data were shown."})
    actor = Text(most=100, metadata={"description": "Such as `staff:7` or `key:3`."})
    act = Text(most=100, metadata={"description": "Such as `account.read`."})
    since = fields.AwareDateTime(format="iso")
    until = fields.AwareDateTime(format="iso", metadata={"description": "Before this instant."})
