"""The boundary to the kernel: an open video device. Tests put a made-up one in its place."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from camcast.errors import SourceError


class Mapping(Protocol):
    """A buffer of the driver's in this process."""

    def __getitem__(self, place: slice) -> bytes: ...

    def close(self) -> None: ...


class VideoDevice(Protocol):
    """An open device. Used by one thread at a time; any call may raise `OSError`."""

    def ioctl(self, request: int, argument: Any) -> None:
        """Do `request`; the kernel changes `argument` in place."""

    def map(self, length: int, offset: int) -> Mapping: ...

    def wait(self, seconds: float) -> bool:
        """Whether a buffer, or an error, is there to be dequeued within `seconds`."""

    def close(self) -> None: ...


Opener = Callable[[str], VideoDevice]


class KernelDevice:
    """A device file. Raises `OSError`."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN | select.POLLERR)

    def ioctl(self, request: int, argument: Any) -> None:
        fcntl.ioctl(self._fd, request, argument)

    def map(self, length: int, offset: int) -> Mapping:
        return mmap.mmap(self._fd, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)

    def wait(self, seconds: float) -> bool:
        return bool(self._poll.poll(seconds * 1000))

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def explained(path: str, error: OSError) -> SourceError:
    """What an operator can do about `error`."""
    match error.errno:
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            text = "the camera is not there (unplugged?); `camcast sources --probe` lists those that are"
        case errno.EACCES | errno.EPERM:
            text = 'not allowed; add this user to the group "video" and log in again'
        case errno.EBUSY:
            text = "in use by another program; `fuser -v` with its path shows which"
        case errno.ENOSPC:
            text = "the USB bus has no room for it; take MJPG, a smaller size or rate, or another port"
        case _:
            text = f"{error.strerror or error} (errno {error.errno})"
    return SourceError(f"{path}: {text}")


def device_path(url: str) -> str:
    """ "0", "/dev/video0" and "v4l2:///dev/video0" are the same. Raises `SourceError`."""
    if url.isdigit():
        return f"/dev/video{url}"
    parts = urlsplit(url)
    if parts.scheme == "v4l2":
        return unquote(parts.path)
    if "://" in url or not url:
        raise SourceError('a V4L2 camera is named by its device: {"type": "v4l2", "url": "/dev/video0"}', fatal=True)
    return url


def device_place(url: str) -> str:
    """The device file that `url` comes to: `/dev/v4l/by-id/…` are links. What is none comes back as it is."""
    try:
        return os.path.realpath(device_path(url))
    except (SourceError, OSError, ValueError):
        return url
