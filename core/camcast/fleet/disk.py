"""What of a member survives its process: what is desired, the fencing numbers, and which lives it has had.

A store may lose what it has acknowledged. Then the members' disks have it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from camcast.coordinators import Desired
from camcast.errors import CamcastError, CoordinatorError
from camcast.fleet_records import decode, encode

LIVES = 100
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Disk:
    """A folder of one member's own, locked while the process lives.

    Whoever has the lock knows that each former life that is written there is over, and need not wait its lease out: as
    far as it lived under this same kernel since this boot, for a lock says nothing of another machine that has the
    folder as well (a volume that was moved, a disk that was copied).
    """

    def __init__(self, folder: Path) -> None:
        """Raises `CamcastError` where another process has it, or it cannot be used."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CamcastError(f"the folder {folder} cannot be used: {error.strerror}; name another: --state") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            text = "two members on one machine need a --name each"
            raise CamcastError(f"another process is this member already: it has {folder}; {text}") from None
        self._boot = _boot()
        self.former = frozenset(
            life
            for life, _, boot in (line.partition("@") for line in self._lines("lives"))
            if boot and boot == self._boot
        )
        self._one = threading.Lock()
        try:
            self._next = self._written_life()
        except OSError as error:
            os.close(self._lock)
            raise CamcastError(
                f"the folder {folder} cannot be written: {error.strerror}; name another: --state"
            ) from None
        self.desired = self._desired()
        self.fences = self._fences()

    def close(self) -> None:
        """Let another process be this member."""
        os.close(self._lock)

    def new_life(self) -> str:
        """The name of a life that begins, which is on the disk before anybody hears of it.

        Waits for the disk only where two begin without `keep` between them.
        """
        with self._one:
            life, self._next = self._next or self._written_life(), ""
        return life

    def keep(self, desired: Desired | None, fences: Mapping[int, int]) -> None:
        """Write down what is known. Waits for the disk: call it on a thread. Raises `OSError`."""
        with self._one:
            self._next = self._next or self._written_life()
        if desired is not None and desired != self.desired:
            self._write("desired.json", encode(desired))
            self.desired = desired
        if fences != self.fences:
            self._write("fences.json", json.dumps(fences).encode())
            self.fences = dict(fences)

    def _written_life(self) -> str:
        life = secrets.token_hex(8)
        self._write("lives", "\n".join([*self._lines("lives")[-LIVES:], f"{life}@{self._boot}"]).encode())
        return life

    def _lines(self, name: str) -> list[str]:
        try:
            return (self.folder / name).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            return []

    def _desired(self) -> Desired | None:
        """None as well for what cannot be read: the store has it."""
        try:
            return decode(Desired, (self.folder / "desired.json").read_bytes())
        except (OSError, CoordinatorError):
            return None

    def _fences(self) -> dict[int, int]:
        try:
            found = json.loads((self.folder / "fences.json").read_bytes())
            return {int(key): int(value) for key, value in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, name: str, data: bytes) -> None:
        new = self.folder / f"{name}.new"
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.folder / name)


def _boot() -> str:
    """The name of this boot of this kernel; "" where it cannot be known: then no former life is known to be over."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
