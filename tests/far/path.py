"""A server far away: two hosts on this machine with a real link between them. Needs root.

Unlike a proxy, a link does not end TCP: acknowledgements take the round trip, queues fill up, packets get lost and are
sent again, and congestion control is the kernel's own.

    with Path(round_trip=0.15, rate=2_500_000) as path:
        Nginx(directory, host=path.address, prefix=path.prefix)     # over there
        with path.there(): socket.create_server((path.address, 0))  # the same from within this process
        path.cut(1.5)
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as File
from typing import Any, Self

from tests.far.link import GROUP, NICE
from tests.far.way import Counts, Settings

ROOT = File(__file__).parent.parent.parent
ALGORITHMS = ("cubic", "bbr")
"""Congestion controls that matter: Linux's own, and the one that big senders switch on."""
_TCP = File("/proc/sys/net/ipv4")
_CLONE_NEWNET = 0x40000000
_BEFORE_OTHERS = f"""
read -r _ _ _ _ _ session _ </proc/$$/stat
[ "$session" != $$ ] || echo {NICE} 2>/dev/null >{GROUP}
exec nice -n {NICE} "$@"
"""
"""Runs a command so; for its whole session where it has one of its own."""

_numbers = itertools.count()
_existing: set[Path] = set()


def available() -> list[str]:
    """Those of `ALGORITHMS` that this machine's kernel has."""
    present = (_TCP / "tcp_available_congestion_control").read_text().split()
    return [name for name in ALGORITHMS if name in present]


class Path:
    """Two hosts and their link. `address` is the far one's, which has `other_address` too; `near_address` is ours.

    The near host is this machine itself, or with `near=True` one of its own (`near_prefix`): then nothing of earlier
    connections is remembered there, and `congestion` ("cubic", "bbr") can be chosen.

    `round_trip`: seconds; `rate`: bit/s each way, None = any; `queue`: bytes that may wait for the wire, by default
    300 ms of it, as home routers have; `loss`: share of packets lost each way.
    """

    def __init__(
        self,
        *,
        round_trip: float = 0.0,
        rate: float | None = None,
        queue: int | None = None,
        loss: float = 0.0,
        near: bool = False,
        congestion: str | None = None,
    ) -> None:
        assert congestion is None or near, "congestion control is chosen for a host of its own"
        number, pid = next(_numbers), os.getpid()
        self.name = f"cc{pid}f{number}"
        self.near_name = f"cc{pid}e{number}" if near else ""
        self._devices = f"ccn{pid % 1_000_000}x{number}", f"ccf{pid % 1_000_000}x{number}"
        low = (number % 64) * 4
        self.near_address, self.address, self.other_address = (f"10.78.{pid % 256}.{low + host}" for host in (1, 2, 3))
        self._congestion = congestion
        self._settings = _settings(round_trip, rate, queue, loss)
        self._link: subprocess.Popen[str] | None = None

    @property
    def prefix(self) -> Sequence[str]:
        """Put in front of a command to run it over there."""
        return _inside(self.name)

    @property
    def near_prefix(self) -> Sequence[str]:
        """The same for the near host; nothing where that is this machine."""
        return _inside(self.near_name) if self.near_name else ()

    # --- life

    def create(self) -> Self:
        _existing.add(self)
        try:
            for name in filter(None, (self.near_name, self.name)):
                _run("ip", "netns", "add", name)
                _run("ip", "-n", name, "link", "set", "lo", "up")
            if self._congestion:
                _permit(self._congestion)
                write = f"echo {self._congestion} > {_TCP}/tcp_congestion_control"
                _run(*self.near_prefix, "sh", "-c", write)
                _run(*self.prefix, "sh", "-c", write)
            near, far = self._devices
            self._link = subprocess.Popen(
                [sys.executable, "-m", "tests.far.link", near, self.near_name, far, self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
            assert self._link.stdout is not None
            assert self._link.stdout.readline() == "ready\n", "the link did not come up; its error is above"
            self.set(**self._settings)
            for name, device, address, peer in (
                (self.near_name, near, self.near_address, self.address),
                (self.name, far, self.address, self.near_address),
            ):
                there = ("-n", name) if name else ()
                inside = ("ip", "netns", "exec", name) if name else ()
                # Else a device talks of its own accord, to find neighbours: packets that nobody counts on.
                quiet = f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6"
                _run(*inside, "sh", "-c", f"[ ! -e {quiet} ] || echo 1 > {quiet}")
                _run("ip", *there, "address", "add", address, "peer", peer, "dev", device)
                _run("ip", *there, "link", "set", device, "up")
            _run("ip", "-n", self.name, "address", "add", self.other_address, "dev", far)
            there = ("-n", self.near_name) if self.near_name else ()
            _run("ip", *there, "route", "add", self.other_address, "dev", near, "src", self.near_address)
        except BaseException:
            self.remove()
            raise
        return self

    def remove(self) -> None:
        """Processes started there must have ended."""
        if self._link is not None:
            assert self._link.stdin is not None
            self._link.stdin.close()
            try:
                self._link.wait(5)
            except subprocess.TimeoutExpired:
                self._link.kill()
                self._link.wait(5)
            self._link = None
        for name in filter(None, (self.near_name, self.name)):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=10, check=False)
        _existing.discard(self)

    def __enter__(self) -> Self:
        return self.create()

    def __exit__(self, *exc: object) -> None:
        self.remove()

    # --- the link

    def set(self, *, up: bool = True, down: bool = True, **settings: Any) -> None:
        """Change `delay` (seconds one way), `rate`, `queue`, `loss`, one way or both."""
        self._tell(set=settings, ways=_ways(up, down))

    def cut(self, seconds: float, *, up: bool = True, down: bool = True) -> None:
        """No link for so long: packets vanish, nobody is told."""
        self._tell(cut=seconds, ways=_ways(up, down))

    def mend(self) -> None:
        """End of a cut."""
        self._tell(cut=0.0)

    def hold(self, seconds: float) -> None:
        """The wire stands still for so long; its queue fills up."""
        self._tell(hold=seconds)

    @property
    def process(self) -> int:
        """The link's."""
        assert self._link is not None, "the path is not there"
        return self._link.pid

    def counts(self) -> tuple[Counts, Counts]:
        """(up, down) so far."""
        told = self._tell()
        return Counts(**told["up"]), Counts(**told["down"])

    @contextlib.contextmanager
    def there(self) -> Iterator[None]:
        """Sockets that this thread makes in the block are the far host's, for good. No `await` within."""
        with entered(self.name):
            yield

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """The same for the near host."""
        with entered(self.near_name) if self.near_name else contextlib.nullcontext():
            yield

    def _tell(self, **command: Any) -> Mapping[str, Any]:
        assert self._link is not None, "the path is not there"
        assert self._link.stdin is not None
        assert self._link.stdout is not None
        self._link.stdin.write(json.dumps(command) + "\n")
        self._link.stdin.flush()
        line = self._link.stdout.readline()
        assert line, "the link has ended; its error is above"
        told: Mapping[str, Any] = json.loads(line)
        return told


def _inside(namespace: str) -> Sequence[str]:
    # Two hosts, each with a processor of its own: one that waits for this machine's would be a slow link.
    return ("sh", "-c", _BEFORE_OTHERS, "sh", "ip", "netns", "exec", namespace)


def _settings(round_trip: float, rate: float | None, queue: int | None, loss: float) -> dict[str, Any]:
    if queue is None:
        # Where there is no rate nothing waits.
        queue = Settings().queue if rate is None else max(16_000, round(rate / 8 * 0.3))
    return {"delay": round_trip / 2, "rate": rate, "queue": queue, "loss": loss}


def _ways(up: bool, down: bool) -> list[str]:
    return [name for name, wanted in (("up", up), ("down", down)) if wanted]


@contextlib.contextmanager
def entered(namespace: str) -> Iterator[None]:
    """This thread is in a namespace for the block."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    other = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(other)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(other)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))


def _permit(congestion: str) -> None:
    """Let hosts other than the machine itself choose it: by default they may take a few only."""
    allowed = _TCP / "tcp_allowed_congestion_control"
    names = allowed.read_text().split()
    if congestion not in names:
        allowed.write_text(" ".join([*names, congestion]))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}"


@atexit.register
def _remove_all() -> None:
    for path in list(_existing):
        path.remove()
