"""Which process this is, without asking the kernel: on a page view seven parts want to know, and each call is felt."""

from __future__ import annotations

import os


class ThisProcess:
    """Has the process' own `pid`, in each that forks from it too."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        os.register_at_fork(after_in_child=self._look)

    def _look(self) -> None:
        self.pid = os.getpid()


this_process = ThisProcess()
