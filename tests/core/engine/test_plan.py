"""What a reload will do: each step with its key, its reason, and what it waits for."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from camcast.config import (
    CameraConfig,
    Config,
    EncoderConfig,
    RetryPolicy,
    SessionConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.engine.plan import Action, Running, Step, plan, sessions_of
from camcast.errors import ConfigError
from camcast.events import SessionKey
from camcast.workers.moving import Spread
from camcast.workers.neighbours import Needs, groups

PRIMARY, CLOUD = SessionKey(0, 0, "rtmp"), SessionKey(0, 0, "cloud")


def session(url: str, number: int = 0, **settings: Any) -> SessionConfig:
    return SessionConfig(camera_id=number, url=url, **settings)


def camera(number: int, *sessions: SessionConfig, **settings: Any) -> CameraConfig:
    stream = StreamConfig(source=SourceConfig(type="file", url=f"clip{number}.mp4"), sessions=sessions)
    return CameraConfig(camera_id=number, **{"streams": (stream,), **settings})


def running(*cameras: CameraConfig, **settings: Any) -> Running:
    sessions = {key: one for camera in cameras for key, one in sessions_of(camera).items()}
    return Running(
        cameras={camera.camera_id: camera for camera in cameras},
        sessions=sessions,
        **settings,
    )


def takes(one: StreamConfig | SessionConfig) -> list[str]:
    """Of a source that listens, its port: `listen://PORT/NAME`."""
    if isinstance(one, SessionConfig):
        return [target.url for target in one.targets]
    return [one.source.url.rpartition("/")[0]] if one.source.url.startswith("listen://") else []


def to(wanted: Config, now: Running) -> dict[object, Step]:
    return {step.key: step for step in plan(now, wanted, takes)}


def config(*cameras: CameraConfig, **system: Any) -> Config:
    return Config(cameras=cameras, system=SystemConfig(**system))


def texts(wanted: Config, now: Running) -> list[str]:
    return [step.text for step in plan(now, wanted, takes)]


def test_nothing_is_done_where_nothing_differs() -> None:
    one = camera(0, session("rtmp://a/x"))
    assert plan(running(one), config(one)) == []
    assert plan(Running(), Config()) == []


def test_each_session_is_told_by_itself() -> None:
    """Once, "added" was hidden where a label began like that of another."""
    now = running(camera(0, session("rtmp://b/x", output="cloud")))
    assert texts(config(camera(0, session("rtmp://a/x"))), now) == [
        "session cam0_main/cloud removed",
        "session cam0_main added",
    ]


def test_a_reason_names_places_and_no_values() -> None:
    old = session("rtmp://a/live/secret", retry_policy=RetryPolicy(max_attempts=3), output="cloud")
    new = old.evolve(
        targets=(attrs.evolve(old.targets[0], url="rtmp://a/live/hidden", options={"server": "x"}),),
        retry_policy=RetryPolicy(max_attempts=4),
        stall_timeout=9.0,
    )
    (step,) = plan(running(camera(0, old)), config(camera(0, new)))
    assert (step.action, step.key, step.config) == (Action.RESTART, CLOUD, camera(0, new).streams[0].sessions[0])
    assert step.text == (
        "session cam0_main/cloud restarted "
        "(targets[0].url, targets[0].options.server, retry_policy.max_attempts and 1 more)"
    )


def test_what_is_in_place_is_told_apart_from_what_is_not() -> None:
    assert [action.name for action in Action if action.in_place] == ["SET", "RETRY", "LEAVE"]
    assert [action.name for action in Action if action.ends and action.begins] == ["RESTART"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"streams": (StreamConfig(source=SourceConfig(type="testsrc")),)}, "the kinds of its sources"),
    ],
)
def test_a_camera_is_restarted_for_where_it_may_run(change: dict[str, Any], why: str) -> None:
    old = camera(0, session("rtmp://a/x"))
    new = attrs.evolve(old, **change)
    (step,) = plan(running(old), config(new))
    assert (step.action, step.key, step.why, step.config) == (Action.RESTART, 0, why, new)


def test_a_stream_is_restarted_by_itself() -> None:
    old = camera(0, session("rtmp://a/x"))
    source, encoder = SourceConfig(type="file", url="other.mp4"), EncoderConfig(width=640, height=480)
    changed = attrs.evolve(old.streams[0], source=source, encoder=encoder)
    second = attrs.evolve(changed, stream_id=1, name="sub", source=SourceConfig(type="file", url="x.mp4"), sessions=())
    (step,) = plan(running(old), config(attrs.evolve(old, streams=(changed,))))
    assert (step.action, step.key, step.label) == (Action.RESTART, (0, 0), "stream cam0_main")
    assert step.why == "source.url, encoder.width, encoder.height"
    assert step.config == changed
    both = attrs.evolve(old, streams=(old.streams[0], second))
    assert texts(config(both), running(old)) == ["stream cam0_sub added"]
    assert texts(config(old), running(both)) == ["stream cam0_sub removed"]
    assert texts(config(attrs.evolve(both, streams=(changed, second))), running(both)) == [
        "stream cam0_main restarted (source.url, encoder.width, encoder.height)"
    ]


def test_a_stream_that_takes_over_a_device_or_a_url_waits_for_it() -> None:
    one, other = camera(0, session("rtmp://a/0")).streams[0], camera(1).streams[0]
    sub = attrs.evolve(other, stream_id=1, name="sub", sessions=(session("rtmp://b/0", stream_id=1),))
    before = attrs.evolve(camera(0), streams=(one, sub))
    swapped = attrs.evolve(
        before,
        streams=(attrs.evolve(one, source=sub.source), attrs.evolve(sub, source=one.source)),
    )
    steps = to(config(swapped), running(before))
    assert steps[0, 0].after == steps[0, 1].after == {(0, 0), (0, 1)}
    third = attrs.evolve(sub, stream_id=2, name="third", source=SourceConfig(type="file", url="z.mp4"), sessions=())
    third = attrs.evolve(third, sessions=(session("rtmp://a/0", stream_id=2),))
    steps = to(config(attrs.evolve(before, streams=(sub, third))), running(before))
    assert steps[0, 2].after == {(0, 0)}


def test_cameras_and_streams_that_are_off_are_not_there() -> None:
    one = camera(0, session("rtmp://a/x"), name="x")
    two = attrs.evolve(one.streams[0], stream_id=1, name="sub", sessions=())
    assert texts(config(attrs.evolve(one, enabled=False)), running(one)) == ["camera 0 removed"]
    both, off = attrs.evolve(one, streams=(one.streams[0], two)), attrs.evolve(two, enabled=False)
    half = attrs.evolve(one, streams=(one.streams[0], off))
    assert texts(config(half), running(both)) == ["stream cam0_sub removed"]
    assert texts(config(both), running(half)) == ["stream cam0_sub added"]


def test_limits_are_set_and_what_is_settled_at_the_start_is_left() -> None:
    now = running(system=SystemConfig(max_cameras=4, workers=1))
    assert texts(config(max_cameras=9, workers=2, log_level="DEBUG"), now) == [
        "system.max_cameras is 9 now",
        "system.workers is for the next start: it stays 1",
    ]


def test_what_has_given_up_is_tried_again_unless_it_is_restarted() -> None:
    one = camera(0, session("rtmp://a/x"), session("rtmp://b/x", output="cloud"))
    now = running(one, failed=frozenset({PRIMARY, CLOUD, (0, 0)}))
    assert texts(config(one), now) == [
        "stream cam0_main tried again (its source had given up)",
        "session cam0_main/cloud tried again (it had given up)",
        "session cam0_main tried again (it had given up)",
    ]
    changed = camera(0, session("rtmp://a/x"), session("rtmp://c/x", output="cloud"))
    assert "session cam0_main/cloud restarted (targets[0].url)" in texts(config(changed), now)


def test_a_beginning_waits_for_whoever_publishes_its_url_and_for_nobody_else() -> None:
    now = running(
        camera(0, session("rtmp://a/0", output="cloud"), session("rtmp://b/0")), camera(1, session("rtmp://c/1", 1))
    )
    swapped = config(
        camera(0, session("rtmp://b/0", output="cloud"), session("rtmp://a/0")), camera(1, session("rtmp://d/1", 1))
    )
    steps = to(swapped, now)
    assert steps[PRIMARY].after == steps[CLOUD].after == {PRIMARY, CLOUD}
    assert steps[SessionKey(1, 0, "rtmp")].after == {SessionKey(1, 0, "rtmp")}


def test_a_camera_that_takes_over_another_ones_device_or_url_waits_for_it() -> None:
    now = running(camera(0, session("rtmp://a/0")), camera(1), camera(2, session("rtmp://c/2", 2)))
    same_device = attrs.evolve(camera(5), streams=camera(1).streams)
    steps = to(config(camera(4, session("rtmp://a/0", 4)), same_device, camera(6, session("rtmp://e/6", 6))), now)
    assert steps[4].after == {0}
    assert steps[5].after == {1}
    assert steps[6].after == frozenset()


def test_who_comes_to_an_address_waits_for_those_who_leave_it_and_for_nobody_else() -> None:
    def listens(number: int, port: int) -> CameraConfig:
        source = SourceConfig(type="rtmp", url=f"listen://{port}/{number}")
        return CameraConfig(camera_id=number, streams=(StreamConfig(source=source),))

    now = running(listens(0, 1), listens(1, 2), listens(2, 2), listens(3, 3))
    steps = to(config(listens(0, 2), listens(1, 1), listens(2, 2), listens(3, 4)), now)
    assert steps[0, 0].after == steps[1, 0].after == {(0, 0), (1, 0)}
    assert steps[3, 0].after == {(3, 0)}
    assert (2, 0) not in steps


def listening(number: int, *ports: int) -> CameraConfig:
    """A stream for each port."""
    sources = [SourceConfig(type="rtmp", url=f"listen://{port}/{number}") for port in ports]
    streams = tuple(StreamConfig(stream_id=n, name=f"s{n}", source=source) for n, source in enumerate(sources))
    return CameraConfig(camera_id=number, streams=streams)


def spread(wanted: Config, where: dict[int, int], at_home: frozenset[int] = frozenset()) -> Spread:
    def needs(camera: CameraConfig) -> Needs:
        return Needs(frozenset(one for stream in camera.streams for one in takes(stream)), camera.camera_id in at_home)

    return Spread(groups({one.camera_id: needs(one) for one in wanted.cameras}), home=0, where=where)


def shared(wanted: Config, now: list[CameraConfig], where: dict[int, int], **options: Any) -> dict[object, Step]:
    return to(wanted, running(*now, spread=spread(wanted, where, **options)))


def test_a_camera_that_comes_to_an_address_of_another_process_begins_anew_there() -> None:
    now, wanted = [listening(0, 1), listening(1, 2)], config(listening(0, 1), listening(1, 1))
    steps = shared(wanted, now, {0: 1, 1: 2})
    assert [step.text for step in steps.values()] == [
        "camera 1 restarted (has an address in common with camera 0, and so its process)"
    ]
    assert [*shared(wanted, now, {0: 1, 1: 1})] == [(1, 0)], "in one process the stream alone begins anew"


def test_the_fewest_move_and_those_who_must_be_at_home_move_nobody_away_from_it() -> None:
    now, wanted = [listening(0, 1), listening(1, 2), listening(2, 2)], config(*(listening(n, 2) for n in range(3)))
    assert [*shared(wanted, now, {0: 0, 1: 2, 2: 2})] == [0]
    assert [*shared(wanted, now, {0: 0, 1: 2, 2: 2}, at_home=frozenset({1}))] == [(0, 0), 1, 2]


def test_who_comes_to_a_process_waits_for_all_who_belong_there_and_are_elsewhere() -> None:
    """Or the first to come would find another in a process that this one is about to leave."""
    now, wanted = [listening(n, n) for n in range(4)], config(*(listening(n, 9) for n in range(3)), listening(3, 3))
    steps = shared(wanted, now, {0: 1, 1: 2, 2: 3, 3: 3})
    assert set(steps) == {(0, 0), 1, 2}
    assert steps[1].after == steps[2].after == {1, 2}
    assert steps[0, 0].after == {(0, 0), 1, 2}


def test_a_camera_that_is_added_and_needs_two_processes_brings_their_cameras_together() -> None:
    now, wanted = [listening(0, 1), listening(1, 2)], config(listening(0, 1), listening(1, 2), listening(2, 1, 2))
    steps = shared(wanted, now, {0: 1, 1: 2})
    assert {key: step.action for key, step in steps.items()} == {1: Action.RESTART, 2: Action.ADD}
    assert steps[2].after == {1}


def test_where_all_places_are_taken_new_cameras_wait_for_old_ones_to_go() -> None:
    now = running(camera(0), camera(1))
    assert to(config(camera(1), camera(2), max_cameras=2), now)[2].after == {0}
    assert to(config(camera(1), camera(2), max_cameras=3), now)[2].after == frozenset()


def test_outputs_without_a_name_are_numbered_as_they_will_be_when_they_run() -> None:
    one = camera(0, session("rtmp://a/x"), session("rtmp://b/x"))
    assert list(sessions_of(one)) == [PRIMARY, SessionKey(0, 0, "rtmp2")]
    assert plan(running(one), config(one)) == []


def test_a_configuration_that_cannot_be_is_refused_before_anything_is_done() -> None:
    with pytest.raises(ConfigError, match='stream_name: "sub" contradicts where it stands, stream "main"'):
        camera(0, session("rtmp://a/x", stream_name="sub"))


def test_what_nothing_published_depends_on_takes_nothing_off_the_air() -> None:
    old = camera(0, session("rtmp://a/x"))
    policy = RetryPolicy(max_delay=5)
    new = camera(0, session("rtmp://a/x", retry_policy=policy, failback_after=3, stall_timeout=9), name="gate")
    steps = plan(running(old, failed=frozenset({PRIMARY})), config(new))
    assert [step.text for step in steps] == [
        "camera 0 goes on with another name",
        "session cam0_main goes on with another camera_name, retry_policy.max_delay, stall_timeout, failback_after",
        "session cam0_main tried again (it had given up)",
    ]
    assert all(step.action.in_place for step in steps)


def test_beside_what_is_published_all_of_it_begins_anew() -> None:
    old, new = session("rtmp://a/x"), session("rtmp://a/y", failback_after=3)
    (step,) = plan(running(camera(0, old)), config(camera(0, new)))
    assert step.action is Action.RESTART
