"""The offer: plans.yaml read and checked, and Stripe's products, prices and portal brought in step with it."""
