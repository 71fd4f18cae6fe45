"""The cameras that run on this machine, those included that are being ended."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

AGAIN = 1.0
"""Seconds before a camera that could not begin is tried again; twice as long after each time."""
AGAIN_MOST = 60.0


@attrs.frozen
class _Failure:
    """What could not begin by `spec`, how often in a row, and when it may be tried again."""

    spec: str
    times: int
    until: float


@attrs.define
class Running:
    """By number, with the digest of what each runs by."""

    _specs: dict[int, str] = attrs.field(factory=dict)
    _ending: set[int] = attrs.field(factory=set)
    _failures: dict[int, _Failure] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[int]:
        return iter(self._specs)

    def __contains__(self, camera_id: int) -> bool:
        return camera_id in self._specs

    @property
    def going(self) -> tuple[int, ...]:
        """Those that are not being ended."""
        return tuple(one for one in self._specs if one not in self._ending)

    def spec(self, camera_id: int) -> str:
        return self._specs[camera_id]

    def is_ending(self, camera_id: int) -> bool:
        return camera_id in self._ending

    def begin(self, camera_id: int, spec: str) -> None:
        """It is to run."""
        self._specs[camera_id] = spec

    def may_begin(self, camera_id: int, spec: str, now: float) -> bool:
        """Whether it does not run, and has not failed just now as the same."""
        failure = self._failures.get(camera_id)
        if camera_id in self._specs:
            return False
        return failure is None or failure.spec != spec or now >= failure.until

    def failed(self, camera_id: int, now: float) -> None:
        """It could not begin."""
        spec, last = self._specs[camera_id], self._failures.get(camera_id)
        times = last.times + 1 if last is not None and last.spec == spec else 1
        wait = min(AGAIN * 2.0 ** (min(times, 32) - 1), AGAIN_MOST)
        self._failures[camera_id] = _Failure(spec, times, now + wait)
        self.ended(camera_id)

    def begun(self, camera_id: int) -> None:
        """It has."""
        self._failures.pop(camera_id, None)

    def end(self, camera_id: int) -> None:
        """It is to end."""
        self._ending.add(camera_id)

    def ended(self, camera_id: int) -> None:
        """It has."""
        self._ending.discard(camera_id)
        self._specs.pop(camera_id, None)
