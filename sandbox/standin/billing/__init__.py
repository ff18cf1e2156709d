"""The billing engine: what a subscription does as its time passes."""
