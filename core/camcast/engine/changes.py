"""Cameras with their sessions, added, removed and reloaded while everything else goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from camcast.camera.handles import CameraHandle
from camcast.camera.manager import CameraManager
from camcast.config import CameraConfig, SessionConfig, StreamConfig, SystemConfig
from camcast.config.service import ServiceConfig
from camcast.engine.plan import Action, Key, Running, Step
from camcast.engine.services import KEY, Services
from camcast.errors import CamcastError
from camcast.events import SessionKey, SessionState, SourceState
from camcast.session.session_manager import SessionManager
from camcast.workers.moving import Spread

log = logging.getLogger(__name__)


class Changes:
    """Changes what runs. All calls on the loop."""

    def __init__(self, cameras: CameraManager, sessions: SessionManager, services: Services) -> None:
        self._cameras = cameras
        self._sessions = sessions
        self._services = services

    def begin(self, config: CameraConfig) -> None:
        """Start one of the cameras that the engine begins with. Raises `ConfigError`."""
        self._started(self._cameras.create(config))

    async def add(self, config: CameraConfig) -> tuple[CameraHandle, list[str]]:
        """Add and start a camera with its sessions, beside those that run. Raises `ConfigError`.

        Also returns what is wrong with single sessions, a line each: the others and the camera run.
        """
        return self._started(await self._cameras.add(config))

    def _started(self, camera: CameraHandle) -> tuple[CameraHandle, list[str]]:
        wrong = [line for stream in camera.config.streams for line in self._publish(stream)]
        camera.start()
        return camera, wrong

    def _publish(self, stream: StreamConfig) -> list[str]:
        """Create the sessions of a stream. Returns what is wrong with single ones."""
        wrong = []
        for session in stream.sessions if stream.enabled else ():
            try:
                self._sessions.create_session(session)
            except CamcastError as error:
                wrong.append(_refused(f"session {session.label}", error))
        return wrong

    async def remove(self, camera_id: int) -> None:
        """End a camera's sessions and the camera. Raises `NotFound` for one that is not there."""
        self._cameras.require(camera_id)
        keys = [session.key for session in self._sessions.find(camera_id=camera_id)]
        await asyncio.gather(*(self._end_session(key) for key in keys))
        if self._cameras.get(camera_id) is not None:  # somebody else may have been quicker
            await self._cameras.destroy(camera_id)

    def running(self, system: SystemConfig, spread: Spread) -> Running:
        """What there is now, for a plan."""
        sources = ((camera.camera_id, stream) for camera in self._cameras for stream in camera.streams.items())
        failed: set[Key] = {session.key for session in self._sessions if session.state is SessionState.FAILED}
        failed |= {(camera, number) for camera, (number, one) in sources if one.state is SourceState.FAILED}
        return Running(
            system=system,
            cameras={camera.camera_id: camera.config for camera in self._cameras},
            sessions={session.key: session.config for session in self._sessions},
            failed=frozenset(failed),
            spread=spread,
        )

    async def carry_out(self, steps: Sequence[Step]) -> list[str]:
        """Do what a plan says, side by side; returns what came of it, in the plan's order.

        What cannot be done is a line too, and keeps nothing else from being done. When this is cancelled, endings
        that have begun go on.
        """
        ends = {
            step.key: asyncio.create_task(self._end(step), name=f"camcast-reload-{step.label}")
            for step in steps
            if step.action.ends
        }
        results = await asyncio.gather(*(self._step(step, ends) for step in steps))
        return [line for lines in results for line in lines]

    # --- inside -------------------------------------------------------------------------------------------

    async def _step(self, step: Step, ends: dict[Key, asyncio.Task[None]]) -> list[str]:
        waited = {ends[key] for key in (*step.after, step.key) if key in ends}
        if waited:
            await asyncio.wait(waited)
        if step.key in ends and (error := ends[step.key].exception()) is not None:
            log.error("%s: internal error", step.label, exc_info=error)
            return [f"{step.label} cannot be ended: internal error: {type(error).__name__}"]
        wrong: list[str] = []
        try:
            match step.config, step.key:
                case CameraConfig(name=name), int(camera_id) if step.action is Action.SET:
                    self._cameras.require(camera_id).rename(name)
                case StreamConfig() as stream, (int(camera_id), _) if step.action is Action.SET:
                    self._cameras.require(camera_id).adopt_stream(stream)
                case SessionConfig() as session, SessionKey() as key if step.action is Action.SET:
                    if (running := self._sessions.get(key)) is not None:
                        running.adopt(session)
                case CameraConfig() as camera, _:
                    _, wrong = await self.add(camera)
                case StreamConfig() as stream, (int(camera_id), _):
                    self._cameras.add_stream(camera_id, stream)
                    wrong = self._publish(stream)
                case SessionConfig() as session, _:
                    self._sessions.create_session(session)
                case SystemConfig() as system, _:
                    self._cameras.max_cameras = system.max_cameras
                    self._sessions.adopt(system)
                case ServiceConfig() as service, str(key):
                    self._services.begin(key.removeprefix(KEY), service)
                case _, key if step.action is Action.RETRY:
                    self._retry(key)
        except CamcastError as error:
            return [_refused(step.label, error)]
        return [step.text, *wrong]

    async def _end(self, step: Step) -> None:
        match step.key:
            case SessionKey():
                await self._end_session(step.key)
            case str(key):
                await self._services.end(key.removeprefix(KEY))
            case int(camera_id) if self._cameras.get(camera_id) is not None:
                await self.remove(camera_id)
            case (int(camera_id), int(stream_id)):
                found = self._sessions.find(camera_id=camera_id, stream_id=stream_id)
                await asyncio.gather(*(self._end_session(session.key) for session in found))
                await self._cameras.remove_stream(camera_id, stream_id)

    async def _end_session(self, key: SessionKey) -> None:
        if self._sessions.get(key) is not None:
            await self._sessions.delete_session(key)

    def _retry(self, key: Key) -> None:
        if isinstance(key, SessionKey):
            session = self._sessions.get(key)
            if session is not None:
                session.retry_now()
        elif isinstance(key, str):
            self._services.retry_now(key.removeprefix(KEY))
        elif isinstance(key, tuple) and (camera := self._cameras.get(key[0])) is not None:
            camera.streams[key[1]].retry_now()


def _refused(label: str, error: CamcastError) -> str:
    """A line for what cannot be added, which is logged as well."""
    line = f"{label} cannot be {'added' if label.startswith('camera') else 'created'}: {error}"
    log.error("%s", line[0].upper() + line[1:])
    return line
