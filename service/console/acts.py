"""Every act as the console offers it: what its form asks for, how it is called, and the wish that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from service.api.fields import Text
from service.console.desk import Desk
from service.console.frame import Visit
from service.domain.staff import Role
from service.domain.staff_acts import LEAST_ROLE, StaffAct
from service.support.acts.act import Act, Wish
from service.support.acts.all import Acts
from service.support.acts.courtesy import GrantWish, RevocationWish
from service.support.audit import Audited

LARGEST = 2**63 - 1


class Reasoned(Schema):
    """What every form asks for."""

    reason = Text(most=500, required=True)


class Courtesy(Reasoned):
    until = fields.Date(required=True, validate=validate.Range(date(2000, 1, 1), date(3000, 1, 1)))


class Revocation(Reasoned):
    grant = fields.Integer(required=True, validate=validate.Range(1, LARGEST))


@dataclass(frozen=True, kw_only=True)
class ConsoleAct:
    """One act's form. `wish` adds what the form asked for to what every wish has; `listed` puts a link on the account.

    One that is not listed is reached from the row it is about, which fills its field in.
    """

    which: StaffAct
    title: str
    button: str
    done: str
    form: type[Schema]
    pick: Callable[[Acts], Act[Any]]
    wish: Callable[[Desk, Visit, dict[str, Any]], Wish]
    listed: bool = True
    dangerous: bool = False
    ahead: bool = False
    """As in `Audited`."""

    @property
    def slug(self) -> str:
        """Return its word in addresses."""
        return self.which.value.replace("_", "-")

    @property
    def role(self) -> Role:
        return LEAST_ROLE[self.which]

    def audited(self, step: str = "") -> Audited:
        return Audited(act=f"act.{self.which.value}{step}", ahead=self.ahead and not step)


def _grant(desk: Desk, visit: Visit, usual: dict[str, Any]) -> Wish:
    """Return the wish for courtesy to the end of the chosen day, in the publication's zone."""
    zone = desk.services.catalog.zone
    ends = datetime.combine(visit.form["until"] + timedelta(days=1), time(), tzinfo=zone)
    return GrantWish(until=ends, **usual)


CONSOLE_ACTS: Sequence[ConsoleAct] = (
    ConsoleAct(
        which=StaffAct.GRANT, title="Give courtesy access", button="Give access", done="Courtesy access is given.",
        form=Courtesy, pick=lambda acts: acts.give, wish=_grant,
    ),
    ConsoleAct(
        which=StaffAct.REVOKE_GRANT, title="Take courtesy access back", button="End it now",
        done="The grant is ended.", form=Revocation, pick=lambda acts: acts.revoke, listed=False, dangerous=True,
        wish=lambda _desk, visit, usual: RevocationWish(grant_id=visit.form["grant"], **usual),
    ),
    ConsoleAct(
        which=StaffAct.RESET_METER, title="Reset the free articles", button="Reset the count",
        done="The free articles are counted from nothing again.", form=Reasoned, pick=lambda acts: acts.reset_meter,
        wish=lambda _desk, _visit, usual: Wish(**usual), ahead=True,
    ),
)  # fmt: skip

DONE = {act.slug: act.done for act in CONSOLE_ACTS} | {"note": "The note is written."}


def acts_for(role: Role) -> list[ConsoleAct]:
    """Return those whose links an account shows to this role."""
    return [act for act in CONSOLE_ACTS if act.listed and role >= act.role]


def wish_of(desk: Desk, visit: Visit, act: ConsoleAct, reader_id: str) -> Wish:
    """Return the wish that a form makes."""
    person = visit.signed_in
    usual = {
        "reader_id": reader_id, "reason": visit.form["reason"], "asked_by": visit.trail.actor, "role": person.role,
    }  # fmt: skip
    return act.wish(desk, visit, usual)
