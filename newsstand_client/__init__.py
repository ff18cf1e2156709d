"""A small typed client for a publisher's server: standard library only, one deadline a call, a fallback for decisions.

newsstand = Newsstand("http://127.0.0.1:8000", "site_sandbox")
decision = newsstand.decide("an-article", visitor_id=cookie)
if decision.granted: ...
"""

from __future__ import annotations

from newsstand_client.answers import (
    Cancellation,
    Checkout,
    CheckoutOutcome,
    Decision,
    Disclosure,
    Entitlement,
    Feature,
    Gift,
    Gifts,
    GivenGift,
    Meter,
    Money,
    Notice,
    Offer,
    OfferMeter,
    Plan,
    Reader,
    Saving,
    SignedLink,
    Subscription,
    Trial,
    Wall,
)
from newsstand_client.client import Article, Newsstand
from newsstand_client.errors import (
    Conflict,
    InvalidRequest,
    NewsstandError,
    NoAnswer,
    NotAuthorised,
    NotFound,
    Problem,
    Unavailable,
)
from newsstand_client.links import sign_link

__all__ = [
    "Article",
    "Cancellation",
    "Checkout",
    "CheckoutOutcome",
    "Conflict",
    "Decision",
    "Disclosure",
    "Entitlement",
    "Feature",
    "Gift",
    "Gifts",
    "GivenGift",
    "InvalidRequest",
    "Meter",
    "Money",
    "Newsstand",
    "NewsstandError",
    "NoAnswer",
    "NotAuthorised",
    "NotFound",
    "Notice",
    "Offer",
    "OfferMeter",
    "Plan",
    "Problem",
    "Reader",
    "Saving",
    "SignedLink",
    "Subscription",
    "Trial",
    "Unavailable",
    "Wall",
    "sign_link",
]
