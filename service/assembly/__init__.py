"""The composition root: real parts put together from the settings, for each kind of process."""
