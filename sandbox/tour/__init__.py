"""`newsstand tour`: the readers' whole journey against a running newsroom, over HTTP alone, as a timeline.

command ── asks where everything is ──▶ itinerary ── steps in order ──▶ timeline (what was expected, what was seen)
                                           │
               trip: api (site and support) · browser (Stripe's hosted pages) · stripe_account (clock, charges)
"""
