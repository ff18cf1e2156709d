"""Our figures beside our peers', taken in one run: `make bench`."""
