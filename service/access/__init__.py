"""May this reader read this article: the decision, passes, and projecting what Stripe said."""
