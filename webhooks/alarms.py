"""What an event says that somebody should look into, beside what it means for a reader."""

from __future__ import annotations

import stripe

from webhooks.events import StripeEvent

NOT_FINALIZED = "invoice.finalization_failed"
OTHER_VERSION = "other_api_version"
MISDIRECTED = frozenset({"wrong_livemode", "connected_account"})
ALARMS = frozenset({NOT_FINALIZED, OTHER_VERSION, *MISDIRECTED})


def alarm_of(event: StripeEvent, ignored: str | None) -> str | None:
    """Return the one of ALARMS that an event gives cause for whichever way it came, or None; `ignored` is why it was.

    An endpoint of another mode or account is set up wrongly; its events are harmless here. An invoice that could not be
    finalized is collected from nobody until people act.
    """
    if ignored in MISDIRECTED:
        return ignored
    return NOT_FINALIZED if event.type.removeprefix("v1.") == NOT_FINALIZED else None


def is_of_other_version(event: StripeEvent) -> bool:
    """Tell whether a delivery is of another API version than the endpoint should be pinned to; thin events have none.

    Harmless too, for nothing but ids is taken from an event. Listed events are of whatever version made them.
    """
    return event.api_version not in {None, stripe.api_version}
