"""What a recording's files are called: the path in its URL, with the time of each segment's first picture in it. Pure.

`record:///var/video/gate-%Y%m%d-%H%M%S.mp4`. A percent sign has two meanings in such a URL, which its letters tell
apart: two digits or capitals A to F are one octet, as URLs write those that may not stand there (the core makes them
of a camera's name); one of the letters of `TIMES` is a part of the time, as strftime has it. `%%` is a percent sign.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

TIMES = "YmdHMSj"
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska"}
"""FFmpeg's muxer by the end of a file's name."""
_TOKEN = re.compile(rf"%(?:(?P<octet>[0-9A-F]{{2}})|(?P<time>[{TIMES}])|(?P<sign>%))|(?P<other>%.?)")
_MOST = 1000
"""Segments of one name: numbers after the first."""


LONGEST = 240
"""Bytes of one name in the path. Linux takes 255, and a number may be put behind it."""


class FileName:
    """The names of one recording. Raises `ValueError` for a URL that is none."""

    def __init__(self, url: str, *, local: bool = False) -> None:
        """`local`: in this machine's time zone, else UTC, in which no hour comes twice."""
        path = url.partition("://")[2]
        if not path.startswith("/"):
            raise ValueError("a recording's URL is record:/// and the whole path: three slashes, and no host")
        if "?" in path or "#" in path:
            raise ValueError("a path cannot hold ? or # here; what is to be set belongs into `options`")
        self._local = local
        self._parts = [_part(part) for part in path[1:].split("/")]
        name = self._parts[-1]
        suffix = Path(name.replace("%", "")).suffix
        if suffix not in CONTAINERS:
            raise ValueError(f"expected a file name that ends in {' or '.join(CONTAINERS)}, got {suffix or 'no such'}")
        self.container = CONTAINERS[suffix]
        if any(len(part.encode()) > LONGEST for part in self.at(0.0).parts):
            raise ValueError(f"a name in the path takes more than {LONGEST} bytes, and a disk has room for few more")
        fixed = [index for index, part in enumerate(self._parts[:-1]) if _has_time(part)]
        self.folder = Path("/", *map(_plain, self._parts[: fixed[0] if fixed else -1]))
        """All of them are in here or below: the path up to the first part with a time in it."""

    def at(self, when: float) -> Path:
        """The name of a segment that begins at `when`, in `time.time()` seconds."""
        moment = datetime.fromtimestamp(when, UTC)
        if self._local:
            moment = moment.astimezone()
        return Path("/", *(moment.strftime(part) for part in self._parts))

    def free(self, when: float) -> Path:
        """As `at`, numbered where there is such a file already: nothing is ever written over. Looks at the disk.

        Raises `FileExistsError` where a thousand have that name.
        """
        first = self.at(when)
        for number in range(1, _MOST):
            path = first if number == 1 else first.with_stem(f"{first.stem}_{number}")
            if not path.exists():
                return path
        raise FileExistsError(f"{_MOST} files of one name; put the time into it: %Y%m%d-%H%M%S")


def _part(text: str) -> str:
    """One part of the path as a pattern of strftime's: its own percent signs doubled."""
    octets, pattern = b"", ""
    at = 0
    for token in [*_TOKEN.finditer(text), None]:
        octets += text[at : token.start() if token else len(text)].encode()
        if token is None:
            break
        at = token.end()
        if token["other"]:
            raise ValueError(f"{token['other']} is no time; known: {' '.join('%' + one for one in TIMES)} and %%")
        if token["octet"]:
            octets += bytes.fromhex(token["octet"])
        elif token["sign"]:
            octets += b"%"
        else:
            pattern += _text(octets) + token[0]
            octets = b""
    pattern += _text(octets)
    if pattern in ("", ".", ".."):
        raise ValueError("a part of the path is empty, . or ..; write the whole path as it is")
    return pattern


def _text(octets: bytes) -> str:
    """Raises `ValueError`, also for what would be more than a part of a path."""
    text = octets.decode()
    if "/" in text or not text.isprintable():
        raise ValueError("a name in the path holds a slash or a control character")
    return text.replace("%", "%%")


def _has_time(part: str) -> bool:
    return "%" in part.replace("%%", "")


def _plain(part: str) -> str:
    return part.replace("%%", "%")
