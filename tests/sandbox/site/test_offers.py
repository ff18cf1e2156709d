"""The wall is made from the offer alone, and promises a reader nothing they will not get."""

from __future__ import annotations

import pytest

from newsstand_client import Decision, Feature, Money, NoAnswer, Offer, OfferMeter, Plan, Saving, Wall
from sandbox.site.offers import FRESH_SECONDS, OfferShelf, offer_page, wall_for

OFFER = Offer(
    publication="The Daily", version="1", cancel_line="Leave when you like.",
    meter=OfferMeter(headline="No more for browsers.", headline_reader="No more for readers.", window="month",
                     visitor_limit=1, reader_limit=1),
    features=(Feature(id="archives", label="All of the archives", badge="NEW"),),
    plans=(
        Plan(id="m", label="Try it", badge=None, price=Money(amount=300, currency="eur", display="€3"),
             interval="month", trial_days=14, terms="14 days free, then €3 per month", features=(), saving=None),
        Plan(id="y", label="A year", badge="BEST", price=Money(amount=2000, currency="eur", display="€20"),
             interval="year", trial_days=0, terms="€20 per year", features=(),
             saving=Saving(amount=1600, currency="eur", display="€16", against="m", text="Save €16")),
    ),
)  # fmt: skip


def refusal(reason: str = "meter_exhausted", *, trial_eligible: bool = True, offers: tuple[str, ...] = ("m", "y"),
            kind: str = "subscribe") -> Decision:  # fmt: skip
    """Return a refusal with this wall."""
    wall = Wall(kind=kind, offers=offers, trial_eligible=trial_eligible)
    return Decision(granted=False, reason=reason, counted=False, visitor_id=None, meter=None, entitlement=None,
                    wall=wall, degraded=None)  # fmt: skip


def test_the_wall_says_what_the_offer_says() -> None:
    """Headline, features with badges, plans with terms, badge and saving, the cancel line."""
    wall = wall_for(refusal(), OFFER, signed_in=False, feature=None)
    assert (wall.headline, wall.cancel_line) == ("No more for browsers.", "Leave when you like.")
    assert wall.features == OFFER.features
    assert [(each.label, each.terms, each.badge, each.saving) for each in wall.plans] == [
        ("Try it", "14 days free, then €3 per month", None, None),
        ("A year", "€20 per year", "BEST", "Save €16"),
    ]
    assert [each.action for each in wall.plans] == ["Start 14 days free", "Subscribe"]


def test_who_had_a_trial_is_promised_none() -> None:
    """The plan is sold by its price; the word free is nowhere on it."""
    wall = wall_for(refusal(trial_eligible=False), OFFER, signed_in=True, feature=None)
    monthly = wall.plans[0]
    assert (monthly.label, monthly.terms, monthly.action) == ("Monthly Access", "€3 per month", "Subscribe")


@pytest.mark.parametrize(
    ("reason", "feature", "headline"),
    [("meter_exhausted", None, "No more for readers."), ("subscribers_only", None, "This article is for subscribers."),
     ("feature_missing", "archives", "Part of a subscription: all of the archives."),
     ("feature_missing", "unheard_of", "This article is for subscribers.")],
)  # fmt: skip
def test_the_headline_fits_the_reason(reason: str, feature: str | None, headline: str) -> None:
    """Who was never metered is not told of a limit."""
    assert wall_for(refusal(reason), OFFER, signed_in=True, feature=feature).headline == headline


def test_only_what_is_offered_is_sold() -> None:
    """The decision says which plans; one that the offer does not know yet is left out."""
    wall = wall_for(refusal(offers=("y", "brand_new")), OFFER, signed_in=False, feature=None)
    assert [each.id for each in wall.plans] == ["y"]


def test_registering_is_suggested_where_it_helps() -> None:
    """A wall of the kind `register` says so; a page of the offer never does."""
    assert wall_for(refusal(kind="register"), OFFER, signed_in=False, feature=None).registering_helps
    assert not offer_page(OFFER, trial_eligible=True).registering_helps


def test_the_shelf_asks_now_and_then_and_keeps_what_it_knows() -> None:
    """Asked once while fresh; when the service is silent, the last offer stands; before the first, there is none."""
    asked, now, silent = [0], [0.0], [True]

    def ask() -> Offer:
        asked[0] += 1
        if silent[0]:
            raise NoAnswer("refused", "GET /v1/plans")
        return OFFER

    shelf = OfferShelf(ask, lambda: now[0])
    assert shelf.get() is None
    silent[0] = False
    assert shelf.get() is OFFER
    assert (shelf.get(), asked[0]) == (OFFER, 2)
    now[0], silent[0] = FRESH_SECONDS, True
    assert (shelf.get(), asked[0]) == (OFFER, 3)
