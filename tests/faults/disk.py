"""A disk of our own on this machine: a file system on a block device of which every write and every flush is known.

The device is a loop device on a file of FUSE, and the file is this module's: run as a program, it answers the kernel
and writes down what the file system has the disk do, in order. `crash.py` makes of that what a loss of power may leave.
While the program is stopped (`stall`) the disk stands still, as one that is worn out or far away does.

Needs root, loop devices and /dev/fuse. The protocol: <linux/fuse.h>, of which the one file, the root, needs little.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

SIZE = 32 << 20
"""Bytes of a disk, if nothing else is said."""
WRITE, FLUSH = b"W", b"F"
RECORD = struct.Struct(">cQI")
"""Of the log: what it is, where and how long; a write's data follows."""

_ROOT = Path(__file__).parent.parent.parent
_IN = struct.Struct("=IIQQIIIHH")
_OUT = struct.Struct("=IiQ")
_FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE, _FSYNC = 2, 3, 4, 14, 15, 16, 17, 18, 20
_FLUSH, _INIT, _ACCESS, _INTERRUPT, _DESTROY, _BATCH_FORGET = 25, 26, 34, 36, 38, 42
_MAX_WRITE = 1 << 17
_FIXED = {
    _INIT: struct.pack("=IIIIHHIIHHI28x", 7, 31, 1 << 17, 0, 16, 12, _MAX_WRITE, 1, 32, 0, 0),
    _OPEN: struct.pack("=QII", 1, 0, 0),
    _STATFS: struct.pack("=QQQQQIIII24x", 1 << 16, 1 << 15, 1 << 15, 1, 0, 4096, 255, 4096, 0),
}
"""What is always answered alike."""


class Disk:
    """An ext4 file system on such a device, mounted at `folder`. Ends with `remove`."""

    def __init__(self, directory: Path, size: int = SIZE) -> None:
        self.folder = directory / "disk"
        self.base = directory / "disk.base"
        """What it was as it was made."""
        self._log = directory / "disk.log"
        self._image = directory / "disk.image"
        self._device = directory / "disk.device"
        self._size = size
        self._program: subprocess.Popen[str] | None = None

    def create(self) -> Self:
        self.folder.mkdir()
        self._device.touch()
        make(self.base, self._size)
        shutil.copyfile(self.base, self._image)
        files = map(str, (self._image, self._log, self._device))
        command = [sys.executable, "-m", "tests.faults.disk", *files]
        self._program = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert self._program.stdout is not None
            assert self._program.stdout.readline() == "ready\n", "the disk's program could not begin"
            mount(self._device, self.folder)
        except BaseException:
            self.remove()
            raise
        return self

    @property
    def logged(self) -> int:
        """Bytes of the log so far: everything that the disk was told up to now is before this."""
        return self._log.stat().st_size

    def log(self) -> bytes:
        """All that it was told. Once it is removed, that is all there ever will be."""
        return self._log.read_bytes()

    @contextlib.contextmanager
    def stall(self) -> Iterator[None]:
        """It answers nothing meanwhile."""
        assert self._program is not None
        self._program.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._program.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        program, self._program = self._program, None
        if program is None:
            return
        program.send_signal(signal.SIGCONT)
        try:
            if os.path.ismount(self.folder):
                unmount(self.folder)
        finally:
            subprocess.run(["umount", "--lazy", self._device], capture_output=True, timeout=30, check=False)
            program.terminate()
            program.wait(30)
            assert program.stdout is not None
            program.stdout.close()


def make(image: Path, size: int) -> None:
    """An empty ext4 file system in a file, with a journal as usual ones have it."""
    with image.open("wb") as file:
        file.truncate(size)
    # Tables that are written later, by a thread of the kernel's, would be noise in the log.
    _run("mke2fs", "-q", "-F", "-t", "ext4", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)


def mount(image: Path, folder: Path) -> None:
    """By a loop device that goes with it; a journal that was not ended is played back, as after any loss of power."""
    _run("mount", "-o", "loop,noatime", image, folder)


def unmount(folder: Path) -> None:
    _run("umount", folder)


def faults(image: Path) -> str:
    """What e2fsck finds wrong in a file system that is not mounted; "" = nothing."""
    command = ["e2fsck", "-f", "-n", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}"


# --- the program ----------------------------------------------------------------------------------------------


class _File:
    """The one file, which the kernel asks for pieces of."""

    def __init__(self, image: int, log: int) -> None:
        self._image = image
        self._log = log

    def answer(self, operation: int, body: bytes) -> bytes | int:
        """What is answered, or the number of an error."""
        if operation in (_READ, _WRITE):
            _, offset, size = struct.unpack_from("=QQI", body)
            return os.pread(self._image, size, offset) if operation == _READ else self._write(offset, body[40:])
        if operation == _FSYNC:
            self._note(RECORD.pack(FLUSH, 0, 0))
        if operation in (_FSYNC, _FLUSH, _RELEASE, _ACCESS, _DESTROY):
            return b""
        if operation in (_GETATTR, _SETATTR):
            return struct.pack("=QII", 3600, 0, 0) + self._attributes()
        return _FIXED.get(operation, errno.ENOSYS)

    def _write(self, offset: int, data: bytes) -> bytes:
        self._note(RECORD.pack(WRITE, offset, len(data)) + data)
        os.pwrite(self._image, data, offset)
        return struct.pack("=II", len(data), 0)

    def _note(self, record: bytes) -> None:
        left = memoryview(record)
        while left:
            left = left[os.write(self._log, left) :]

    def _attributes(self) -> bytes:
        size = os.fstat(self._image).st_size
        return struct.pack("=QQQQQQIIIIIIIIII", 1, size, size // 512, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0)


def main(image: str, log: str, device: str) -> None:
    """Serve `image` as the file `device` until that is unmounted or the program is told to end."""
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fuse},rootmode=100000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"camcast-disk", device.encode(), b"fuse.camcast", 2 | 4, options.encode()):
        sys.exit(f"cannot mount {device}: {os.strerror(ctypes.get_errno())}")
    file = _File(os.open(image, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        try:
            asked = os.read(fuse, _MAX_WRITE + 4096)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                continue  # whoever asked has gone
            if error.errno == errno.ENODEV:
                return  # unmounted
            raise
        _, operation, unique, *_ = _IN.unpack_from(asked)
        if operation in (_FORGET, _BATCH_FORGET, _INTERRUPT):
            continue
        said = file.answer(operation, asked[_IN.size :])
        body, status = (b"", -said) if isinstance(said, int) else (said, 0)
        os.write(fuse, _OUT.pack(_OUT.size + len(body), status, unique) + body)


if __name__ == "__main__":
    main(*sys.argv[1:])
