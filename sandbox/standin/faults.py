"""Faults on demand: webhooks that go astray, events that are odd, and an API that fails.

`GET /_standin/faults` shows the switches and what each does; POST a JSON object replaces them all, `{}` clears them.
What an endpoint gets (thin events, two signatures while its secret is rolled) and single odd events have levers of
their own: see levers/.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.standin.errors import InvalidRequest


def _switch(default: Any, says: str) -> Any:
    return field(default=default, metadata={"help": says})


@dataclass
class Faults:
    """What goes wrong from now on. All off by default; probabilities are 0 to 1."""

    drop: float = _switch(0.0, "probability that a delivery is never made: only the events list still tells of it")
    delay_seconds: float = _switch(0.0, "every delivery waits this long")
    duplicate: float = _switch(0.0, "probability that a delivery is made twice, with the same event id")
    shuffle: bool = _switch(False, "pending deliveries go out in random order")
    twin: float = _switch(0.0, "probability that a change is told twice, as two events with different ids")
    replay: float = _switch(0.0, "probability that with a new event an old one, drawn at random, is sent again")
    unknown_type: float = _switch(0.0, "probability that with an event goes one of a type that nobody knows")
    api_version: str | None = _switch(None, "events carry this version, and before 2025-03-31 also its shapes")
    livemode: bool = _switch(False, "events say that they are live")
    account: str | None = _switch(None, "events name this connected account (acct_...)")
    status: int = _switch(0, "with 429, 500 or 503, the API answers this instead of working; 0 is off")
    status_rate: float = _switch(1.0, "probability with which `status` strikes a request")
    saved: bool = _switch(False, "`status` 500 strikes requests with an idempotency key only, and is saved under it")
    api_delay_seconds: float = _switch(0.0, "every API answer waits this long, then the work is done all the same")
    seed: int | None = _switch(None, "makes the dice repeatable")
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self, probability: float) -> bool:
        """Roll the dice."""
        return probability > 0 and self.dice.random() < probability

    def as_json(self) -> dict[str, Any]:
        """Return the settings."""
        return {each.name: getattr(self, each.name) for each in _switches()}


def _switches() -> list[Any]:
    return [each for each in fields(Faults) if each.name != "dice"]


def explained() -> dict[str, str]:
    """Return what each switch does."""
    return {each.name: each.metadata["help"] for each in _switches()}


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "int | None": ((int, type(None)), "a whole number or null"),
    "str | None": ((str, type(None)), "a text or null"),
}


def faults_from(settings: Any) -> Faults:
    """Return the faults that a JSON object asks for; raise InvalidRequest for anything else."""
    known = {each.name: each for each in _switches()}
    if not isinstance(settings, dict):
        raise InvalidRequest("Send a JSON object of faults; {} clears them all.")
    for name, value in settings.items():
        if name not in known:
            raise InvalidRequest(f"Unknown fault: {name}. Known: {', '.join(known)}.", param=name)
        types, wanted = _KINDS[known[name].type]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise InvalidRequest(f"Fault {name} takes {wanted}.", param=name)
    # The dice decide which webhook goes wrong; nothing here is a secret.
    return Faults(**settings, dice=random.Random(settings.get("seed")))  # noqa: S311
