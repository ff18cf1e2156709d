"""A newsroom on one machine: embedded servers, a stand-in Stripe, and the tour."""
