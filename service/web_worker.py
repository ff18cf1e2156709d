"""gunicorn's threaded worker, which also listens for itself: each gets its share of the connections that come.

With one socket for all, whoever of the workers wakes up first takes nearly all of a burst of connections, and a proxy
keeps them open for good: of 8, two workers were seen to hold 0 and 8. Of several sockets on one port Linux chooses by
the connection's addresses (SO_REUSEPORT, socket(7)), so evenly in the long run. The one of all remains, for while no
worker is ready: a reload refuses nobody.

What gunicorn asks of the kernel in every turn of its loop, so about once a request, is asked each second.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

from gunicorn import sock, util
from gunicorn.workers.gthread import ThreadWorker

OWN_SOCKETS = 4
"""Of each worker, so that of two workers' connections one in nine is left to whoever wakes up first."""
EVERY_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""How long a worker that cannot start waits before another one may try."""
_CANNOT_START = 1
"""Neither of the numbers at which gunicorn's master stops everything."""


class BalancedWorker(ThreadWorker):  # type: ignore[misc]
    """Listens once the application is there, not before: callers would wait whom the others answer at once."""

    sockets: list[Any]
    own: list[Any]
    served: Any = bytearray(1)
    """A byte of all: set once any worker was ready. Its own, where nobody hands one over."""
    notify_at = look_at = 0.0

    def init_process(self) -> None:
        """Start, and serve; one who cannot start, as with a slip in plans.yaml, takes nobody else down any more."""
        try:
            super().init_process()
        except Exception:
            if self.booted or not self.served[0]:
                raise
            self.log.exception("Worker cannot start; others go on, and it is tried again")
            until = time.monotonic() + AGAIN_SECONDS
            while self.alive and time.monotonic() < until:
                time.sleep(0.1)
            sys.exit(_CANNOT_START)

    def run(self) -> None:
        """Listen and serve until told to stop."""
        # What was made while loading stays for good. Looking through all of it for rubbish took a quarter of a second
        # now and then, in which nobody was answered.
        gc.collect()
        gc.freeze()
        address = self.sockets[0].getsockname()[:2]
        self.own = [listening(address, self.cfg, self.log) for _ in range(OWN_SOCKETS)]
        self.sockets = [*self.sockets, *self.own]
        self.served[0] = 1
        self.log.info("Ready to answer")
        super().run()

    def notify(self) -> None:
        """Give the master a sign of life: it waits half a minute for the next (`timeout`)."""
        now = time.monotonic()
        if now >= self.notify_at:
            self.notify_at = now + EVERY_SECONDS
            super().notify()

    def is_parent_alive(self) -> bool:
        """Tell whether the master is there."""
        now = time.monotonic()
        if now < self.look_at:
            return True
        self.look_at = now + EVERY_SECONDS
        alive: bool = super().is_parent_alive()
        return alive

    def set_accept_enabled(self, enabled: bool) -> None:
        """As ever; but who stops takes what has come to their own sockets, or whoever it is would wait in vain."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self.sockets = [each for each in self.sockets if each not in self.own]
            for each in self.own:
                self._take_all(each)
                each.close()

    def _take_all(self, listener: Any) -> None:
        before = -1
        while before != self.nr_conns:
            before = self.nr_conns
            self.accept(listener)


def listening(address: tuple[str, int], cfg: Any, log: Any) -> Any:
    """Return a socket that listens at the address, beside others where `reuse_port` is set; raises OSError."""
    kind = sock.TCP6Socket if util.is_ipv6(address[0]) else sock.TCPSocket
    return kind(address, cfg, log)
