"""Media that a test makes, kept in `.cache` for the other processes of a run and for later runs.

What is kept lies under a name made of all that it depends on: what was asked for, the text of the modules that make
media here, and the releases of the encoders and of NumPy, which makes the pictures. So it never needs to be thrown away
by hand.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import imageio_ffmpeg

from camcast.testing import strip
from tests import media

_T = TypeVar("_T")
_HERE = Path(__file__).parent
_MAKERS = (
    "clips.py", "files.py", "recipes.py", "rtp.py", "uncompressed.py", "zoo.py", "test_files.py", "test_old_codecs.py",
)  # fmt: skip


@cache
def _folder() -> Path:
    texts = [(_HERE / name).read_bytes() for name in _MAKERS] + [Path(strip.__file__).read_bytes()]
    releases = "\n".join((media.RELEASES, imageio_ffmpeg.get_ffmpeg_version(), _gstreamer())).encode()
    digest = hashlib.sha256(b"\0".join([*texts, releases])).hexdigest()[:12]
    folder = _HERE.parent.parent / ".cache" / f"cameras-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _gstreamer() -> str:
    """Its release; "" = there is none here."""
    program = shutil.which("gst-launch-1.0")
    return subprocess.check_output([program, "--version"], text=True, timeout=60) if program else ""


def value(asked: object, make: Callable[[], _T]) -> _T:
    """What `make` made of `asked`, now or earlier. `asked`'s repr tells it from all else that is kept."""
    path = _path(repr(asked), ".pickle")
    if not path.exists():
        with alone(path):
            if not path.exists():
                _put(path, pickle.dumps(make()))
    found: _T = pickle.loads(path.read_bytes())
    return found


def file(asked: object, suffix: str, make: Callable[[Path], object]) -> Path:
    """The file that `make` wrote to the path that it was given, now or earlier. Others beside it are thrown away."""
    path = _path(repr(asked), "") / f"file{suffix}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with alone(path):
            if not path.exists():
                # In a folder of its own: what a process that was killed has started may go on writing in another.
                with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                    partial = Path(folder) / f"partial{suffix}"
                    make(partial)
                    os.replace(partial, path)
    return path


def side_by_side(makers: Mapping[str, Callable[[], _T]]) -> dict[str, _T]:
    """What each makes, some at a time. Where FFmpeg is to send its packets they wait for their time."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(makers, pool.map(lambda make: make(), makers.values()), strict=True))


def _path(asked: str, suffix: str) -> Path:
    return _folder() / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}{suffix}"


def _put(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    os.replace(partial, path)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other process is in here with the same path."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
