"""A whole fleet: members as processes on hosts of their own, a real store, and a receiver of one of several kinds.

The receiver judges: a name that comes from two members at a time is on the air twice, whatever anybody says.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs

from camcast.cli.fleet import report
from camcast.cli.fleet_store import Looking, coordinator
from camcast.coordinators import Holder
from camcast.event_fields import plain
from camcast.host import PluginHost
from camcast_rtmp.receiver import Receiver
from tests.fleet.net import Net
from tests.fleet.receivers import Open, last_of
from tests.servers.process import free_port, wait_for

T = TypeVar("T")

LEASE = 3.0
CAMERAS = 6
SMALL: Mapping[str, Any] = {
    "source": {"type": "testsrc"},
    "encoder": {"type": "H264_CBR", "width": 176, "height": 144, "framerate": 8, "bitrate": 100, "gop": 0.5},
}
"""A picture that costs next to nothing."""
READY = 60.0
"""Seconds for a fleet to be whole again, on a machine that does much else."""
FRESH = 0.5
"""Seconds since something came of a publisher that has not said goodbye, in which it counts as there."""


class Air:
    """A receiver on a thread, and what can be said of it at any moment."""

    def __init__(self, host: str, *, receiver: type[Receiver] = Open) -> None:
        self.receiver = receiver(host=host, port=free_port(host))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="air", daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.receiver.start(), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _end(self) -> None:
        await self.receiver.stop()
        beside = asyncio.all_tasks() - {asyncio.current_task()}
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        """Have something done on the receiver's loop until the end."""
        asyncio.run_coroutine_threadsafe(doing, self._loop)

    def ask(self, what: Callable[[], T]) -> T:
        """Call it there, where nothing changes meanwhile."""

        async def told() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(told(), self._loop).result(20)

    def publications(self, name: str) -> list[tuple[int, int]]:
        """From the first to the last picture of each, `monotonic_ns`, in the order of their beginnings."""
        found = [one.arrivals for one in list(self.receiver.recordings) if one.name == name]
        return sorted((one[0], one[-1]) for one in found if len(one))

    def doubled(self, since: int = 0, *, itself: bool = False) -> list[tuple[str, float]]:
        """Names of which one member's publication began after `since`, `monotonic_ns`, while another's went on; with
        for how many seconds. 0 where the receiver has thrown the other out at that moment.

        Members are told apart by their addresses. `itself`: one member counts as two, where all have the same.
        """
        found = []
        whole = [one for one in list(self.receiver.recordings) if len(one.arrivals)]
        for new in whole:
            begin = new.arrivals[0]
            for old in whole if begin > since else ():
                if old is new or old.name != new.name or old.arrivals[0] > begin:
                    continue
                end = last_of(old)
                there = begin < end or (not old.clean and begin < end + FRESH * 1e9)
                if there and (itself or old.peer != new.peer):
                    found.append((new.name, max(end - begin, 0) / 1e9))
        return found

    def lit(self, names: Sequence[str], since: int = 0) -> list[str]:
        """Those of `names` of which something has come after `since`, `monotonic_ns`."""
        return [name for name in names if any(end > since for _, end in self.publications(name))]

    def until_dark(self, names: Sequence[str], within: float) -> None:
        """Wait until nothing has come of any of `names` for a second."""

        def all_dark() -> bool:
            return not self.lit(names, time.monotonic_ns() - 1_000_000_000)

        wait_for(all_dark, timeout=within, why=f"none of {names} on the air")

    def until_begun(self, names: Sequence[str], since: int, within: float) -> float:
        """Wait until each of `names` has a publication that began after `since`, `monotonic_ns`; returns after how many
        seconds the last of them had."""

        def all_begun() -> bool:
            return all((found := self.publications(name)) and found[-1][0] > since for name in names)

        wait_for(all_begun, timeout=within, why=f"new publications of {names}")
        begins = [next(begin for begin, _ in self.publications(name) if begin > since) for name in names]
        return (max(begins, default=since) - since) / 1e9

    def until_lit(self, names: Sequence[str], since: int, within: float) -> float:
        """Wait until something has come of all `names` after `since`; returns how many seconds after it that was."""

        def all_lit() -> bool:
            return len(self.lit(names, since)) == len(names)

        wait_for(all_lit, timeout=within, why=f"all of {names} on the air")
        return max(min(end for _, end in self.publications(name) if end > since) - since for name in names) / 1e9


@attrs.frozen(kw_only=True)
class Plan:
    """What a fleet is made of. Its store, where it is one server, is on the host after the members'."""

    members: int = 3
    options: Sequence[str] = ()
    """Of each member."""
    receiver: type[Receiver] = Open
    clustered: bool = False
    """Whether the store is three servers: each on a host with a member."""
    apart: bool = False
    """Whether those have hosts of their own instead, after the members'."""
    own: Mapping[str, Any] = attrs.field(factory=dict)
    """Each member's own configuration."""
    rules: Mapping[str, Any] = attrs.field(factory=dict)
    """"fleet" of what is desired."""
    cameras: int = CAMERAS
    lease: float = LEASE
    stream: Mapping[str, Any] = SMALL
    """What each camera has of a stream's keys."""
    together: bool = False
    """Whether all members are there before anything is desired, so that each camera begins where it is placed."""
    overlaps: bool = False
    """Whether two may have a camera on the air while the one gives it to the other."""
    fleet: str = "site"
    first: int = 0
    """Its members' first host: several fleets may be on one net, and have one store."""
    beside: int = 0
    """Hosts of other fleets' members, between these members' and the store's."""

    @property
    def stores(self) -> range:
        """The hosts of the store."""
        if self.clustered and not self.apart:
            return range(3)
        first = self.first + self.members + self.beside
        return range(first, first + (3 if self.clustered else 1))

    @property
    def hosts(self) -> int:
        return max(self.first + self.members, self.stores.stop)


class Host:
    """Member `index` of a fleet; `number` is its host's on the net."""

    def __init__(self, site: Site, index: int, *options: str) -> None:
        self.name = f"m{index}"
        self.number = site.plan.first + index
        self._site = site
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.log = site.folder / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self._site.net.prefix(self.number),
                    *(sys.executable, "-m", "camcast", "fleet", "run", "--plain"),
                    *("--store", self._site.store, "--name", self.name, "--lease", f"{self._site.plan.lease:g} s"),
                    *("--state", str(self._site.folder), "--fleet", self._site.plan.fleet, *self._options),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "XDG_RUNTIME_DIR": str(self._site.folder)},
            )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.signal(signal.SIGKILL)
            self.process.wait(10)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Site:
    """`store`: URL."""

    def __init__(self, folder: Path, net: Net, store: str, plan: Plan) -> None:
        self.folder, self.net, self.store, self.plan = folder, net, store, plan
        self.air = Air(net.here, receiver=plan.receiver)
        own = folder / "member.json"
        own.write_text(json.dumps(plan.own))
        self.hosts = [
            Host(self, number, str(own), "--label", f"host=m{number}", *plan.options) for number in range(plan.members)
        ]
        self.looking = Looking(coordinator(PluginHost(), store, plan.fleet, "judge", (), plan.lease))
        self.air.run(self._look())
        self.names = [f"cam{number}_main" for number in range(plan.cameras)]
        self.judged_since = 0

    def judge_from_now(self) -> None:
        """What two have published so far is past: somebody has said that they may."""
        self.judged_since = time.monotonic_ns()

    def fleet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`camcast fleet …`, here."""
        command, *rest = words
        where = "--store", self.store, "--fleet", self.plan.fleet
        return subprocess.run(
            [*(sys.executable, "-m", "camcast", "fleet", command), *rest, *where],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def status(self) -> dict[str, Any]:
        """As `camcast fleet status --json` tells it, without a process for each look."""
        shown: dict[str, Any] = plain(self.air.ask(lambda: report(self.looking)))
        return shown if self.looking.synced.is_set() else {**shown, "members": [], "cameras": []}

    def lives(self) -> dict[str, str]:
        """Each member's present incarnation."""
        cards = {host.name: self.looking.roster.card(host.name) for host in self.hosts}
        return {name: card.holder.incarnation for name, card in cards.items() if card is not None}

    def holders(self) -> set[Holder | None]:
        """Who has cameras, as the store tells."""
        records = [self.looking.claims.record(number) for number in range(self.plan.cameras)]
        return {record.holder if record else None for record in records}

    async def _look(self) -> None:
        await self.looking.store.run(self.looking.hear)

    def apply(self) -> None:
        """Have the plan's cameras run."""
        file = self.folder / "fleet.json"
        url = self.air.receiver.url("live", "cam{camera_id}_{stream_name}", host=self.net.here)
        one = [{"name": "main", **self.plan.stream}]
        output = {"url_template": url, "retry_policy": {"initial_delay": 0.2, "max_delay": 0.5, "max_attempts": None}}
        listed = [{"camera_id": number, "name": f"cam{number}", "streams": one} for number in range(self.plan.cameras)]
        file.write_text(json.dumps({"rtmp": output, "cameras": listed, "fleet": self.plan.rules}))
        done = self.fleet("apply", str(file))
        assert done.returncode == 0, done.stderr

    def until_whole(self) -> None:
        """Every member runs, and every camera is on the air, on whichever."""
        self.net.heal(*(host.number for host in self.hosts))
        for host in self.hosts:
            if not host.running:
                host.kill()
                host.start()
            host.signal(signal.SIGCONT)
        wait_for(self._is_whole, timeout=READY, why=f"a whole fleet\n{self.logs()}")
        self.air.until_lit(self.names, time.monotonic_ns(), READY)

    def _is_whole(self) -> bool:
        found = self.status()
        holds = {one["member"] for one in found["cameras"] if one["state"] == "on air"}
        return len(found["members"]) == len(holds) == len(self.hosts) and len(found["cameras"]) == len(self.names)

    def on(self, host: Host) -> list[str]:
        """Names that a member publishes."""
        return [f"cam{one['camera_id']}_main" for one in self.status()["cameras"] if one["member"] == host.name]

    def told(self, since: int) -> str:
        """What members have said since then (`monotonic_ns`), with how many seconds after it: where the time went."""
        began = time.time() - (time.monotonic_ns() - since) / 1e9
        lines = sorted((line.at - began, line.member, line.camera_id, line.text) for line in self.looking.lines)
        return "\n".join(f"{at:6.2f} s {member} {camera}: {text}" for at, member, camera, text in lines if at > 0)

    def logs(self) -> str:
        return "\n".join(f"--- {host.name}\n{host.log.read_text()[-2500:]}" for host in self.hosts if host.log.exists())


@contextmanager
def site(folder: Path, net: Net, store: str, plan: Plan) -> Iterator[Site]:
    """A fleet that is whole."""
    made = Site(folder, net, store, plan)
    made.air.start()
    try:
        if not plan.together:
            made.apply()
        for host in made.hosts:
            host.start()
        if plan.together:
            wait_for(
                lambda: len(made.status()["members"]) == plan.members,
                timeout=READY,
                why=f"all members\n{made.logs()}",
            )
            made.apply()
        made.until_whole()
        yield made
    finally:
        for host in made.hosts:
            host.kill()
        made.air.stop()
