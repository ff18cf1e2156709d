"""A small OpenID Connect provider, for the sandbox and for tests: Authlib's server side, and people to be."""
