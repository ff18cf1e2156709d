"""What was seen, in words: decisions, money and days."""

from __future__ import annotations

from datetime import datetime

from sandbox.tour.api import Json


def told(answer: Json) -> str:
    """Return a decision in one line."""
    parts = [f"{'granted' if answer['granted'] else 'refused'} ({answer['reason']})"]
    parts.append("counted" if answer["counted"] else "not counted")
    meter, wall, entitlement = answer["meter"], answer["wall"], answer["entitlement"]
    if meter is not None:
        parts.append(f"{meter['used']} of {meter['limit']} used until {day(instant(meter['resets_at']))}")
    if wall is not None:
        trial = "trial on offer" if wall["trial_eligible"] else "no trial"
        parts.append(f"wall: {wall['kind']} ({', '.join(wall['offers'])}; {trial})")
    if entitlement is not None:
        parts.append(f"{entitlement['plan']} {paid(entitlement)}")
    if answer["degraded"] is not None:
        parts.append(f"without {answer['degraded']}")
    return ", ".join(parts)


def paid(entitlement: Json) -> str:
    """Return until when an entitlement lasts, and what then."""
    until = "open-ended" if entitlement["until"] is None else f"until {day(instant(entitlement['until']))}"
    return f"{until}, then {'renews' if entitlement['renews'] else 'ends'}"


def state_told(state: Json) -> str:
    """Return a reader's state in one line."""
    entitlement = state["entitlement"]
    return state["status"] if entitlement is None else f"{state['status']}, {paid(entitlement)}"


def disclosed(checkout: Json) -> str:
    """Return what a checkout tells before paying, in one line."""
    trial, terms = checkout["trial"], checkout["disclosure"]
    offer = f"{trial['days']} days free" if trial["eligible"] else f"no trial ({trial['reason']})"
    charge = f"{terms['first_charge']['display']} on {day(instant(terms['first_charge_at']))}"
    return f"{offer}; due today {terms['due_today']['display']}; {charge}. {terms['renewal']} {terms['cancel']}"


def charged(amounts_minor: list[int]) -> str:
    """Return charges as people read them; the sandbox sells in dollars."""
    return ", ".join(dollars(amount) for amount in amounts_minor) or "nothing"


def dollars(amount_minor: int) -> str:
    """Return cents as dollars."""
    return f"${amount_minor // 100}.{amount_minor % 100:02}"


def instant(text: str) -> datetime:
    """Return an RFC 3339 instant."""
    return datetime.fromisoformat(text)


def day(at: datetime) -> str:
    """Return the day as people write it."""
    return f"{at.day} {at:%B %Y}"
