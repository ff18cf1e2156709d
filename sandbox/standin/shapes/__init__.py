"""The objects' shapes at API version 2026-10-28.endive: every member that Stripe always sends, nulls included."""
