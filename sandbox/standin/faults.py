"""Faults on demand: webhooks that drop, delay, duplicate and shuffle, and an API that answers 429 or 500."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.standin.errors import InvalidRequest


@dataclass
class Faults:
    """What goes wrong from now on. All off by default; probabilities are 0 to 1."""

    drop: float = 0.0
    """Probability that a delivery is never made: only the events list still tells of it."""
    delay_seconds: float = 0.0
    """Every delivery waits this long."""
    duplicate: float = 0.0
    """Probability that a delivery is made twice."""
    shuffle: bool = False
    """Pending deliveries go out in random order."""
    status: int = 0
    """With 429, 500 or 503, the API answers this instead of working; 0 is off."""
    status_rate: float = 1.0
    """Probability with which `status` strikes a request."""
    api_delay_seconds: float = 0.0
    """Every API answer waits this long."""
    seed: int | None = None
    """Makes the dice repeatable."""
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self, probability: float) -> bool:
        """Roll the dice."""
        return probability > 0 and self.dice.random() < probability

    def as_json(self) -> dict[str, Any]:
        """Return the settings."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "dice"}


def faults_from(settings: Any) -> Faults:
    """Return the faults that a JSON object asks for; raise InvalidRequest for anything else."""
    known = {each.name: each for each in fields(Faults) if each.name != "dice"}
    if not isinstance(settings, dict):
        raise InvalidRequest("Send a JSON object of faults; {} clears them all.")
    for name, value in settings.items():
        if name not in known:
            raise InvalidRequest(f"Unknown fault: {name}. Known: {', '.join(known)}.", param=name)
        wants_bool = known[name].type == "bool"
        if isinstance(value, bool) != wants_bool or not isinstance(value, int | float):
            raise InvalidRequest(f"Fault {name} takes {'true or false' if wants_bool else 'a number'}.", param=name)
    seed = settings.get("seed")
    # The dice decide which webhook goes wrong; nothing here is a secret.
    return Faults(**settings, dice=random.Random(seed))  # noqa: S311
