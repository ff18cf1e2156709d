"""Newsstand's application: the paywall back end of a news site."""
