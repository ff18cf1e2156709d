"""The free-article meter: counting from nothing again, and more articles for this window."""

from __future__ import annotations

from dataclasses import dataclass

from metering.meter import MeterUnavailable, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.access.readers import Readers
from service.domain.bonuses import MOST_ARTICLES, Bonus, in_force
from service.domain.catalog import Catalog
from service.errors import InvalidRequest, Unavailable
from service.store import bonuses
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.changing import Changing
from service.support.acts.outlook import Outlook
from service.support.audit import Trail

IDLE = "They have access without the meter now; this matters only when that ends."


@dataclass(frozen=True, kw_only=True)
class MoreWish(Wish):
    """So many more free articles until the present window ends."""

    articles: int


class ResetMeter(Act[Wish]):
    """Forgets what a reader has read in the present window; their linked browsers share it."""

    def __init__(self, meter: RedisMeter, readers: Readers, outlook: Outlook, catalog: Catalog) -> None:
        self._meter = meter
        self._readers = readers
        self._outlook = outlook
        self._catalog = catalog

    def effect(self, wish: Wish) -> Effect:
        """Return it; raises Unavailable (`meter_unavailable`)."""
        reading, idle = reading_of(self._readers, wish.reader_id, self._outlook)
        resets = self._outlook.moment(reading.window.ends_at)
        count = f"The count goes from {reading.spent} of {reading.limit} back to 0, until {resets}."
        again = "Linked browsers share it. An article that was read before counts anew when it is opened again."
        return Effect(words=(count, again, *idle))

    def do(self, wish: Wish, trail: Trail) -> Done:
        """Reset it; raises Unavailable as `effect` does, and may be repeated."""
        words = self.effect(wish).words
        subject = Subject(SubjectKind.READER, wish.reader_id)
        try:
            self._meter.reset(subject, window=self._catalog.window_at(self._outlook.now()))
        except MeterUnavailable as error:
            raise away() from error
        trail.tell(reset=True)
        return Done(words=words)


class AddArticles(Act[MoreWish]):
    """Gives a reader more free articles until the present window ends: on record, so that no Redis loses them."""

    def __init__(self, readers: Readers, changing: Changing, outlook: Outlook) -> None:
        self._readers = readers
        self._changing = changing
        self._outlook = outlook

    def effect(self, wish: MoreWish) -> Effect:
        """Return it; raises InvalidRequest for more than there can be, Unavailable (`meter_unavailable`)."""
        reading, idle = reading_of(self._readers, wish.reader_id, self._outlook)
        self._refuse_too_many(wish)
        until = self._outlook.moment(reading.window.ends_at)
        more = f"{wish.articles} more free {'article' if wish.articles == 1 else 'articles'} until {until}."
        limit = reading.limit
        spent = min(reading.used, limit + wish.articles)
        then = f"{spent} of {limit + wish.articles} are read then, instead of {reading.spent} of {limit}."
        return Effect(words=(more, then, "It counts where they are signed in.", *idle))

    def do(self, wish: MoreWish, trail: Trail) -> Done:
        """Give them."""
        words = self.effect(wish).words
        reading, _ = reading_of(self._readers, wish.reader_id, self._outlook)
        bonus = Bonus(articles=wish.articles, from_at=self._outlook.now(), until_at=reading.window.ends_at)
        with self._changing.of(wish.reader_id, trail, cause="meter_bonus", make_account=True) as connection:
            made = bonuses.add(connection, wish.reader_id, bonus, reason=wish.reason, given_by=wish.asked_by)
            trail.tell(bonus=made)
        return Done(words=words, id=str(made))

    def _refuse_too_many(self, wish: MoreWish) -> None:
        facts = self._outlook.standing(wish.reader_id).facts
        before, _ = in_force(facts.bonuses if facts else (), self._outlook.now())
        if before + wish.articles > MOST_ARTICLES:
            told = f"At most {MOST_ARTICLES} can be added in one window; {before} are."
            raise InvalidRequest(told, errors={"articles": [told]})


def reading_of(readers: Readers, reader_id: str, outlook: Outlook) -> tuple[Reading, tuple[str, ...]]:
    """Return how the meter stands, and words for who has no need of it now; raises Unavailable."""
    state = readers.state(reader_id)
    if state.reading is None:
        raise away()
    return state.reading, (IDLE,) if state.entitlement.grants_at(outlook.now()) else ()


def away() -> Unavailable:
    """Return the problem of a Redis that does not answer."""
    return Unavailable("Redis does not answer: the meter cannot be changed now. Try again.", code="meter_unavailable")
