"""A stand-in for Stripe that the unmodified SDK talks to over HTTP."""
