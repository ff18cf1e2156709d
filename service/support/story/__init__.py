"""A reader's story for people: what happened, in words, and why an article was opened or not."""
