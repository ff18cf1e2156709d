"""What went into a decision, then and now, side by side; where the two differ, it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from metering.meter import Outcome, Reading
from service.access.question import Answer
from service.domain.decision import Article, Decision
from service.domain.entitlement import Entitlement
from service.journal.entry import Entry
from service.support.story.dates import Dates
from service.support.story.decisions import window_told

NOT_ASKED = "not asked"
_OUTCOMES = {
    Outcome.SEEN: "it was one of them",
    Outcome.ROOM: "no, but there was room",
    Outcome.FULL: "no, and there was no room",
    Outcome.NEWCOMER: "nobody had seen this visitor before",
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """What one decision was made from. `standing` is what the record says of the reader, whatever decided."""

    article: Article
    decision: Decision
    signed_in: bool
    standing: Entitlement | None
    degraded: str | None
    exemption: str
    catalog_version: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input in words. `then` is None where nothing is known of then; `now` likewise."""

    name: str
    label: str
    then: str | None
    now: str | None

    @property
    def differs(self) -> bool:
        return self.then is not None and self.now is not None and self.then != self.now


def given_then(entry: Entry, standing: Entitlement | None) -> Given:
    """Return what a remembered decision was made from."""
    return Given(
        article=entry.article, decision=entry.decision, signed_in=entry.reader_id is not None, standing=standing,
        degraded=entry.degraded, exemption="none opened it", catalog_version=entry.catalog_version,
    )  # fmt: skip


def given_now(
    article: Article, answer: Answer, *, signed_in: bool, standing: Entitlement | None, catalog_version: str
) -> Given:
    """Return what the gate's answer of now was made from; nobody's address or token is at hand for an exemption."""
    return Given(
        article=article, decision=answer.decision, signed_in=signed_in, standing=standing, degraded=answer.degraded,
        exemption="none opened it", catalog_version=catalog_version,
    )  # fmt: skip


def inputs_of(then: Given | None, now: Given, dates: Dates) -> tuple[Input, ...]:
    """Return every input, each with both of its values."""
    before = dict(_told(then, dates)) if then else {}
    return tuple(
        Input(name=name, label=_LABELS[name], then=before.get(name), now=value) for name, value in _told(now, dates)
    )


_LABELS: Mapping[str, str] = {
    "decision": "Decision",
    "signed_in": "Signed in",
    "access": "How the article is sold",
    "feature": "A feature it needs",
    "exemption": "Exemptions (gift, link, institution, crawler)",
    "entitlement": "What decided of subscriptions and gifts of access",
    "standing": "What the record says of the reader",
    "limit": "Free articles allowed",
    "window": "The window",
    "used": "Free articles counted",
    "among": "Was this article among them",
    "trial": "Trial offered at the wall",
    "missing": "Parts that were away",
    "catalog": "Version of the offer (plans.yaml)",
}


def _told(given: Given, dates: Dates) -> Iterator[tuple[str, str]]:
    decision, article = given.decision, given.article
    yield "decision", f"{'let in' if decision.granted else 'refused'} ({decision.reason.value.replace('_', ' ')})"
    yield "signed_in", "yes" if given.signed_in else "no"
    yield "access", article.access.value
    yield "feature", (article.feature or "none").replace("_", " ")
    yield "exemption", given.exemption
    yield "entitlement", entitlement_told(decision.entitlement, dates)
    if given.signed_in:
        yield "standing", entitlement_told(given.standing, dates) if given.standing else "none"
    yield from _meter_told(decision.reading, dates)
    yield "trial", "no wall" if decision.wall is None else "yes" if decision.wall.trial_eligible else "no"
    yield "missing", given.degraded or "none"
    yield "catalog", given.catalog_version


def _meter_told(reading: Reading | None, dates: Dates) -> Iterator[tuple[str, str]]:
    asked = reading is not None and reading.outcome in _OUTCOMES
    if reading is None or not asked:
        yield from ((name, NOT_ASKED) for name in ("limit", "window", "used", "among"))
        return
    yield "limit", str(reading.limit)
    yield "window", window_told(reading, dates)
    yield "used", _used_told(reading)
    yield "among", _OUTCOMES[reading.outcome]


def _used_told(reading: Reading) -> str:
    """Return the count; what is beyond the limit matters to the wall of a browser whose reader has more."""
    beyond = reading.used - reading.spent
    return f"{reading.spent}, and {beyond} beyond the limit" if beyond else str(reading.spent)


def entitlement_told(entitlement: Entitlement | None, dates: Dates) -> str:
    """Return such as `trialing, monthly, until 3 December`, `nothing in force` for none."""
    if entitlement is None:
        return "nothing in force"
    until = f"until {dates.day(entitlement.until)}" if entitlement.until else None
    return ", ".join(filter(None, (entitlement.status.value, entitlement.plan, until)))
