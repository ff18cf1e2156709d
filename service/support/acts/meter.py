"""The free-article meter: counting from nothing again."""

from __future__ import annotations

from metering.meter import MeterUnavailable, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from service.domain.catalog import Catalog
from service.errors import Unavailable
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.outlook import Outlook
from service.support.audit import Trail


class ResetMeter(Act[Wish]):
    """Forgets what a reader has read in the present window; their linked browsers share it."""

    def __init__(self, meter: RedisMeter, outlook: Outlook, catalog: Catalog) -> None:
        self._meter = meter
        self._outlook = outlook
        self._catalog = catalog

    def effect(self, wish: Wish) -> Effect:
        """Return it; raises Unavailable (`meter_unavailable`)."""
        reading = self._reading(wish.reader_id)
        resets = self._outlook.moment(reading.window.ends_at)
        count = f"The count goes from {reading.used} of {reading.limit} back to 0, until {resets}."
        again = "Linked browsers share it. An article that was read before counts anew when it is opened again."
        entitled = self._outlook.standing(wish.reader_id).entitlement.grants_at(self._outlook.now())
        idle = ("They have access without the meter now; the count matters only when that ends.",) if entitled else ()
        return Effect(words=(count, again, *idle))

    def do(self, wish: Wish, trail: Trail) -> Done:
        """Reset it; raises Unavailable as `effect` does, and may be repeated."""
        used = self._reading(wish.reader_id).used
        words = self.effect(wish).words
        try:
            self._meter.reset(_reader(wish.reader_id), window=self._catalog.window_at(self._outlook.now()))
        except MeterUnavailable as error:
            raise _away() from error
        trail.tell(used=used)
        return Done(words=words)

    def _reading(self, reader_id: str) -> Reading:
        window = self._catalog.window_at(self._outlook.now())
        try:
            return self._meter.usage(_reader(reader_id), limit=self._catalog.meter.limit_reader, window=window)
        except MeterUnavailable as error:
            raise _away() from error


def _reader(reader_id: str) -> Subject:
    return Subject(SubjectKind.READER, reader_id)


def _away() -> Unavailable:
    return Unavailable("Redis does not answer: the count cannot be changed now. Try again.", code="meter_unavailable")
