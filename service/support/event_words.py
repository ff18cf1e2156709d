"""What became of an event, and why, in sentences that need no knowledge of the code. Pure."""

from __future__ import annotations

from webhooks.state import EventState

STATES = {
    EventState.PENDING: "waiting",
    EventState.FAILED: "failed, tried again by itself",
    EventState.QUARANTINED: "quarantined",
    EventState.DONE: "applied",
    EventState.IGNORED: "without effect",
}

REPLAYED = (
    "A replay fetches the customer from Stripe anew, at once. Nothing of the event itself is applied, so nothing "
    "happens twice."
)

_STORIES = {
    EventState.PENDING: "It waits for a worker, which takes seconds as a rule.",
    EventState.FAILED: "What it needed from Stripe failed; it is tried again by itself, less and less often.",
    EventState.QUARANTINED: (
        "It has failed so often that only a replay helps soon: put right what the reason says, then replay it."
    ),
    EventState.DONE: "The customer was fetched from Stripe after it came, and what Stripe said was applied.",
    EventState.IGNORED: "It is kept, and changes nothing.",
}

_REASONS = {
    "wrong_livemode": "It is of Stripe's other mode: live and test data never mix.",
    "connected_account": "It belongs to a connected Stripe account, not to this publication's own.",
    "concerns_no_customer": "It is about something that concerns no single reader, such as a product or a payout.",
    "names_no_customer": "It leads to no customer at Stripe.",
    "APIConnectionError": "Stripe could not be reached.",
    "APIError": "Stripe had trouble of its own.",
    "AuthenticationError": "Stripe refused our key: look at STRIPE_SECRET_KEY.",
    "InvalidRequestError": "Stripe refused the question, as it does for what is not there (any more).",
    "PermissionError": "Our key may not ask for this at Stripe: it is a restricted one.",
    "RateLimitError": "Stripe was asked too often.",
}


def story_of(state: EventState) -> str:
    """Return what the state means for this event."""
    return _STORIES[state]


def reason_of(reason: str | None) -> str | None:
    """Return the reason in words; one that is not known is a fault of ours, told by its name."""
    if reason is None:
        return None
    kind = reason.split(":")[0]
    return _REASONS.get(kind) or f"Something here failed ({kind}); whoever runs Newsstand finds it in the logs."
