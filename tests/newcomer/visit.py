"""A newcomer's evening: an empty home, a shell, cameras in the house, YouTube outside. Needs root, for namespaces.

The shell that installs has this machine's network; the one that publishes goes on where that one was, in a namespace
where the platform's name leads to the stand-in. Whom to trust there says SSL_CERT_FILE, as with any authority of one's
own, so the commands stay as they are.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import attrs
from tools.release import copied

from tests.media import made
from tests.newcomer.platform import PlatformProcess
from tests.newcomer.readme import ROOT, Part, Push
from tests.onvif.lan import Lan
from tests.servers.certificates import Authority
from tests.servers.gst_rtsp import GstRtsp, loop
from tests.servers.nginx import Nginx

OUTSIDE, SERVER = "203.0.113.10", "203.0.113.20"
"""Where the platform is, and the newcomer's own server (RFC 5737)."""
RTSP = 554
ENOUGH = 50_000
"""Bytes of a recording that is a second long."""


@attrs.frozen
class Home:
    """An empty one. `folder` holds the home itself and what the test keeps beside it."""

    folder: Path
    path: str
    """PATH at first."""

    @classmethod
    def empty(cls, folder: Path) -> Self:
        """A new one, with the programs of this machine: of the virtual environment of the tests, none."""
        return cls(folder / "newcomer", f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin")

    @property
    def itself(self) -> Path:
        made = self.folder / "home"
        made.mkdir(parents=True, exist_ok=True)
        return made

    @property
    def state(self) -> Path:
        """Where a shell ended: what it had exported, and its folder."""
        return self.folder / "shell"

    def environment(self) -> dict[str, str]:
        # Whoever logs in gets a folder for sockets; here one that no other run on this machine has.
        runtime = {name: os.environ[name] for name in ("XDG_RUNTIME_DIR",) if name in os.environ}
        return {"HOME": str(self.itself), "PATH": self.path, "LANG": "C.UTF-8", **runtime}

    def install(self, part: Part, *, cache: Path | None, seconds: float = 300) -> str:
        """Type it in a copy of what git knows of the project; what was said. `cache`: of pip, else all is loaded."""
        network = ("PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        handed = {name: value for name, value in os.environ.items() if name.upper().startswith(network)}
        cached = {"PIP_CACHE_DIR": str(cache)} if cache is not None else {"PIP_NO_CACHE_DIR": "1"}
        left = f'\n{{ export -p; echo cd "$PWD"; }} > {self.state}\n'
        done = subprocess.run(
            ["bash", "-e", "-c", part.script + left],
            env={**handed, **self.environment(), **cached},
            cwd=copied(ROOT, self.itself / "camcast"),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def installed_already(self) -> None:
        """As if it had been: camcast is that of the environment in which the tests run."""
        folder = self.itself / "here"
        folder.mkdir(exist_ok=True)
        self.state.write_text(f'export PATH="{Path(sys.executable).parent}:$PATH"\ncd {folder}\n')

    def trusted(self, authority: Path) -> str:
        """A shell that goes on where the first one was."""
        return f". {self.state}\nunset SSL_CERT_DIR\nexport HOME={self.itself} SSL_CERT_FILE={authority}\n"


@attrs.define
class Shell:
    """One that is typed into a script, until Ctrl-C."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ctrl_c(self, *, seconds: float = 30) -> int:
        """As a terminal does it: to all that run in it. The status of what ran last."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(seconds)


@attrs.frozen
class House:
    """The home's network, cameras in it, and the platform outside."""

    lan: Lan
    platform: PlatformProcess
    authority: Path

    @contextmanager
    def typing(self, home: Home, part: Part) -> Iterator[Shell]:
        """A shell in the house that has been handed this part; killed at the end of the block, if it still runs."""
        log = home.folder / "typed.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*self.lan.home, "bash", "-e", "-c", home.trusted(self.authority) + part.script],
                env=home.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            yield Shell(process, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@attrs.frozen
class OwnServer:
    """nginx under the name "server", which records each stream."""

    recordings: Path

    def arrived(self, number: int) -> bool:
        """Whether so many streams have come, of which each is a second long or more."""
        large = {path.stem for path in self.recordings.glob("*.flv") if path.stat().st_size > ENOUGH}
        return len(large) >= number


@contextmanager
def own_server(at: House, folder: Path) -> Iterator[OwnServer]:
    """It is there as long as the block lasts."""
    at.lan.give(SERVER, "server")
    recordings = folder / "recordings"
    recordings.mkdir()
    recorder = f"recorder each {{ record all; record_path {recordings}; }}"
    with Nginx(folder / "nginx", host=SERVER, port=1935, prefix=at.lan.camera, extra=recorder):
        yield OwnServer(recordings)


@contextmanager
def house(folder: Path, cameras: Sequence[tuple[str, str]], push: Push) -> Iterator[House]:
    """Cameras without sound at these addresses and paths, and the platform at its name."""
    authority = Authority(folder / "authority")
    with Lan() as lan:
        for address in dict.fromkeys(address for address, _ in cameras):
            lan.give(address)
        lan.give(OUTSIDE, push.host)
        mount = loop(made("h264_aac"), "h264", 25, folder / "feed")
        paths = {path: mount for _, path in cameras}
        with (
            GstRtsp(folder / "camera", paths, host="0.0.0.0", port=RTSP, prefix=lan.camera),
            PlatformProcess(
                folder / "platform", authority.issue(push.host), push.application, push.key, prefix=lan.camera
            ) as platform,
        ):
            yield House(lan, platform, authority.ca_file)
