"""How the cameras of one machine's engine are on the air, for the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camcast.config import CameraConfig
from camcast.events import SessionEvent, SourceChanged
from camcast.session.health import Health

if TYPE_CHECKING:
    from camcast.engine import Engine
    from camcast.session.session_manager import SessionHandle

_WELL = {Health.HEALTHY, Health.SCHEDULED_OFF}


class Air:
    """All calls on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stirred: set[int] = set()

    def is_well(self, camera_id: int) -> bool:
        """Whether each of a camera's outputs is as it should be: healthy, or off by its schedule."""
        found = self._health(camera_id)
        return found is not None and found <= _WELL

    def has(self, camera_id: int) -> bool:
        """The same, and not all of them are off."""
        found = self._health(camera_id)
        return found is not None and found <= _WELL and found != {Health.SCHEDULED_OFF}

    def retry(self, camera_id: int) -> None:
        """Try what is not on the air at once."""
        camera = self._engine.cameras.get(camera_id)
        for session in self._sessions(camera.config) if camera is not None else ():
            if session is not None and not session.healthy:
                session.retry_now()

    async def follow(self) -> None:
        """Notice what happens to cameras, until the engine ends."""
        async for event in self._engine.events():
            match event:
                case SessionEvent(key=key):
                    self._stirred.add(key.camera_id)
                case SourceChanged(camera_id=camera_id):
                    self._stirred.add(camera_id)

    def stir(self, cameras: set[int]) -> None:
        """These are to be looked at: not all that takes a camera off the air is told as an event."""
        self._stirred |= cameras

    def stirred(self) -> set[int]:
        """Cameras of which something has been noticed since this was asked last."""
        found, self._stirred = self._stirred, set()
        return found

    def _sessions(self, config: CameraConfig) -> list[SessionHandle | None]:
        keys = [session.key for stream in config.streams for session in stream.sessions]
        return [self._engine.sessions.get(key) for key in keys]

    def _health(self, camera_id: int) -> set[Health | None] | None:
        """How a camera's outputs are, None among them for one that is not there; None where the camera is not."""
        camera = self._engine.cameras.get(camera_id)
        if camera is None:
            return None
        return {None if one is None else one.health for one in self._sessions(camera.config)}
