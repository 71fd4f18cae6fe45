"""The cameras that run on this machine, those included that are being ended."""

from __future__ import annotations

import attrs


@attrs.define
class Running:
    """By number, with the digest of what each runs by."""

    _specs: dict[int, str] = attrs.field(factory=dict)
    _ending: set[int] = attrs.field(factory=set)

    def __bool__(self) -> bool:
        return bool(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

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

    def end(self, camera_id: int) -> None:
        """It is to end."""
        self._ending.add(camera_id)

    def ended(self, camera_id: int) -> None:
        """It has."""
        self._ending.discard(camera_id)
        self._specs.pop(camera_id, None)
