"""Hours of cameras, servers and faults: what survived, what it cost, and whether anything grows.

Seven sessions of four cameras publish to nginx (one behind a cable that can be cut), to nginx over TLS and to
receivers, most through proxies; standby is cold, warm and hot. Faults come one at a time, at random with a fixed seed.
A fault is survived when every session delivers again within `PATIENCE` of its end. The table is written at the end,
also of an aborted run; the balance (offered = sent + drops by reason) is checked for every session.

    python -m bench.soak --hours 2 [--minutes M] [--seed S]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import psutil
from tests.faults.netns import Namespace
from tests.faults.proxy import FaultProxy, Greeting
from tests.media import made
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx

from bench.peers import Peer
from bench.report import RESULTS, Row, keep, show
from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig
from camcast.config import EncoderConfig, TargetConfig
from camcast.events import SessionState
from camcast.media import MediaKind
from camcast.session.session import Session
from camcast.session.stage import OnAir

PATIENCE = 150.0
"""nginx holds the name of a connection that vanished for up to 90 s: it pings each minute and waits for half of one."""
CALM = (4.0, 7.0)
"""Seconds between faults."""
SAMPLE = 5.0
POLICY = RetryPolicy(max_attempts=None, max_delay=8.0)
WARM_UP = 0.2
"""The part of the run whose memory does not count."""


_NOTE = f"""Off air counts seconds without a publishing attempt, of all sessions together; a silent server counts from
when that was noticed. The process holds the proxies as well. Memory, tasks and descriptors are given at the start and
at the end, the slope without the first {WARM_UP:.0%} of the run."""


@attrs.define
class Place:
    """Servers and what stands before them."""

    near: Nginx
    far: Nginx
    cable: Namespace
    peers: list[Peer]
    proxies: dict[str, FaultProxy]
    rng: random.Random

    def proxy(self) -> FaultProxy:
        """One that carries something."""
        return self.rng.choice([proxy for proxy in self.proxies.values() if proxy.open] or [*self.proxies.values()])


@attrs.define
class Tally:
    """Of one kind of fault."""

    times: int = 0
    survived: int = 0
    off_air: float = 0.0
    """Seconds, of all sessions together."""
    longest: float = 0.0


# --- faults: each does its harm and mends it ---------------------------------------------------------------


async def _killed(place: Place) -> None:
    await asyncio.to_thread(place.near.kill)
    await asyncio.sleep(place.rng.uniform(0.5, 4))
    await asyncio.to_thread(place.near.start)


async def _stopped(place: Place) -> None:
    place.near.freeze()
    await asyncio.sleep(place.rng.uniform(2, 9))
    place.near.thaw()


async def _restarted(place: Place) -> None:
    await asyncio.to_thread(place.near.restart)


async def _receiver_killed(place: Place) -> None:
    peer = place.rng.choice(place.peers)
    await asyncio.to_thread(peer.kill)
    await asyncio.sleep(place.rng.uniform(0.5, 4))
    await asyncio.to_thread(peer.start)


async def _cable_cut(place: Place) -> None:
    await asyncio.to_thread(place.cable.cut)
    await asyncio.sleep(place.rng.uniform(1, 10))
    await asyncio.to_thread(place.cable.mend)


async def _reset(place: Place) -> None:
    await asyncio.to_thread(place.proxy().reset)


async def _finished(place: Place) -> None:
    await asyncio.to_thread(place.proxy().finish)


async def _garbage(place: Place) -> None:
    await asyncio.to_thread(place.proxy().inject, place.rng.randbytes(8192))


async def _half_open(place: Place) -> None:
    proxy = place.proxy()
    await asyncio.to_thread(proxy.freeze)
    await asyncio.sleep(place.rng.uniform(3, 9))
    await asyncio.to_thread(proxy.thaw)


async def _throttled(place: Place) -> None:
    proxy = place.proxy()
    proxy.rate_up = place.rng.uniform(60_000, 300_000)
    await asyncio.sleep(place.rng.uniform(4, 10))
    proxy.rate_up = None


async def _delayed(place: Place) -> None:
    proxy = place.proxy()
    proxy.delay = place.rng.uniform(0.05, 0.3)
    await asyncio.sleep(5)
    proxy.delay = 0.0


async def _port_closed(place: Place) -> None:
    proxy = place.proxy()
    await asyncio.to_thread(proxy.refuse)
    await asyncio.to_thread(proxy.reset)
    await asyncio.sleep(place.rng.uniform(1, 4))
    await asyncio.to_thread(proxy.listen)


async def _bad_greeting(place: Place) -> None:
    proxy = place.proxy()
    proxy.greeting = place.rng.choice([Greeting.SILENT, Greeting.DEAF, Greeting.FIN, Greeting.RESET, Greeting.GARBAGE])
    await asyncio.to_thread(proxy.reset)
    await asyncio.sleep(place.rng.uniform(1, 4))
    proxy.greeting = Greeting.PASS
    await asyncio.to_thread(proxy.reset)


async def _tls_broken(place: Place) -> None:
    place.proxies["tls"].corrupt(64, down=False)


FAULTS: dict[str, Callable[[Place], Awaitable[None]]] = {
    "server killed": _killed,
    "server stopped (SIGSTOP)": _stopped,
    "server restarted": _restarted,
    "receiver killed": _receiver_killed,
    "cable cut": _cable_cut,
    "RST": _reset,
    "FIN": _finished,
    "garbage": _garbage,
    "half-open": _half_open,
    "throttled": _throttled,
    "delayed": _delayed,
    "port closed": _port_closed,
    "bad greeting": _bad_greeting,
    "TLS record broken": _tls_broken,
}


# --- the run ----------------------------------------------------------------------------------------------


class Soak:
    """One run, and its table at any time."""

    def __init__(self, seconds: float, seed: int) -> None:
        self.seconds = seconds
        self.seed = seed
        self.tallies = {kind: Tally() for kind in FAULTS}
        self.samples: list[tuple[float, float, int, int]] = []
        """(seconds, MB, tasks, descriptors)."""
        self.trouble: list[str] = []
        self.sessions: list[Session] = []
        self.began = time.monotonic()
        self._slow = ""
        self._process = psutil.Process()

    async def run(self) -> None:
        with ExitStack() as stack:
            place, config = await asyncio.to_thread(_build, stack, random.Random(self.seed))
            async with Engine(config) as engine:
                self.sessions = [one for one in engine.sessions if isinstance(one, Session)]
                sampler = asyncio.create_task(self._sample())
                try:
                    await self._delivering(PATIENCE)
                    self.began = time.monotonic()
                    self.samples.clear()
                    await self._faults(place)
                finally:
                    sampler.cancel()
        self._check_balance()

    async def _faults(self, place: Place) -> None:
        bag: list[str] = []
        while time.monotonic() - self.began < self.seconds:
            await asyncio.sleep(place.rng.uniform(*CALM))
            self._note_sample()
            if not bag:
                # Every kind once, in random order, then anew.
                bag = list(FAULTS)
                place.rng.shuffle(bag)
            kind = bag.pop()
            tally, down = self.tallies[kind], self._downtime()
            tally.times += 1
            await FAULTS[kind](place)
            ended = time.monotonic()
            if await self._delivering(PATIENCE):
                tally.survived += 1
            else:
                self.trouble.append(f"{kind}: {self._ill()}")
                for one in self.sessions:
                    one.retry_now()
            tally.longest = max(tally.longest, time.monotonic() - ended)
            tally.off_air += max(0.0, self._downtime() - down)
            print(f"{time.monotonic() - self.began:7.0f} s  {kind}: {time.monotonic() - ended:.1f} s", flush=True)

    async def _delivering(self, patience: float) -> bool:
        """Wait until every session sends, and its peer acknowledges what is sent from now on."""
        seen: dict[Session, tuple[OnAir, int]] = {}
        until = time.monotonic() + patience
        rest = list(self.sessions)
        while rest and time.monotonic() < until:
            await asyncio.sleep(0.1)
            for one in tuple(rest):
                active = one.active
                if one.state is not SessionState.CONNECTED or active is None:
                    seen.pop(one, None)
                    continue
                acked, _pending = active.published.connected.transport.read()
                attempt, before = seen.setdefault(one, (active, acked))
                if attempt is not active:
                    seen[one] = (active, acked)
                elif acked > before and active.outlet.lag < 1.0:
                    rest.remove(one)
        self._slow = ", ".join(one.label for one in rest)
        return not rest

    def _downtime(self) -> float:
        # Without its source a session waits; for whoever looks at the stream, it is off the air as well.
        return sum(one.metrics.downtime + one.metrics.waiting for one in self.sessions)

    def _ill(self) -> str:
        ill = [one for one in self.sessions if one.state is not SessionState.CONNECTED]
        return (
            "; ".join(f"{one.label} {one.state.value}: {one.metrics.last_error}" for one in ill)
            or f"lagging: {self._slow}"
        )

    async def _sample(self) -> None:
        while True:
            self._note_sample()
            await asyncio.sleep(SAMPLE)

    def _note_sample(self) -> None:
        size = self._process.memory_info().rss / 1e6
        self.samples.append((time.monotonic() - self.began, size, len(asyncio.all_tasks()), self._process.num_fds()))

    def _check_balance(self) -> None:
        for one in self.sessions:
            flow = one.recorder.flow
            for kind in MediaKind:
                drops = sum(count for (dropped, _), count in flow.dropped.items() if dropped is kind)
                offered, sent = flow.offered[kind], flow.sent[kind]
                if offered != sent + drops:
                    self.trouble.append(f"{one.label}: {offered} {kind.value} offered, {sent} sent, {drops} dropped")

    # --- the table

    def summary(self) -> Row:
        late = [sample for sample in self.samples if sample[0] >= WARM_UP * self.samples[-1][0]] or self.samples
        frames = {"offered": 0, "sent": 0, "replayed": 0}
        lost: dict[str, int] = {}
        for one in self.sessions:
            metrics = one.metrics
            frames["offered"] += metrics.video_offered + metrics.audio_offered
            frames["sent"] += metrics.frames_sent
            frames["replayed"] += metrics.replayed
            for reason, count in metrics.dropped.items():
                lost[reason] = lost.get(reason, 0) + count
        return {
            "seconds": round(time.monotonic() - self.began),
            "seed": self.seed,
            "sessions": len(self.sessions),
            "faults": sum(tally.times for tally in self.tallies.values()),
            "survived": sum(tally.survived for tally in self.tallies.values()),
            "off_air_s": round(sum(tally.off_air for tally in self.tallies.values()), 1),
            **{f"frames_{name}": count for name, count in frames.items()},
            "frames_lost": dict(sorted(lost.items())),
            "memory_MB": [round(self.samples[0][1], 1), round(self.samples[-1][1], 1)],
            "memory_MB_per_hour": round(_slope(late), 2),
            "tasks": [self.samples[0][2], self.samples[-1][2]],
            "descriptors": [self.samples[0][3], self.samples[-1][3]],
            "balance": not any("offered" in text for text in self.trouble),
            "trouble": self.trouble,
        }

    def rows(self) -> list[Row]:
        return [
            {
                "fault": kind,
                "times": tally.times,
                "survived": tally.survived,
                "off_air_s": round(tally.off_air, 1),
                "off_air_s_each": round(tally.off_air / tally.times, 2) if tally.times else 0.0,
                "longest_until_all_deliver_s": round(tally.longest, 1),
            }
            for kind, tally in self.tallies.items()
        ]

    def write(self, how: str) -> None:
        """Print and keep what there is."""
        if not self.samples:
            print("nothing to tell")
            return
        summary, rows = self.summary(), self.rows()
        show(f"Faults ({how})", rows)
        show("Summary", [{"what": key, "value": str(value)} for key, value in summary.items()])
        name = f"soak-{time.strftime('%Y-%m-%d')}"
        memory = [(round(at), round(size, 1)) for at, size, _, _ in self.samples[:: max(1, len(self.samples) // 100)]]
        keep(name, rows, how=how, summary=summary, memory_MB_at_s=memory)
        columns = list(rows[0])
        lines = [
            f"# Soak of {time.strftime('%Y-%m-%d %H:%M')}: {summary['seconds'] / 3600:.2f} h, {how}",
            "",
            "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
            "|---" * len(columns) + "|",
            *("| " + " | ".join(str(row[column]) for column in columns) + " |" for row in rows),
            "",
            *(f"- {key.replace('_', ' ')}: {value}" for key, value in summary.items()),
            "",
            _NOTE,
        ]
        path = RESULTS / f"{name}.md"
        path.write_text("\n".join(lines) + "\n")
        print(path)


def _slope(samples: list[tuple[float, float, int, int]]) -> float:
    """MB an hour, by least squares."""
    count = len(samples)
    if count < 2:
        return 0.0
    mean_time = sum(sample[0] for sample in samples) / count
    mean_size = sum(sample[1] for sample in samples) / count
    spread = sum((sample[0] - mean_time) ** 2 for sample in samples)
    both = sum((sample[0] - mean_time) * (sample[1] - mean_size) for sample in samples)
    return both / spread * 3600 if spread else 0.0


def _build(stack: ExitStack, rng: random.Random) -> tuple[Place, Config]:
    root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="camcast-soak-")))
    authority = Authority(root / "ca")
    cable = stack.enter_context(Namespace())
    near = stack.enter_context(Nginx(root / "near", certificate=authority.issue()))
    far = stack.enter_context(Nginx(root / "far", host=cable.address, prefix=cable.prefix))
    peers = [stack.enter_context(Peer(keep=False)) for _ in range(2)]
    backends = {"nginx": (near.host, near.port), "tls": ("127.0.0.1", near.tls_port)}
    backends |= {f"peer{n}": (peer.host, peer.port) for n, peer in enumerate(peers)}
    proxies = {name: stack.enter_context(FaultProxy(backend)) for name, backend in backends.items()}

    def via(name: str, key: str) -> str:
        return f"{'rtmps' if name == 'tls' else 'rtmp'}://{proxies[name].address}/live/{key}"

    def session(camera: int, output: str, *urls: str, **settings: Any) -> SessionConfig:
        targets = [
            TargetConfig(url=url, connect_timeout=3.0, ca_file=str(authority.ca_file) if "rtmps" in url else None)
            for url in urls
        ]
        quick: dict[str, Any] = {"retry_policy": POLICY, "failback_after": 10.0, "max_moves_per_hour": 3600, **settings}
        return SessionConfig(camera_id=camera, output=output, targets=targets, **quick)

    files = [made("h264_b_aac"), made("h264_aac"), made("h264_aac_ts")]
    warm = session(1, "warm", via("peer0", "c1"), via("peer1", "c1"), standby="warm")
    hot = session(2, "hot", via("peer1", "d2"), via("peer0", "d2"), standby="hot")
    sessions = {
        0: [session(0, "nginx", via("nginx", "a0")), session(0, "chain", far.url("b0", "live"), via("peer0", "b0"))],
        1: [session(1, "tls", via("tls", "a1")), warm],
        2: [session(2, "far", far.url("e2", "live")), hot],
        3: [session(3, "drawn", via("nginx", "f3"), via("peer1", "f3"))],
    }
    cameras = []
    for camera, outputs in sessions.items():
        if camera < len(files):
            source = SourceConfig(type="file", url=str(files[camera]), options={"loop": True})
            stream = StreamConfig(source=source, sessions=tuple(outputs))
        else:
            encoder = EncoderConfig(type="H264_CBR", width=320, height=240, framerate=15, bitrate_kbps=300)
            source = SourceConfig(type="testsrc", options={"tone": 440})
            stream = StreamConfig(source=source, encoder=encoder, sessions=tuple(outputs))
        cameras.append(CameraConfig(camera_id=camera, streams=(stream,)))
    return Place(near, far, cable, peers, proxies, rng), Config(cameras=tuple(cameras))


async def _main(soak: Soak) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await soak.run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--minutes", type=float, default=0.0, help="instead of hours")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    soak = Soak(arguments.minutes * 60 or arguments.hours * 3600, arguments.seed)
    how = "aborted"
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_main(soak))
            how = "complete"
    finally:
        soak.write(how)
    survived = all(tally.survived == tally.times for tally in soak.tallies.values())
    return 0 if survived and not soak.trouble else 1


if __name__ == "__main__":
    sys.exit(main())
