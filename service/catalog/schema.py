"""What plans.yaml may hold, field by field. Marshmallow refuses what is unknown, missing or of the wrong kind."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from metering.window import ROLLING
from service.domain.money import Money
from service.domain.vocabulary import EarlyWarning, RepeatedCard

MOST_ARTICLES = 1000
MOST_ROLLING_DAYS = 366
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MOST_TRIAL_DAYS = 730  # Stripe's own limit for trial_period_days
MOST_GIFTS = 1000
MOST_GIFT_DAYS = 366
MOST_NEWCOMERS = 100_000
MOST_FRAUD_HOLD_DAYS = 366
MOST_GRACE_DAYS = 60  # Stripe's longest retry window is two months; longer grace would be a gift

_ID = Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error="must be like monthly_plus: lower-case letters, digits and _")


def _one_line(text: str) -> None:
    if text != text.strip() or not text.isprintable() or not 0 < len(text) <= 200:
        raise ValidationError("must be one line of 1 to 200 characters, without blanks around it")


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, AttributeError, OSError, KeyError) as error:
        raise ValidationError(f"{name!r} is not a time zone such as Europe/Paris") from error


def _decimal(value: Any) -> str:
    """Return a plain decimal as written, so that money is never a float."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValidationError(f"{value!r} is not an amount such as 2.90")
    return str(value)


def _text(*, required: bool = True) -> fields.String:
    """Return a field that people read; an optional one may be left out, or null."""
    if required:
        return fields.String(required=True, validate=_one_line)
    return fields.String(load_default=None, allow_none=True, validate=_one_line)


class PriceSchema(Schema):
    """`{amount, currency}`, loaded as Money."""

    amount = fields.Function(deserialize=_decimal, required=True)
    currency = fields.String(
        required=True, validate=Regexp(r"[a-z]{3}\Z", error="must be three lower-case letters such as usd")
    )

    @post_load
    def as_money(self, data: dict[str, str], **_: Any) -> Money:
        try:
            money = Money.from_decimal(data["amount"], data["currency"])
        except ValueError as error:
            raise ValidationError(str(error), "amount") from error
        if money.amount_minor == 0:
            raise ValidationError("must be above 0", "amount")
        return money


class MeterSchema(Schema):
    window = fields.String(required=True, validate=OneOf(["day", "week", "month", ROLLING]))
    week_starts_on = fields.String(load_default=None, allow_none=True, validate=OneOf(WEEKDAYS))
    rolling_days = fields.Integer(load_default=None, allow_none=True, strict=True, validate=Range(1, MOST_ROLLING_DAYS))
    visitor_articles = fields.Integer(required=True, strict=True, validate=Range(0, MOST_ARTICLES))
    reader_articles = fields.Integer(required=True, strict=True, validate=Range(0, MOST_ARTICLES))
    headline = _text()

    @validates_schema(skip_on_field_errors=True)
    def window_is_whole(self, data: dict[str, Any], **_: Any) -> None:
        """A rolling window has a length, and nothing is said that would have no effect."""
        if data["window"] == ROLLING and data["rolling_days"] is None:
            raise ValidationError("must be given for a rolling window", "rolling_days")
        for name, window in (("rolling_days", ROLLING), ("week_starts_on", "week")):
            if data[name] is not None and data["window"] != window:
                raise ValidationError(f"has no effect unless window is {window}", name)

    @validates_schema(skip_on_field_errors=True)
    def signing_in_costs_nothing(self, data: dict[str, Any], **_: Any) -> None:
        """A reader has at least a visitor's articles: else signing in would take free articles away."""
        if data["reader_articles"] < data["visitor_articles"]:
            raise ValidationError("must be at least visitor_articles", "reader_articles")


class FeatureSchema(Schema):
    id = fields.String(required=True, validate=_ID)
    label = _text()
    badge = _text(required=False)


class SavingSchema(Schema):
    against = fields.String(required=True)
    text = _text()


class PlanSchema(Schema):
    id = fields.String(required=True, validate=_ID)
    label = _text()
    badge = _text(required=False)
    price = fields.Nested(PriceSchema, required=True)
    interval = fields.String(required=True, validate=OneOf(["month", "year"]))
    trial_days = fields.Integer(load_default=0, strict=True, validate=Range(0, MOST_TRIAL_DAYS))
    terms = _text()
    saving = fields.Nested(SavingSchema, load_default=None, allow_none=True)
    features = fields.List(fields.String(), load_default=None, allow_none=True)


class GraceSchema(Schema):
    renewal_days = fields.Integer(required=True, strict=True, validate=Range(0, MOST_GRACE_DAYS))
    first_payment_days = fields.Integer(required=True, strict=True, validate=Range(0, MOST_GRACE_DAYS))


class TrialSchema(Schema):
    on_repeated_card = fields.Enum(RepeatedCard, by_value=True, load_default=RepeatedCard.END_TRIAL)


class RefundSchema(Schema):
    on_full_refund = fields.String(load_default="end_access", validate=OneOf(["end_access", "keep_access"]))


class FraudSchema(Schema):
    on_early_warning = fields.Enum(EarlyWarning, by_value=True, load_default=EarlyWarning.HOLD)
    hold_days = fields.Integer(load_default=120, strict=True, validate=Range(1, MOST_FRAUD_HOLD_DAYS))


class GiftsSchema(Schema):
    per_month = fields.Integer(required=True, strict=True, validate=Range(1, MOST_GIFTS))
    days = fields.Integer(required=True, strict=True, validate=Range(1, MOST_GIFT_DAYS))


class InstitutionsSchema(Schema):
    file = _text()
    features = fields.List(fields.String(), load_default=None, allow_none=True)


class CrawlerSchema(Schema):
    name = fields.String(required=True, validate=_ID)
    user_agent = _text()
    file = _text()
    features = fields.List(fields.String(), load_default=list)


class ExemptionsSchema(Schema):
    gifts = fields.Nested(GiftsSchema, load_default=None, allow_none=True)
    institutions = fields.Nested(InstitutionsSchema, load_default=None, allow_none=True)
    crawlers = fields.List(fields.Nested(CrawlerSchema), load_default=list)


class ScraperGuardSchema(Schema):
    newcomers_per_hour = fields.Integer(required=True, strict=True, validate=Range(1, MOST_NEWCOMERS))


class CatalogSchema(Schema):
    """The whole file."""

    publication = _text()
    timezone = fields.Function(deserialize=_zone, required=True)
    meter = fields.Nested(MeterSchema, required=True)
    features = fields.List(fields.Nested(FeatureSchema), required=True, validate=Length(min=1))
    plans = fields.List(fields.Nested(PlanSchema), required=True, validate=Length(min=1))
    cancel_line = _text()
    grace = fields.Nested(GraceSchema, required=True)
    trial = fields.Nested(TrialSchema, load_default=lambda: TrialSchema().load({}))
    refund = fields.Nested(RefundSchema, load_default=lambda: RefundSchema().load({}))
    fraud = fields.Nested(FraudSchema, load_default=lambda: FraudSchema().load({}))
    scraper_guard = fields.Nested(ScraperGuardSchema, load_default=None, allow_none=True)
    exemptions = fields.Nested(ExemptionsSchema, load_default=lambda: ExemptionsSchema().load({}))
