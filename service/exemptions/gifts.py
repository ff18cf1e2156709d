"""Gift links: a subscriber opens an article to others, a few times a month."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from metering.window import Window, window_at
from service.access.passes import Record
from service.clocks import Clock
from service.domain.catalog import Catalog, GiftTerms
from service.domain.entitlement import Entitlement
from service.errors import Conflict
from service.exemptions.tokens import GIFT_OF_ALL, GIFT_OF_SOME, TokenKind, Tokens
from service.store import accounts
from service.store.gifts import GivenGift, given, record


@dataclass(frozen=True, kw_only=True)
class Gift:
    """A token for the site to put into an address. `created` is False where the reader gave this article before."""

    token: str
    article_id: str
    given_at: datetime
    expires_at: datetime
    created: bool = False


@dataclass(frozen=True, kw_only=True)
class GiftBox:
    """What a reader may still give in this month, and the gifts that are open now, the newest first."""

    per_month: int
    remaining: int
    resets_at: datetime
    gifts: tuple[Gift, ...]


class Gifts:
    """Gives articles away. A gift is counted in PostgreSQL and opened by its signature alone, so none is taken back."""

    def __init__(
        self, engine: Engine, record: Record, tokens: Tokens, *, catalog: Catalog, business_clock: Clock
    ) -> None:
        self._engine = engine
        self._record = record
        self._tokens = tokens
        self._catalog = catalog
        self._business_clock = business_clock

    def give(self, reader_id: str, article_id: str) -> tuple[Gift, GiftBox]:
        """Return the reader's gift of this article, and what is left to give; an article given before costs nothing.

        Raises Conflict: `gifts_off`, `no_entitlement`, `no_gifts_left`.
        """
        now, terms = self._business_clock(), self._terms()
        entitlement = self._entitlement(reader_id, now)
        month = window_at("month", now, self._catalog.zone)
        with self._engine.begin() as connection:
            accounts.lock(connection, reader_id)  # one at a time, or two would take the last one
            before = given(connection, reader_id, since=month.starts_at, now=now)
            same = next((each for each in before if each.article_id == article_id and each.expires_at > now), None)
            new = same or _new_gift(reader_id, article_id, self._id_prefix(entitlement), terms, now)
            if same is None:
                _refuse_beyond(terms, before, month)
                record(connection, new)
        gifts = before if same else [new, *before]
        return self._gift(new, created=same is None), self._box(gifts, terms, month, now)

    def box(self, reader_id: str) -> GiftBox:
        """Return what the reader may still give and has given; raises Conflict: `gifts_off`."""
        now, terms = self._business_clock(), self._terms()
        month = window_at("month", now, self._catalog.zone)
        with self._engine.connect() as connection:
            gifts = given(connection, reader_id, since=month.starts_at, now=now)
        return self._box(gifts, terms, month, now)

    def _terms(self) -> GiftTerms:
        terms = self._catalog.exemptions.gifts
        if terms is None:
            raise Conflict("This publication gives no articles away.", code="gifts_off")
        return terms

    def _entitlement(self, reader_id: str, now: datetime) -> Entitlement:
        entitlement = self._record.standing(reader_id, now).entitlement
        if not entitlement.grants_at(now):
            raise Conflict("Only those who have access may give an article away.", code="no_entitlement")
        return entitlement

    def _id_prefix(self, entitlement: Entitlement) -> str:
        """Return what keeps a gift from opening more than its giver may read."""
        every = {feature.id for feature in self._catalog.features}
        return GIFT_OF_ALL if every <= set(entitlement.features) else GIFT_OF_SOME

    def _box(self, gifts: list[GivenGift], terms: GiftTerms, month: Window, now: datetime) -> GiftBox:
        return GiftBox(
            per_month=terms.per_month,
            remaining=max(0, terms.per_month - _counted(gifts, month)),
            resets_at=month.ends_at,
            gifts=tuple(self._gift(each) for each in gifts if each.expires_at > now),
        )

    def _gift(self, gift: GivenGift, *, created: bool = False) -> Gift:
        token = self._tokens.sign(TokenKind.GIFT, gift.article_id, gift.expires_at, gift.id)
        return Gift(
            token=token, article_id=gift.article_id, given_at=gift.given_at, expires_at=gift.expires_at,
            created=created,
        )  # fmt: skip


def _new_gift(reader_id: str, article_id: str, prefix: str, terms: GiftTerms, now: datetime) -> GivenGift:
    return GivenGift(
        id=prefix + secrets.token_urlsafe(9),
        reader_id=reader_id,
        article_id=article_id,
        given_at=now,
        expires_at=now.replace(microsecond=0) + terms.life,
    )


def _counted(gifts: list[GivenGift], month: Window) -> int:
    return sum(each.given_at >= month.starts_at for each in gifts)


def _refuse_beyond(terms: GiftTerms, before: list[GivenGift], month: Window) -> None:
    if _counted(before, month) >= terms.per_month:
        raise Conflict(
            f"All {terms.per_month} gifts of this month are given; the next on {month.ends_at.isoformat()}.",
            code="no_gifts_left",
        )
