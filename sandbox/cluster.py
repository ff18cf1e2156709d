"""A Valkey cluster, three primaries with a replica each, as our own children: slots may move and primaries die."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from sandbox.processes import Child, ServerDidNotStart, free_port
from sandbox.servers import Valkey

SLOTS = 16_384
NODE_TIMEOUT_MS = 1_000
"""After how long a silent node counts as failed; a replica takes over within about twice that."""


class ClusterNode(Valkey):
    """One server of a cluster."""

    def __init__(self, directory: Path, port: int) -> None:
        super().__init__(directory, port, durable=False)
        self.bus_port = free_port()  # the default, 10,000 above the port, may lie beyond 65535

    def client(self) -> redis.Redis:
        """Return a plain client of this very server."""
        return redis.Redis(port=self.port, protocol=2, socket_timeout=5)

    def _command(self) -> list[str]:
        return [
            *super()._command(), "--cluster-enabled", "yes", "--cluster-port", str(self.bus_port),
            "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip


class ValkeyCluster:
    """The running cluster: `primaries[n]` is replicated by `replicas[n]` until something fails over."""

    def __init__(self, directory: Path, primaries: int = 3) -> None:
        nodes = [ClusterNode(directory / f"node-{number}", free_port()) for number in range(2 * primaries)]
        self.primaries, self.replicas = nodes[:primaries], nodes[primaries:]
        self.children: dict[ClusterNode, Child] = {}

    @property
    def nodes(self) -> list[ClusterNode]:
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        """Return an address that names two of the servers; the others are to be learnt."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.primaries[:2])

    def start(self) -> None:
        """Return once every server says that the cluster is whole and each primary has its replica."""
        for node in self.nodes:
            self.children[node] = node.spawn()
        for node, child in self.children.items():
            child.wait_until(lambda node=node, child=child: node.is_ready(child), timeout_seconds=30)  # type: ignore[misc]
        self._share_out()
        self._introduce()
        self._attach()
        self.wait_until(lambda: all(b"cluster_state:ok" in _info(node) for node in self.nodes))
        self.wait_until(lambda: all(_has_replica(node) for node in self.primaries))

    def stop(self) -> None:
        """End every server, also one that is frozen."""
        for child in self.children.values():
            child.process.kill()
        for child in self.children.values():
            child.stop()

    def kill(self, node: ClusterNode) -> None:
        """Let this server die at once."""
        self.children[node].process.kill()
        self.children[node].stop()

    def flush(self) -> None:
        """Empty every server."""
        for node in self.primaries:
            with node.client() as client:
                client.execute_command("FLUSHALL")

    def wait_until(self, is_so: Callable[[], bool], *, timeout_seconds: float = 30) -> None:
        """Return once it is so; raise ServerDidNotStart when time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise ServerDidNotStart(f"the cluster did not come together in {timeout_seconds:.0f} s")
            time.sleep(0.05)

    def _share_out(self) -> None:
        share = SLOTS // len(self.primaries) + 1
        for number, node in enumerate(self.primaries):
            with node.client() as client:
                first, last = number * share, min((number + 1) * share, SLOTS) - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)

    def _introduce(self) -> None:
        first, *others = self.nodes
        with first.client() as client:
            for other in others:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus_port)
        known = f"cluster_known_nodes:{len(self.nodes)}\r".encode()
        self.wait_until(lambda: all(known in _info(node) for node in self.nodes))

    def _attach(self) -> None:
        for primary, replica in zip(self.primaries, self.replicas, strict=True):
            with primary.client() as client, replica.client() as follower:
                primary_id = client.execute_command("CLUSTER", "MYID")
                follower.execute_command("CLUSTER", "REPLICATE", primary_id)


def _info(node: ClusterNode) -> bytes:
    with node.client() as client:
        found: bytes = client.execute_command("CLUSTER", "INFO", **{redis.client.NEVER_DECODE: True})
        return found


def _has_replica(node: ClusterNode) -> bool:
    with node.client() as client:
        replicas = client.info("replication")
    return bool(replicas["connected_slaves"] == 1 and replicas["slave0"]["state"] == "online")


@contextmanager
def running_cluster(directory: Path) -> Iterator[ValkeyCluster]:
    """Run a cluster with its servers' folders in `directory`; stop them all, also where only some came up."""
    cluster = ValkeyCluster(directory)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
