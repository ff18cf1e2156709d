"""The free-article meter: windows, counting and passes in Redis; it knows nothing of billing."""
