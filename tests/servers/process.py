"""A real server as a child process: started when its port listens, ended for certain."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self, TypeVar

T = TypeVar("T")

_running: set[ServerProcess] = set()


def family(pid: int) -> list[int]:
    """A process and all that have come of it, by their ids; of one that has ended meanwhile there are none."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has at the moment. Outside the kernel's ephemeral range nobody else is handed it soon."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = 10_000 + int.from_bytes(os.urandom(2)) % 20_000
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def wait_for(what: Callable[[], T], *, timeout: float = 10.0, why: str = "") -> T:
    """The first true value of `what()`; AssertionError with `why` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {why or what}"
        time.sleep(0.01)
    return value


def listens(pid: int, port: int, *, udp: bool = False) -> bool:
    """Whether a socket listens on `port` in the network namespace of `pid`. Connects to nothing."""
    wanted = "07" if udp else "0A"
    for table in ("udp", "udp6") if udp else ("tcp", "tcp6"):
        try:
            text = Path(f"/proc/{pid}/net/{table}").read_text()
        except OSError:
            continue
        if f":{port:04X} " not in text:
            # Most often, and dozens of servers may be waited for at once.
            continue
        for line in text.splitlines()[1:]:
            fields = line.split()
            if fields[3] == wanted and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False


class ServerProcess:
    """One server. `prefix` is put in front of its command line, such as `ip netns exec NAME`."""

    def __init__(self, directory: Path, *, host: str = "127.0.0.1", port: int = 0, prefix: Sequence[str] = ()) -> None:
        self.directory = directory
        self.host = host
        self.port = port or free_port()
        self.prefix = tuple(prefix)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory / "server.log"
        directory.mkdir(parents=True, exist_ok=True)

    # What a kind of server says of itself.

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def ports(self) -> Sequence[int]:
        """TCP ports that listen once it is ready."""
        return (self.port,)

    def environment(self) -> Mapping[str, str]:
        return os.environ

    stop_signal = signal.SIGTERM
    signal_every = 60.0
    """Seconds after which the signal is sent again, for servers that may miss one."""
    stdin: int | IO[bytes] = subprocess.DEVNULL

    # What can be done with all of them.

    @property
    def address(self) -> str:
        """host:port as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, *, timeout: float = 20.0) -> Self:
        assert not self.running, "already running"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, *self.command()],
                stdin=self.stdin,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=dict(self.environment()),
                start_new_session=True,
            )
        _running.add(self)

        def ready() -> bool:
            assert self.running, f"{type(self).__name__} ended at once:\n{self.log_text[-2000:]}"
            return all(listens(self.pid, port) for port in self.ports())

        try:
            wait_for(ready, timeout=timeout, why=f"{type(self).__name__} listens on {list(self.ports())}")
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, *, timeout: float = 5.0) -> None:
        """End it politely, and by force after `timeout` seconds. Fine when it has ended already."""
        deadline = time.monotonic() + timeout
        if self.running:
            self.thaw()
        while self.running and time.monotonic() < deadline:
            self._signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(min(self.signal_every, timeout))  # type: ignore[union-attr]
        self.kill()

    def kill(self) -> None:
        """SIGKILL to all its processes: no goodbye on any connection but the kernel's."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait(10)
        _running.discard(self)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, the kernel still acknowledges until its buffers are full."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> Self:
        """Stop and start on the same port."""
        self.stop()
        return self.start()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


@atexit.register
def _end_all() -> None:
    for server in list(_running):
        server.kill()
