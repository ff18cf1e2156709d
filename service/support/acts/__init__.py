"""What staff do about an account: one module a kind of act, each with its effect in words before it is done.

The API (`service/api/acts/`) and the console (`service/console/pages/acts.py`) are two faces of these.
"""
