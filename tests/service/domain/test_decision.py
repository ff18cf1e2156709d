"""May this subject read this article? Every row of the contract's table of reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from metering.meter import Outcome, Reading
from metering.window import Window
from service.domain.decision import Access, Article, Decision, Reason, decide, exempted, outage
from service.domain.entitlement import Entitlement, GrantKind, Status

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
WINDOW = Window(kind="month", id="month-2026-11", starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=29))
METERED = Article(id="a-1")


def _reading(outcome: Outcome, used: int = 1, limit: int = 1) -> Reading:
    return Reading(outcome=outcome, used=used, limit=limit, window=WINDOW)


def _entitlement(cause: GrantKind | None = GrantKind.SUBSCRIPTION, **changes) -> Entitlement:
    plain = {
        "status": Status.ACTIVE, "cause": cause, "plan": "monthly", "features": ("ad_free",), "until": None,
        "horizon": NOW + timedelta(days=1), "renews": True, "subscription_id": "sub_1", "rule": "active",
    }  # fmt: skip
    return Entitlement(**plain | changes)


@pytest.fixture
def ask(catalog):
    """Ask about an article as a signed-in reader who consumes; a test changes what it is about."""

    def asking(article=METERED, reading=None, entitlement=None, catalog=catalog, **changes) -> Decision:
        plain = {"consume": True, "signed_in": True, "trial_eligible": True, "now": NOW}
        return decide(article, reading, entitlement, catalog, **plain | changes)

    return asking


class TestGranted:
    def test_a_free_article_is_anyones(self, ask):
        """A free article is granted uncounted, without any meter, even if it names a feature."""
        for entitlement in (None, _entitlement()):
            found = ask(Article(id="a", access=Access.FREE, feature="archives"), entitlement=entitlement)
            assert (found.granted, found.reason, found.counted) == (True, Reason.FREE_ARTICLE, False)
            assert (found.reading, found.wall) == (None, None)

    @pytest.mark.parametrize("cause", list(GrantKind))
    def test_an_entitlement_opens_by_its_cause(self, ask, cause):
        """The reason told is the cause, the meter is not asked, and the entitlement is handed on."""
        for access in (Access.METERED, Access.SUBSCRIBERS):
            found = ask(Article(id="a", access=access), entitlement=_entitlement(cause))
            assert (found.granted, found.reason.value, found.counted) == (True, cause.value, False)
            assert (found.entitlement, found.reading, found.decided_at) == (_entitlement(cause), None, NOW)

    def test_a_feature_opens_for_who_has_it(self, ask):
        """An article that needs a feature opens for an entitlement that carries it."""
        assert ask(Article(id="a", feature="ad_free"), entitlement=_entitlement()).reason is Reason.SUBSCRIPTION

    def test_room_is_counted_only_when_consumed(self, ask):
        """A first free article counts when read, and never when peeked at."""
        for consume in (True, False):
            found = ask(reading=_reading(Outcome.ROOM), consume=consume)
            assert (found.granted, found.reason, found.counted) == (True, Reason.METERED, consume)
            assert found.reading == _reading(Outcome.ROOM)

    def test_a_re_read_is_free(self, ask):
        """An article already read is granted and not counted again."""
        found = ask(reading=_reading(Outcome.SEEN))
        assert (found.granted, found.reason, found.counted) == (True, Reason.ALREADY_READ, False)

    def test_a_payer_handed_back_by_the_meter_is_let_in(self, ask):
        """A pass handed back in the instant in which its horizon passes opens: nothing was counted instead."""
        ended = _entitlement(horizon=NOW)
        assert ask(reading=_reading(Outcome.PASS), entitlement=ended).reason is Reason.SUBSCRIPTION


class TestRefused:
    def test_a_full_meter_refuses(self, ask):
        """Past the allowance the wall shows every plan in the offer's order, and nothing is counted."""
        found = ask(reading=_reading(Outcome.FULL))
        assert (found.granted, found.reason, found.counted) == (False, Reason.METER_EXHAUSTED, False)
        assert found.wall.offers == ("monthly", "annual")
        assert found.reading is not None

    def test_an_ended_entitlement_opens_nothing(self, ask):
        """From its horizon on, a reader is metered as anybody is, and no entitlement is shown."""
        found = ask(reading=_reading(Outcome.FULL), entitlement=_entitlement(horizon=NOW))
        assert (found.reason, found.entitlement) == (Reason.METER_EXHAUSTED, None)
        held = ask(reading=_reading(Outcome.FULL), entitlement=_entitlement(cause=None))
        assert (held.reason, held.entitlement) == (Reason.METER_EXHAUSTED, None)

    def test_subscribers_articles_are_theirs(self, ask):
        """A subscribers' article needs an entitlement, whatever the meter has left, and asks no meter."""
        found = ask(Article(id="a", access=Access.SUBSCRIBERS), reading=_reading(Outcome.ROOM))
        assert (found.granted, found.reason, found.counted) == (False, Reason.SUBSCRIBERS_ONLY, False)
        assert found.reading is None

    def test_a_missing_feature_refuses(self, ask):
        """An article that needs a feature refuses subscribers without it, and never opens by the meter."""
        article = Article(id="a", feature="archives")
        assert ask(article, entitlement=_entitlement()).reason is Reason.FEATURE_MISSING
        assert ask(article, reading=_reading(Outcome.ROOM)).reason is Reason.FEATURE_MISSING

    def test_the_wall_offers_what_opens_the_article(self, ask, catalog):
        """Only plans with the feature are offered for it; for one that no plan has, all are."""
        lite = replace(catalog.plans[0], features=("ad_free",))
        offer = replace(catalog, plans=(lite, catalog.plans[1]))
        assert ask(Article(id="a", feature="archives"), catalog=offer).wall.offers == ("annual",)
        assert ask(Article(id="a", feature="crosswords"), catalog=offer).wall.offers == ("monthly", "annual")

    def test_the_wall_tells_of_the_trial(self, ask):
        """Whether the trial is still to be had is passed on."""
        for eligible in (True, False):
            assert ask(reading=_reading(Outcome.FULL), trial_eligible=eligible).wall.trial_eligible is eligible


class TestWallKind:
    @pytest.fixture
    def generous(self, catalog):
        """An offer in which a reader has three articles and a visitor one."""
        return replace(catalog, meter=replace(catalog.meter, limit_reader=3))

    def test_a_visitor_registers_where_that_opens_more(self, ask, generous):
        """With a larger allowance for readers, a visitor's wall says register."""
        found = ask(reading=_reading(Outcome.FULL), catalog=generous, signed_in=False)
        assert found.wall.kind == "register"

    @pytest.mark.parametrize("used", [3, 4])
    def test_no_room_after_signing_in_means_subscribe(self, ask, generous, used):
        """Registering is not suggested where it would only lead to the next wall."""
        found = ask(reading=_reading(Outcome.FULL, used=used), catalog=generous, signed_in=False)
        assert found.wall.kind == "subscribe"

    def test_everyone_else_subscribes(self, ask, catalog, generous):
        """Readers, equal allowances, and articles the meter does not open: subscribe."""
        full = _reading(Outcome.FULL)
        assert ask(reading=full, catalog=generous).wall.kind == "subscribe"
        assert ask(reading=full, catalog=catalog, signed_in=False).wall.kind == "subscribe"
        article = Article(id="a", access=Access.SUBSCRIBERS)
        assert ask(article, reading=full, catalog=generous, signed_in=False).wall.kind == "subscribe"


@pytest.mark.parametrize("reading", [None, _reading(Outcome.UNKNOWN), _reading(Outcome.PASS)])
def test_a_metered_article_needs_a_count(ask, reading):
    """Without the meter's answer there is no decision to invent."""
    with pytest.raises(ValueError, match="needs the meter's answer"):
        ask(reading=reading)


class TestOutage:
    def test_allowing_lets_readers_in_and_says_so(self, catalog):
        """By default nobody is walled because a part is down, and nothing is counted."""
        for access in (Access.METERED, Access.SUBSCRIBERS):
            found = outage(Article(id="a", access=access), catalog, allow=True, now=NOW)
            assert (found.granted, found.reason, found.counted, found.wall) == (True, Reason.OUTAGE, False, None)

    def test_who_cannot_be_entitled_is_let_in_only_for_a_count(self, catalog):
        """Where only the count is missing, an article for subscribers is refused as ever."""
        article = Article(id="a", access=Access.SUBSCRIBERS)
        refused = outage(article, catalog, allow=True, now=NOW, maybe_entitled=False)
        assert refused.reason is Reason.SUBSCRIBERS_ONLY
        assert outage(METERED, catalog, allow=True, now=NOW, maybe_entitled=False).reason is Reason.OUTAGE

    def test_refusing_walls_by_the_articles_own_reason(self, catalog):
        """A publication that refuses in an outage shows the usual walls."""
        reasons = {
            METERED: Reason.METER_EXHAUSTED,
            Article(id="a", access=Access.SUBSCRIBERS): Reason.SUBSCRIBERS_ONLY,
            Article(id="a", feature="archives"): Reason.FEATURE_MISSING,
        }
        for article, reason in reasons.items():
            found = outage(article, catalog, allow=False, now=NOW)
            assert (found.granted, found.reason, found.wall.kind) == (False, reason, "subscribe")
            assert found.decided_at == NOW
            assert found.wall.trial_eligible  # in doubt the wall offers it, and checkout decides

    def test_a_free_article_knows_no_outage(self, catalog):
        """Free stays free, and is called so."""
        article = Article(id="a", access=Access.FREE)
        for allow in (True, False):
            assert outage(article, catalog, allow=allow, now=NOW).reason is Reason.FREE_ARTICLE


def test_a_wall_stands_exactly_where_access_is_refused(ask):
    """Over every combination of access, feature, meter and entitlement: refused means a wall, granted means none."""
    outcomes = [_reading(each) for each in (Outcome.ROOM, Outcome.SEEN, Outcome.FULL)]
    entitlements = [None, _entitlement(), _entitlement(cause=None), _entitlement(horizon=NOW)]
    for access, feature, reading, entitlement, consume, signed_in in product(
        Access, [None, "ad_free", "archives"], outcomes, entitlements, [True, False], [True, False]
    ):
        article = Article(id="a", access=access, feature=feature)
        found = ask(article, reading, entitlement, consume=consume, signed_in=signed_in)
        assert found.granted == (found.wall is None)
        assert not found.counted or (consume and found.reason is Reason.METERED)


@pytest.mark.parametrize("reason", [Reason.GIFT, Reason.SIGNED_LINK, Reason.INSTITUTION, Reason.CRAWLER])
def test_reading_without_the_meter_counts_nothing(reason):
    """Granted for its own reason; no count, no entitlement, no wall."""
    assert exempted(reason, NOW) == Decision(
        granted=True, reason=reason, counted=False, reading=None, entitlement=None, wall=None, decided_at=NOW
    )
