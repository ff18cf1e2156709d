"""Who reads without the meter: gifts, signed links, institutions, and verified crawlers."""
