"""Where a running camcast can be reached from the command line: a Unix socket by its name."""

from __future__ import annotations

import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from camcast.cli.terminal import warn
from camcast.config import ServiceConfig
from camcast.errors import CamcastError
from camcast.host import PluginHost

SUFFIX = ".sock"
KIND = "socket"
"""Name of the kind of service that listens there, where a plugin brings one."""
_CONNECT_DEADLINE = 2.0


def folders(environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Where sockets may be, the first choice first: systemd's folder for the unit, the user's own, the system's, and
    one among temporary files. Anybody may have made that one: a foreign one is none."""
    if runtime := environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]:
        yield Path(runtime)
    if user := environ.get("XDG_RUNTIME_DIR", ""):
        yield Path(user) / "camcast"
    yield Path("/run/camcast")
    last = Path(tempfile.gettempdir()) / f"camcast-{os.getuid()}"
    if not os.path.lexists(last) or _is_ours(last):
        yield last


def _is_ours(folder: Path) -> bool:
    """A folder, not a link to one, which nobody else made, and into which nobody else can put anything."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def path_for(name: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where one of this name is to listen: in the first folder that is this user's own, or can be made."""
    for folder in folders(environ):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError:
            continue
        if found.st_uid == os.getuid() and os.access(folder, os.W_OK):
            return folder / f"{name}{SUFFIX}"
    return None


def service(host: PluginHost, name: str, path: Path | None) -> Iterator[ServiceConfig]:
    """The service that listens there, where a plugin brings it and there is a place for it."""
    if KIND not in host.services:
        return
    path = path or path_for(name)
    if path is None:
        looked = ", ".join(str(folder) for folder in folders())
        warn(f"other commands cannot reach this run: there is no place for its socket (looked in {looked})")
        return
    yield ServiceConfig(type=KIND, options={"path": str(path.absolute())})


def name_of(file: Path) -> str:
    """The name that a run has by its configuration's file."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", file.stem)[:40] or "camcast"


def find(name: str | None, path: Path | None) -> Path:
    """The socket of the run that is meant. Raises `CamcastError` that says which there are."""
    if path is not None:
        return path
    places = list(dict.fromkeys(folders()))
    if name is not None:
        for folder in places:
            if (folder / f"{name}{SUFFIX}").exists():
                return folder / f"{name}{SUFFIX}"
        wanted = f"no camcast of the name {name} runs here"
    else:
        wanted = "no camcast runs here"
    running = [one for folder in places for one in sorted(folder.glob(f"*{SUFFIX}")) if _answers(one)]
    if name is None and len(running) == 1:
        return running[0]
    if name is None and running:
        raise CamcastError(f"several run here; say which with --name: {', '.join(one.stem for one in running)}")
    known = f"; running: {', '.join(one.stem for one in running)}" if running else ""
    looked = ", ".join(str(folder) for folder in places)
    raise CamcastError(f"{wanted} that listens on a socket (looked in {looked}){known}")


def answering(name: str) -> Path | None:
    """The socket at which a run of this name answers; None where there is none."""
    places = [folder / f"{name}{SUFFIX}" for folder in dict.fromkeys(folders())]
    return next((path for path in places if _answers(path)), None)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_DEADLINE)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
