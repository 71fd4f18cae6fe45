"""What a reload will do, worked out before anything is touched. Pure: from what runs and what is wanted.

A step ends something, begins something, or both. Every ending waits for nothing; a beginning waits for the endings
that make room for it: of the same key, of whoever publishes its URL or reads its device now, and of cameras where there
are as many as may be. So all steps can be carried out side by side, and a server that hangs holds up only those
that want to go where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from camcast.config import CameraConfig, Config, SessionConfig, SystemConfig
from camcast.engine.differences import camera_places, places, told
from camcast.events import SessionKey
from camcast.session.naming import numbered, placed

Key = str | int | tuple[int, int] | SessionKey
"""Of a system key, a camera, a stream's source, a session."""

FOR_THE_NEXT_START = ("workers", "max_connects_per_second")
NOT_THE_ENGINES = ("log_level",)
"""What the program around the engine does."""


class Action(Enum):
    """What a step does. The value is the word for it once it is done."""

    ADD = "added"
    REMOVE = "removed"
    RESTART = "restarted"
    SET = "set"
    RETRY = "tried again"
    LEAVE = "left"

    @property
    def ends(self) -> bool:
        """Whether something that runs is ended."""
        return self in (Action.REMOVE, Action.RESTART)

    @property
    def begins(self) -> bool:
        """Whether something is started."""
        return self in (Action.ADD, Action.RESTART)

    @property
    def in_place(self) -> bool:
        """Whether everything goes on meanwhile."""
        return not (self.ends or self.begins)


@attrs.frozen(kw_only=True)
class Step:
    """One thing to do: to what, and why."""

    action: Action
    key: Key
    label: str
    """"camera 3", "session cam0_main", "system.workers"."""
    why: str = ""
    """What differs, by its place; never its value."""
    config: CameraConfig | SessionConfig | SystemConfig | None = None
    """What begins, or holds from now on."""
    after: frozenset[Key] = frozenset()
    """Steps whose endings this beginning waits for."""

    @property
    def text(self) -> str:
        """One line, once it is done."""
        if self.action in (Action.SET, Action.LEAVE):
            return f"{self.label} {self.why}"
        return f"{self.label} {self.action.value}" + (f" ({self.why})" if self.why else "")


@attrs.frozen(kw_only=True)
class Running:
    """What there is now."""

    system: SystemConfig = attrs.field(factory=SystemConfig)
    cameras: Mapping[int, CameraConfig] = attrs.field(factory=dict)
    sessions: Mapping[SessionKey, SessionConfig] = attrs.field(factory=dict)
    failed: frozenset[Key] = frozenset()
    """Sessions and sources (camera, stream) that have given up."""


Names = Callable[[SessionConfig], Iterable[str]]
"""What a session publishes; "" where that is not known."""


def plan(running: Running, wanted: Config, names: Names = lambda session: ()) -> list[Step]:
    """The steps from `running` to `wanted`, in the order in which they are told."""
    steps = _system(running.system, wanted.system)
    cameras = {camera.camera_id: camera for camera in wanted.cameras if camera.enabled}
    for number, old in sorted(running.cameras.items()):
        new = cameras.get(number)
        label = f"camera {number}"
        if new is None:
            steps.append(Step(action=Action.REMOVE, key=number, label=label))
        elif why := told(camera_places(old, new)):
            steps.append(Step(action=Action.RESTART, key=number, label=label, why=why, config=new))
        else:
            steps += _retries(running, new)
            steps += _sessions(running, new)
    steps += [
        Step(action=Action.ADD, key=number, label=f"camera {number}", config=camera)
        for number, camera in cameras.items()
        if number not in running.cameras
    ]
    return _ordered(steps, running, wanted.system.max_cameras, names)


def sessions_of(camera: CameraConfig) -> dict[SessionKey, SessionConfig]:
    """The sessions that a camera's configuration asks for, each with the key that it will get."""
    streams = {stream.stream_id: stream.name for stream in camera.streams if stream.enabled}
    found: dict[SessionKey, SessionConfig] = {}
    for stream in camera.streams:
        for session in stream.sessions if stream.enabled else ():
            one = numbered(placed(session, streams), found)
            found[one.key] = one
    return found


def _system(old: SystemConfig, new: SystemConfig) -> list[Step]:
    """Limits hold at once; how many processes there are is settled at the start."""
    steps = []
    for field in attrs.fields(SystemConfig):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after or field.name in NOT_THE_ENGINES:
            continue
        label = f"system.{field.name}"
        if field.name in FOR_THE_NEXT_START:
            why = f"is for the next start: it stays {before}"
            steps.append(Step(action=Action.LEAVE, key=field.name, label=label, why=why))
        else:
            steps.append(Step(action=Action.SET, key=field.name, label=label, why=f"is {after} now", config=new))
    return steps


def _retries(running: Running, camera: CameraConfig) -> list[Step]:
    """Sources that have given up: a reload is a reason to try again."""
    return [
        Step(
            action=Action.RETRY,
            key=(camera.camera_id, stream.stream_id),
            label=f"source cam{camera.camera_id}_{stream.name}",
            why="it had given up",
        )
        for stream in camera.streams
        if (camera.camera_id, stream.stream_id) in running.failed
    ]


def _sessions(running: Running, camera: CameraConfig) -> list[Step]:
    wanted = sessions_of(camera)
    steps = []
    for key, old in sorted(running.sessions.items()):
        if key.camera_id != camera.camera_id:
            continue
        new, label = wanted.get(key), f"session {old.label}"
        if new is None:
            steps.append(Step(action=Action.REMOVE, key=key, label=label))
        elif why := told(places(old, new)):
            steps.append(Step(action=Action.RESTART, key=key, label=label, why=why, config=new))
        elif key in running.failed:
            steps.append(Step(action=Action.RETRY, key=key, label=label, why="it had given up"))
    steps += [
        Step(action=Action.ADD, key=key, label=f"session {new.label}", config=new)
        for key, new in wanted.items()
        if key not in running.sessions
    ]
    return steps


# --- who waits for whom -----------------------------------------------------------------------------------------


def _ordered(steps: Sequence[Step], running: Running, max_cameras: int, names: Names) -> list[Step]:
    """The same, each beginning with the endings that it waits for."""
    gives: dict[Key, set[Any]] = {}
    for step in steps:
        if step.action.ends:
            gives[step.key] = _held(_ending(step, running), names)
    removed = {step.key for step in steps if step.action is Action.REMOVE and isinstance(step.key, int)}
    added = sum(step.action is Action.ADD and isinstance(step.key, int) for step in steps)
    crowded = len(running.cameras) + added > max_cameras
    ordered = []
    for step in steps:
        if step.action.begins:
            needs = _held(_beginning(step), names)
            after = {key for key, held in gives.items() if key == step.key or held & needs}
            if crowded and isinstance(step.key, int):
                after |= removed
            step = attrs.evolve(step, after=frozenset(after))
        ordered.append(step)
    return ordered


def _ending(step: Step, running: Running) -> tuple[CameraConfig | None, list[SessionConfig]]:
    if isinstance(step.key, SessionKey):
        return None, [running.sessions[step.key]]
    assert isinstance(step.key, int)
    return running.cameras[step.key], [one for key, one in running.sessions.items() if key.camera_id == step.key]


def _beginning(step: Step) -> tuple[CameraConfig | None, list[SessionConfig]]:
    if isinstance(step.config, CameraConfig):
        return step.config, list(sessions_of(step.config).values())
    assert isinstance(step.config, SessionConfig)
    return None, [step.config]


def _held(what: tuple[CameraConfig | None, list[SessionConfig]], names: Names) -> set[Any]:
    """What only one can have at a time: a name that is published, a device that is read."""
    camera, sessions = what
    held: set[Any] = {name for session in sessions for name in names(session) if name}
    if camera is not None:
        held |= {(one.source.type, one.source.url) for one in camera.streams if one.enabled and one.source.url}
    return held
