"""Stripe intake: verify, store, route, and sync one customer at a time."""
