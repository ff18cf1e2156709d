"""What is left to be done at Stripe, in words: this service erases what is here, and redacts nothing there.

Source: https://docs.stripe.com/privacy/redaction (a public preview, and irreversible) and
https://docs.stripe.com/privacy/deletion-requests (what may stand in the way).
"""

from __future__ import annotations

from collections.abc import Sequence


def steps_at_stripe(customer_ids: Sequence[str]) -> list[str]:
    """Return what to do there, in order; nothing for somebody who never was a customer."""
    if not customer_ids:
        return []
    named = " and ".join(customer_ids)
    objects = " ".join(f'-d "objects[customers][]={each}"' for each in customer_ids)
    return [each.format(customers=named, objects=objects) for each in _STEPS]


_STEPS = tuple(
    """\
Note {customers} now: the customer's number is not kept here, and Stripe needs it.
In Stripe's Dashboard, open the customer. Void open invoices, and wait until a dispute is decided: Stripe takes a \
redacted payment for lost, and can't refund it.
Detach the cards, and cancel payments that were begun and never made. Stripe redacts payments only 90 days after they \
were made.
Ask for the redaction: curl https://api.stripe.com/v1/privacy/redaction_jobs -u YOUR_SECRET_KEY: {objects}
Look at the job until it is ready, put right what it names, and run it: POST to /run under the job's address. It can't \
be undone. The customer's payments, invoices, subscriptions, events and request logs are redacted with it.
What Stripe must keep by law, it keeps; tell the reader so.""".splitlines()
)
