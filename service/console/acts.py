"""Every act as the console offers it: what its form asks for, how it is called, and the wish that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import select

from service.access.readers import ReaderState
from service.api.fields import Choice, Id, ReaderId, Text
from service.api.schemas import MOST_MINOR
from service.billing.cancellations import is_cancelled
from service.billing.running import RUNNING
from service.console.desk import Desk
from service.console.frame import Visit
from service.domain.bonuses import MOST_ARTICLES
from service.domain.money import Money
from service.domain.staff import Role
from service.domain.staff_acts import LEAST_ROLE, StaffAct, audited_as
from service.store.tables import invoices
from service.support.acts.act import Act, Wish
from service.support.acts.all import Acts
from service.support.acts.cancelling import CancelWish, When
from service.support.acts.courtesy import GrantWish, RevocationWish
from service.support.acts.merging import MergeWish
from service.support.acts.meter import MoreWish
from service.support.acts.plan_changing import PlanWish
from service.support.acts.refunding import RefundWish
from service.support.acts.releasing import ReleaseWish
from service.support.audit import Audited

LARGEST = 2**63 - 1
KEPT_AT_STRIPE = "Reason, for colleagues; Stripe keeps it, too"


class Reasoned(Schema):
    """What every form asks for."""

    reason = Text(most=500, required=True)


class Courtesy(Reasoned):
    until = fields.Date(required=True, validate=validate.Range(date(2000, 1, 1), date(3000, 1, 1)))


class Revocation(Reasoned):
    grant = fields.Integer(required=True, validate=validate.Range(1, LARGEST))


class Cancellation(Reasoned):
    when = Choice(*When, required=True)


class RefundForm(Reasoned):
    """`part` is what somebody writes, `amount` what the confirmation was about, in minor units."""

    invoice = Id(required=True)
    part = fields.String(load_default=None, validate=validate.Regexp(r"[0-9]{1,6}([.,][0-9]{1,2})?\Z"))
    amount = fields.Integer(load_default=None, validate=validate.Range(1, MOST_MINOR))


class PlanForm(Reasoned):
    plan = Text(most=100, required=True)
    quoted_at = fields.AwareDateTime(format="iso", load_default=None)


class Articles(Reasoned):
    articles = fields.Integer(required=True, validate=validate.Range(1, MOST_ARTICLES))


class HoldForm(Reasoned):
    hold = Id(required=True)


class MergeForm(Reasoned):
    other = ReaderId(required=True)


@dataclass(frozen=True, kw_only=True)
class ConsoleAct:
    """One act's form. `wish` adds what the form asked for to what every wish has.

    `listed` says whether an account in this state has a link to it; one that never is, is reached from the row it is
    about, which fills its field in.
    """

    which: StaffAct
    title: str
    button: str
    done: str
    form: type[Schema]
    pick: Callable[[Acts], Act[Any]]
    wish: Callable[[Desk, Visit, dict[str, Any]], Wish]
    listed: Callable[[ReaderState], bool] = lambda _state: True
    dangerous: bool = False
    reason_label: str = "Reason, for colleagues"
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
        return Audited(act=audited_as(self.which) + step, ahead=self.ahead and not step)


def _grant(desk: Desk, visit: Visit, usual: dict[str, Any]) -> Wish:
    """Return the wish for courtesy to the end of the chosen day, in the publication's zone."""
    zone = desk.services.catalog.zone
    ends = datetime.combine(visit.form["until"] + timedelta(days=1), time(), tzinfo=zone)
    return GrantWish(until=ends, **usual)


def _refund(desk: Desk, visit: Visit, usual: dict[str, Any]) -> Wish:
    """Return the wish for a refund of what was confirmed, else of what was written, else of all that is left."""
    invoice_id, amount_minor = visit.form["invoice"], visit.form["amount"]
    if amount_minor is None and visit.form["part"]:
        amount_minor = _minor(visit.form["part"].replace(",", "."), _currency(desk, invoice_id))
    return RefundWish(invoice_id=invoice_id, amount_minor=amount_minor, **usual)


def _currency(desk: Desk, invoice_id: str) -> str:
    with desk.engine.connect() as connection:
        found = connection.scalar(select(invoices.c.currency).where(invoices.c.id == invoice_id))
    return found or desk.services.catalog.plans[0].price.currency


def _minor(text: str, currency: str) -> int:
    try:
        minor = Money.from_decimal(text, currency).amount_minor
    except ValueError as error:
        raise ValidationError({"part": [str(error)]}) from error
    if minor == 0:
        raise ValidationError({"part": ["Must be more than nothing."]})
    return minor


def _is_running(state: ReaderState) -> bool:
    return state.subscription is not None and state.subscription.status in RUNNING


def _is_ending(state: ReaderState) -> bool:
    return state.subscription is not None and _is_running(state) and is_cancelled(state.subscription)


CONSOLE_ACTS: Sequence[ConsoleAct] = (
    ConsoleAct(
        which=StaffAct.GRANT, title="Give courtesy access", button="Give access", done="Courtesy access is given.",
        form=Courtesy, pick=lambda acts: acts.give, wish=_grant,
    ),
    ConsoleAct(
        which=StaffAct.REVOKE_GRANT, title="Take courtesy access back", button="End it now",
        done="The grant is ended.", form=Revocation, pick=lambda acts: acts.revoke, listed=lambda _state: False,
        dangerous=True, wish=lambda _desk, visit, usual: RevocationWish(grant_id=visit.form["grant"], **usual),
    ),
    ConsoleAct(
        which=StaffAct.RESET_METER, title="Reset the free articles", button="Reset the count",
        done="The free articles are counted from nothing again.", form=Reasoned, pick=lambda acts: acts.reset_meter,
        wish=lambda _desk, _visit, usual: Wish(**usual), ahead=True,
    ),
    ConsoleAct(
        which=StaffAct.ADD_ARTICLES, title="Give more free articles", button="Give them",
        done="The articles are given.", form=Articles, pick=lambda acts: acts.add_articles,
        wish=lambda _desk, visit, usual: MoreWish(articles=visit.form["articles"], **usual),
    ),
    ConsoleAct(
        which=StaffAct.CANCEL, title="Cancel the subscription", button="Cancel it",
        done="The subscription is cancelled.", form=Cancellation, pick=lambda acts: acts.cancel, listed=_is_running,
        dangerous=True, ahead=True, reason_label=KEPT_AT_STRIPE,
        wish=lambda _desk, visit, usual: CancelWish(when=When(visit.form["when"]), **usual),
    ),
    ConsoleAct(
        which=StaffAct.UNDO_CANCELLATION, title="Take the cancellation back", button="Let it run on",
        done="The subscription runs on.", form=Reasoned, pick=lambda acts: acts.undo_cancellation, listed=_is_ending,
        wish=lambda _desk, _visit, usual: Wish(**usual), ahead=True,
    ),
    ConsoleAct(
        which=StaffAct.REFUND, title="Refund", button="Give the money back", done="The money is given back.",
        form=RefundForm, pick=lambda acts: acts.give_back, listed=lambda _state: False, dangerous=True, ahead=True,
        wish=_refund, reason_label=KEPT_AT_STRIPE,
    ),
    ConsoleAct(
        which=StaffAct.CHANGE_PLAN, title="Change the plan", button="Change it", done="The plan is changed.",
        form=PlanForm, pick=lambda acts: acts.change_plan, listed=_is_running, ahead=True,
        wish=lambda _desk, visit, usual: PlanWish(plan=visit.form["plan"], quoted_at=visit.form["quoted_at"], **usual),
    ),
    ConsoleAct(
        which=StaffAct.RELEASE_HOLD, title="Release a hold", button="Release it", done="The hold is released.",
        form=HoldForm, pick=lambda acts: acts.release_hold, listed=lambda _state: False, dangerous=True,
        wish=lambda _desk, visit, usual: ReleaseWish(hold_id=visit.form["hold"], **usual),
    ),
    ConsoleAct(
        which=StaffAct.MERGE, title="Merge another account into this one", button="Merge them for good",
        done="The accounts are one.", form=MergeForm, pick=lambda acts: acts.merge, dangerous=True, ahead=True,
        wish=lambda _desk, visit, usual: MergeWish(other=visit.form["other"], **usual),
    ),
)  # fmt: skip

DONE = {act.slug: act.done for act in CONSOLE_ACTS} | {"note": "The note is written."}


def acts_for(role: Role, state: ReaderState) -> list[ConsoleAct]:
    """Return those whose links an account in this state shows to this role."""
    return [act for act in CONSOLE_ACTS if role >= act.role and act.listed(state)]


def may(role: Role) -> dict[str, bool]:
    """Return by an act's word whether this role may do it."""
    return {which.value: role >= least for which, least in LEAST_ROLE.items()}


def wish_of(desk: Desk, visit: Visit, act: ConsoleAct, reader_id: str) -> Wish:
    """Return the wish that a form makes."""
    person = visit.signed_in
    usual = {
        "reader_id": reader_id, "reason": visit.form["reason"], "asked_by": visit.trail.actor, "role": person.role,
    }  # fmt: skip
    return act.wish(desk, visit, usual)
