"""A decision in one sentence, and the rule that made it in another."""

from __future__ import annotations

from metering.meter import Reading
from service.domain.decision import Article, Decision, Reason
from service.domain.entitlement import Entitlement
from service.support.story.dates import Dates


def decision_told(article: Article, decision: Decision, dates: Dates) -> str:
    """Return what the reader met, ending in a full stop."""
    name = f"“{article.id}”"
    if not decision.granted:
        wall = "asked to sign in" if decision.wall and decision.wall.kind == "register" else "asked to subscribe"
        return f"Met the wall at {name} and was {wall}: {_refused(article, decision, dates)}."
    if decision.counted and decision.reading:
        return f"Read {name} as free article {decision.reading.used} of {decision.reading.limit}{_in(decision, dates)}."
    if decision.reason is Reason.OUTAGE:
        return f"Was let in to {name} uncounted, because nobody could be asked what the reader may do."
    return f"Read {name} ({decision.reason.value.replace('_', ' ')})."


def rule_told(article: Article, decision: Decision, dates: Dates) -> str:
    """Return the rule that decided, in one sentence."""
    return f"{_RULES[decision.reason].format(**_values(article, decision, dates))}."


def _refused(article: Article, decision: Decision, dates: Dates) -> str:
    return {
        Reason.METER_EXHAUSTED: _used_up(decision, dates),
        Reason.SUBSCRIBERS_ONLY: "the article is for subscribers",
        Reason.FEATURE_MISSING: f"it needs “{article.feature}”, which is not open to them",
        Reason.NETWORK_LIMITED: "too many new visitors had come from the same network within the hour",
    }[decision.reason]


def _used_up(decision: Decision, dates: Dates) -> str:
    reading = decision.reading
    if reading is None:
        return "nobody could be asked what was read, and the failure policy refuses then"
    return f"{reading.spent} of {reading.limit} free articles were used up{_in(decision, dates)}"


def _in(decision: Decision, dates: Dates) -> str:
    return f" in {window_told(decision.reading, dates)}" if decision.reading else ""


def window_told(reading: Reading, dates: Dates) -> str:
    """Return such as `November 2026`, or from when until when."""
    window = reading.window
    if window.kind == "month":
        return dates.month(window.starts_at)
    return f"the {window.kind} until {dates.moment(window.ends_at)}"


_RULES = {
    Reason.FREE_ARTICLE: "The article is free for everybody, so nothing else was asked",
    Reason.METERED: "Nothing was bought or given, and there was room: free article {used} of {limit} in {window}",
    Reason.ALREADY_READ: "The article was among the {used} of {limit} free ones already read in {window}",
    Reason.SUBSCRIPTION: "A subscription ({plan}) was in force, and it opens the article uncounted",
    Reason.TRIAL: "A trial ({plan}) was running, and it opens the article uncounted",
    Reason.GRACE: "A payment had failed, and the grace after what was paid for was still running",
    Reason.COURTESY: "Staff had given access, which opens the article uncounted",
    Reason.GIFT: "A gift opened the article",
    Reason.SIGNED_LINK: "A signed link opened the article",
    Reason.INSTITUTION: "The request came from an institution's network, which reads without the meter",
    Reason.CRAWLER: "The request came from a known crawler, which reads without the meter",
    Reason.OUTAGE: "A part was away, so nobody could tell, and the failure policy lets readers in then",
    Reason.METER_EXHAUSTED: "Nothing was bought or given, {used} of {limit} free articles in {window} were used up, "
    "and this one was not among them",
    Reason.SUBSCRIBERS_ONLY: "The article is for subscribers, and nothing bought or given was in force",
    Reason.FEATURE_MISSING: "The article needs “{feature}”, which nothing in force has",
    Reason.NETWORK_LIMITED: "The visitor was new, and from their network more new ones had come within the hour than "
    "the scraper guard lets in",
}


def _values(article: Article, decision: Decision, dates: Dates) -> dict[str, object]:
    reading, entitlement = decision.reading, decision.entitlement
    return {
        "used": reading.spent if reading else "an unknown number",
        "limit": reading.limit if reading else "an unknown number of",
        "window": window_told(reading, dates) if reading else "the window",
        "plan": _plan(entitlement),
        "feature": article.feature,
    }


def _plan(entitlement: Entitlement | None) -> str:
    return (entitlement.plan if entitlement else None) or "no plan of today's"
