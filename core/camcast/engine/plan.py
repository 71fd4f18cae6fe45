"""What a reload will do, worked out before anything is touched. Pure: from what runs and what is wanted.

A step ends something, begins something, or both. Every ending waits for nothing; a beginning waits for the endings
that make room for it: of the same key, of whoever publishes its URL, reads its device or listens at its address now,
and of cameras where there are as many as may be. A camera that has to run in another process ends and begins as a whole
(`workers/moving.py`). So all steps can be carried out side by side, and a server that hangs holds up only those that
want to go where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from camcast.config import CameraConfig, Config, SessionConfig, StreamConfig, SystemConfig
from camcast.config.service import ServiceConfig
from camcast.engine.differences import adopted, adopted_by_stream, goes_out_alike, places, streams, told, whole
from camcast.events import SessionKey
from camcast.session.naming import numbered, placed
from camcast.workers.moving import Spread

Key = str | int | tuple[int, int] | SessionKey
"""Of a system key or a service (a text), a camera, a stream (camera, stream), a session."""

FOR_THE_NEXT_START = ("workers", "max_connects_per_second")
NOT_THE_ENGINES = ("log_level", "watch")
"""What the program around the engine does."""


_GOES_ON = "goes on with another"


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
    """"camera 3", "stream cam0_main", "session cam0_main/cloud", "system.workers"."""
    why: str = ""
    """What differs, by its place; never its value."""
    config: CameraConfig | StreamConfig | SessionConfig | SystemConfig | ServiceConfig | None = None
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
    """Sessions, and streams whose source, that have given up."""
    spread: Spread = attrs.field(factory=Spread)
    """Over processes; as here where there is one."""


Takes = Callable[[StreamConfig | SessionConfig], Iterable[str]]
"""What a stream or a session takes for itself: a name that is published, an address of this machine at which it
listens; "" where that is not known."""


def plan(running: Running, wanted: Config, takes: Takes = lambda one: ()) -> list[Step]:
    """The steps from `running` to `wanted`, in the order in which they are told."""
    steps = _system(running.system, wanted.system)
    cameras = {camera.camera_id: camera for camera in wanted.cameras if camera.enabled}
    anew = {number: told(whole(old, cameras[number])) for number, old in running.cameras.items() if number in cameras}
    moving = running.spread.moving([number for number, why in anew.items() if not why])
    for number, old in sorted(running.cameras.items()):
        new = cameras.get(number)
        label = f"camera {number}"
        if new is None:
            steps.append(Step(action=Action.REMOVE, key=number, label=label))
        elif why := anew[number] or moving.get(number, ""):
            steps.append(Step(action=Action.RESTART, key=number, label=label, why=why, config=new))
        else:
            if old.name != new.name:
                steps.append(Step(action=Action.SET, key=number, label=label, why=_goes_on(["name"]), config=new))
            steps += _camera(running, old, new, wanted.system)
    steps += [
        Step(action=Action.ADD, key=number, label=f"camera {number}", config=camera)
        for number, camera in cameras.items()
        if number not in running.cameras
    ]
    return _ordered(steps, running, wanted.system.max_cameras, takes)


def in_use(config: Config, before: Config) -> Config:
    """`config` after a reload: what is for the next start is as it was `before`, which each reload says again."""
    kept = {name: getattr(before.system, name) for name in FOR_THE_NEXT_START}
    return attrs.evolve(config, system=attrs.evolve(config.system, **kept), plugins=before.plugins)


def sessions_of(camera: CameraConfig) -> dict[SessionKey, SessionConfig]:
    """The sessions that a camera's configuration asks for, each with the key that it will get."""
    streams = {stream.stream_id: stream.name for stream in camera.streams if stream.enabled}
    found: dict[SessionKey, SessionConfig] = {}
    for stream in camera.streams:
        for session in stream.sessions if stream.enabled else ():
            one = numbered(placed(session, streams), found)
            found[one.key] = one
    return found


def _goes_on(differ: Sequence[str]) -> str:
    """What is taken over in place: each field by its name."""
    return f"{_GOES_ON} {told(differ, len(differ))}"


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
            why = (
                f"{_GOES_ON} {told(one.lstrip('.') for one in places(before, after))}"
                if isinstance(after, Mapping)
                else f"is {after} now"
            )
            steps.append(Step(action=Action.SET, key=field.name, label=label, why=why, config=new))
    return steps


def _camera(running: Running, old: CameraConfig, new: CameraConfig, system: SystemConfig) -> list[Step]:
    """What differs in a camera that goes on: its streams, each by itself, and the sessions of those that stay."""
    steps = []
    before, after = streams(old), streams(new)
    wanted = {stream.stream_id: stream for stream in new.streams}
    staying = set()
    for number in sorted(before.keys() | after.keys()):
        key = (new.camera_id, number)
        label = f"stream cam{new.camera_id}_{(before.get(number) or after[number]).name}"
        if number not in after:
            steps.append(Step(action=Action.REMOVE, key=key, label=label))
        elif number not in before:
            steps.append(Step(action=Action.ADD, key=key, label=label, config=wanted[number]))
        elif not all(map(adopted_by_stream, differ := list(places(before[number], after[number])))):
            steps.append(Step(action=Action.RESTART, key=key, label=label, why=told(differ), config=wanted[number]))
        else:
            staying.add(number)
            if differ:
                steps.append(Step(action=Action.SET, key=key, label=label, why=_goes_on(differ), config=wanted[number]))
            if key in running.failed:
                # A reload is a reason to try again.
                steps.append(Step(action=Action.RETRY, key=key, label=label, why="its source had given up"))
    return steps + _sessions(running, new, staying, system)


def _sessions(running: Running, camera: CameraConfig, staying: set[int], system: SystemConfig) -> list[Step]:
    wanted = {key: one for key, one in sessions_of(camera).items() if key.stream_id in staying}
    steps = []
    for key, old in sorted(running.sessions.items()):
        if key.camera_id != camera.camera_id or key.stream_id not in staying:
            continue
        new, label = wanted.get(key), f"session {old.label}"
        if new is None:
            steps.append(Step(action=Action.REMOVE, key=key, label=label))
            continue
        differ = list(places(old, new))
        alike = goes_out_alike(old, running.system.uplinks, new, system.uplinks)
        if not alike or not all(map(adopted, differ)):
            steps.append(Step(action=Action.RESTART, key=key, label=label, why=told(differ), config=new))
            continue
        if differ:
            steps.append(Step(action=Action.SET, key=key, label=label, why=_goes_on(differ), config=new))
        if key in running.failed:
            steps.append(Step(action=Action.RETRY, key=key, label=label, why="it had given up"))
    steps += [
        Step(action=Action.ADD, key=key, label=f"session {new.label}", config=new)
        for key, new in wanted.items()
        if key not in running.sessions
    ]
    return steps


# --- who waits for whom -----------------------------------------------------------------------------------------


def _ordered(steps: Sequence[Step], running: Running, max_cameras: int, takes: Takes) -> list[Step]:
    """The same, each beginning with the endings that it waits for."""
    gives = {step.key: _held(*_ending(step, running), takes) for step in steps if step.action.ends}
    removed = {step.key for step in steps if step.action is Action.REMOVE and isinstance(step.key, int)}
    added = sum(step.action is Action.ADD and isinstance(step.key, int) for step in steps)
    crowded = len(running.cameras) + added > max_cameras
    ordered = []
    for step in steps:
        if step.action.begins:
            needs = _held(*_beginning(step), takes)
            after = {key for key, held in gives.items() if key == step.key or held & needs}
            # Of cameras that belong together, none finds another where it is about to leave.
            after |= running.spread.fellows(_camera_of(step)) & gives.keys()
            if crowded and isinstance(step.key, int):
                after |= removed
            step = attrs.evolve(step, after=frozenset(after))
        ordered.append(step)
    return ordered


def _camera_of(step: Step) -> int:
    match step.key:
        case SessionKey(camera_id=number) | int(number) | (int(number), int(_)):
            return number
    raise AssertionError(f"{step.label} is of no camera")


def _ending(step: Step, running: Running) -> tuple[list[StreamConfig], list[SessionConfig]]:
    """The streams and the sessions that a step ends."""
    match step.key:
        case SessionKey():
            return [], [running.sessions[step.key]]
        case int(camera_id):
            ended = list(running.cameras[camera_id].streams)
            return ended, [one for key, one in running.sessions.items() if key.camera_id == camera_id]
        case (int(camera_id), int(stream_id)):
            ended = [one for one in running.cameras[camera_id].streams if one.stream_id == stream_id]
            keys = [key for key in running.sessions if (key.camera_id, key.stream_id) == (camera_id, stream_id)]
            return ended, [running.sessions[key] for key in keys]
    raise AssertionError(f"{step.label} cannot be ended")


def _beginning(step: Step) -> tuple[list[StreamConfig], list[SessionConfig]]:
    """The streams and the sessions that a step begins."""
    match step.config:
        case CameraConfig() as camera:
            return list(camera.streams), [one for stream in camera.streams for one in stream.sessions]
        case StreamConfig() as stream:
            return [stream], list(stream.sessions)
        case SessionConfig() as session:
            return [], [session]
    raise AssertionError(f"{step.label} cannot be begun")


def _held(streams: Sequence[StreamConfig], sessions: Sequence[SessionConfig], takes: Takes) -> set[Any]:
    """What only one can have at a time, or those only who agree on it: a name, a device, an address."""
    enabled = [one for one in streams if one.enabled]
    holders: list[StreamConfig | SessionConfig] = [*enabled, *sessions]
    held: set[Any] = {taken for one in holders for taken in takes(one) if taken}
    return held | {(one.source.type, one.source.url) for one in enabled if one.source.url}
