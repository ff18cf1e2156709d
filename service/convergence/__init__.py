"""Convergence: long work that brings the record back in step with Stripe, whatever was lost."""
