"""Courtesy access: given until a moment, and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from service.domain.catalog import Catalog
from service.domain.entitlement import Grant, GrantKind
from service.domain.staff_acts import LONGEST_COURTESY
from service.errors import Conflict, InvalidRequest, NotFound
from service.store import grants
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.acts.changing import Changing
from service.support.acts.outlook import Outlook
from service.support.audit import Trail

NOTHING_CHARGED = "Nothing is charged, and Stripe is not told."


@dataclass(frozen=True, kw_only=True)
class GrantWish(Wish):
    """Courtesy until an instant of business time."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class RevocationWish(Wish):
    """A grant's end, by its number."""

    grant_id: int


class Give(Act[GrantWish]):
    """Gives courtesy access with all that any subscriber has; who has no account gets one."""

    def __init__(self, changing: Changing, outlook: Outlook, catalog: Catalog) -> None:
        self._changing = changing
        self._outlook = outlook
        self._catalog = catalog

    def effect(self, wish: GrantWish) -> Effect:
        """Return it; raises InvalidRequest for an `until` that is over, or later than the role may give."""
        grant = self._grant(wish)
        standing = self._outlook.standing(wish.reader_id)
        now = self._outlook.now()
        opens = ", ".join(grant.features).replace("_", " ")
        given = f"Courtesy access from now until {self._outlook.moment(wish.until)}: {opens}."
        beside = () if not standing.entitlement.grants_at(now) else (_beside(standing.entitlement.cause),)
        before = standing.facts.grants if standing.facts else ()
        after = self._outlook.supposing(wish.reader_id, standing, grants=(*before, grant))
        return Effect(words=(given, *beside, NOTHING_CHARGED, f"Afterwards: {after}"))

    def do(self, wish: GrantWish, trail: Trail) -> Done:
        """Give it."""
        words = self.effect(wish).words
        with self._changing.of(wish.reader_id, trail, cause="grant", make_account=True) as connection:
            grant_id = grants.add(connection, wish.reader_id, self._grant(wish), given_by=wish.asked_by)
            trail.tell(grant=grant_id)
        return Done(words=words, id=str(grant_id))

    def _grant(self, wish: GrantWish) -> Grant:
        now = self._outlook.now()
        self._refuse_beyond(wish, now)
        features = self._catalog.policy.subscriber_features
        return Grant(
            kind=GrantKind.COURTESY, features=features, from_at=now, until_at=wish.until, reason=wish.reason
        )  # fmt: skip

    @staticmethod
    def _refuse_beyond(wish: GrantWish, now: datetime) -> None:
        longest = LONGEST_COURTESY[wish.role]
        if wish.until <= now:
            raise InvalidRequest("That moment is over.", errors={"until": ["Must be in the future."]})
        if wish.until - now > longest:
            told = f"The role {wish.role.word} may give at most {longest.days} days."
            raise InvalidRequest(told, errors={"until": [told]})


class Revoke(Act[RevocationWish]):
    """Ends a grant now."""

    def __init__(self, engine: Engine, changing: Changing, outlook: Outlook) -> None:
        self._engine = engine
        self._changing = changing
        self._outlook = outlook

    def effect(self, wish: RevocationWish) -> Effect:
        """Return it; raises NotFound (`no_grant`), Conflict (`grant_over`)."""
        row = self._row(wish)
        standing = self._outlook.standing(wish.reader_id)
        others = _without(standing.facts.grants if standing.facts else (), row)
        after = self._outlook.supposing(wish.reader_id, standing, grants=others)
        until, reason = self._outlook.moment(row["until_at"]), row["reason"]
        ends = f"The {row['kind']} until {until} ends now. It was given by {row['given_by']}: “{reason}”."
        return Effect(words=(ends, f"Afterwards: {after}"))

    def do(self, wish: RevocationWish, trail: Trail) -> Done:
        """End it."""
        words = self.effect(wish).words
        with self._changing.of(wish.reader_id, trail, cause="grant_revoked") as connection:
            if not grants.revoke(connection, wish.reader_id, wish.grant_id, self._outlook.now()):
                raise _over()
        return Done(words=words, id=str(wish.grant_id), created=False)

    def _row(self, wish: RevocationWish) -> Any:
        with self._engine.connect() as connection:
            row = grants.find(connection, wish.reader_id, wish.grant_id)
        if row is None:
            raise NotFound("There is no such grant of this reader.", code="no_grant")
        if row["revoked_at"] is not None or row["until_at"] <= self._outlook.now():
            raise _over()
        return row


def _beside(cause: GrantKind | None) -> str:
    if cause in {GrantKind.COURTESY, GrantKind.GIFT}:
        return "They have courtesy access already; the longer of the two counts."
    return "They have access already, which goes on as it is; the courtesy counts when that ends sooner."


def _without(given: tuple[Grant, ...], row: Any) -> tuple[Grant, ...]:
    """Return the grants less the row's; two that are alike in everything are alike in effect."""
    gone = next(
        (each for each in given if (each.from_at, each.until_at, each.reason)
         == (row["from_at"], row["until_at"], row["reason"])), None,
    )  # fmt: skip
    return tuple(each for each in given if each is not gone)


def _over() -> Conflict:
    return Conflict("That grant is over already.", code="grant_over")
