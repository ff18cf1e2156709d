"""Selling: checkout, portal, cancellation, and keeping Stripe's catalog in step with plans.yaml."""
