"""`adapt` of an output, as it is written and checked."""

from __future__ import annotations

from typing import Any

import pytest

from camcast import PluginHost
from camcast.config import Adapt, CameraConfig, Config, SessionConfig, SourceConfig, StreamConfig, dump, from_mapping
from camcast.config.check import check
from camcast.errors import ConfigError


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def mapping(*outputs: Any, **root: Any) -> dict[str, Any]:
    named = {
        f"out{number}": {"url": f"rtmp://127.0.0.1/live/{number}", **({"adapt": adapt} if adapt is not None else {})}
        for number, adapt in enumerate(outputs)
    }
    return {"cameras": [{"streams": [{"source": {"type": "testsrc"}, "outputs": named}]}], **root}


def sessions(config: Config) -> tuple[SessionConfig, ...]:
    return config.cameras[0].streams[0].sessions


def faults(host: PluginHost, *outputs: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping(*outputs), host)
    return [str(issue) for issue in caught.value.issues]


def test_limits_are_rates(host: PluginHost) -> None:
    (one,) = sessions(from_mapping(mapping({"min": "600 kbit/s", "max": "4 Mbit/s"}), host))
    assert one.adapt == Adapt(min=600, max=4000)


def test_a_floor_says_when_and_what(host: PluginHost) -> None:
    adapt = {"min": 150, "max": 4000, "below": "600 kbit/s", "framerate": 10, "height": 360}
    (one,) = sessions(from_mapping(mapping(adapt), host))
    assert one.adapt == Adapt(min=150, max=4000, below=600, framerate=10.0, height=360)
    config = from_mapping(mapping(adapt), host)
    assert from_mapping(dump(config), host).cameras == config.cameras


def test_nothing_adapts_unless_it_is_said(host: PluginHost) -> None:
    (one,) = sessions(from_mapping(mapping(None), host))
    assert one.adapt == Adapt()
    assert one.adapt.max == 0


def test_levels_lie_over_each_other_key_by_key(host: PluginHost) -> None:
    root = {"adapt": {"min": 300, "max": 3000}}
    file = mapping()
    stream = file["cameras"][0]["streams"][0]
    del stream["outputs"]
    stream["rtmp"] = {"url": "rtmp://127.0.0.1/live/x", "adapt": {"max": 2000}}
    (one,) = sessions(from_mapping({**file, "rtmp": root}, host))
    assert one.adapt == Adapt(min=300, max=2000)


def test_what_is_written_is_read_again(host: PluginHost) -> None:
    config = from_mapping(mapping({"min": 300, "max": 3000}), host)
    assert from_mapping(dump(config), host).cameras == config.cameras


@pytest.mark.parametrize(
    ("adapt", "text"),
    [
        ({"min": 900, "max": 800}, "outputs.out0.adapt.min: 900 kbit/s is above max, 800 kbit/s"),
        ({"max": "fast"}, "outputs.out0.adapt.max: expected kbit/s or a rate"),
        ({"least": 5}, "outputs.out0.adapt.least: unknown key"),
        (4000, "outputs.out0.adapt: expected an object"),
        ({"below": 600, "height": 360}, "outputs.out0.adapt.below: without max no bitrate follows the link"),
        ({"max": 900, "below": 600}, "outputs.out0.adapt.below: says when, but not what: give framerate or height"),
        ({"max": 900, "height": 360}, "outputs.out0.adapt.height: without below the picture is never made smaller"),
        ({"max": 900, "framerate": 5}, "outputs.out0.adapt.framerate: without below the picture is never made smaller"),
        (
            {"max": 900, "below": 500, "framerate": 5},
            "outputs.out0.adapt.below: 500 kbit/s is not between min, 500 kbit/s, and max, 900 kbit/s",
        ),
        ({"max": 900, "below": 600, "height": 361}, "outputs.out0.adapt.height: "),
        ({"min": 300}, "outputs.out0.adapt.min: without max nothing follows the link; give max too"),
        ({"max": 900, "then": "keyframes"}, "outputs.out0.adapt.max: max has the encoder follow the link"),
        ({"down_to": ["tiny"]}, 'outputs.out0.adapt.down_to[0]: "tiny" is no stream of this camera; others are: none'),
        ({"down_to": ["main"]}, 'outputs.out0.adapt.down_to[0]: "main" is this output\'s own stream'),
    ],
)
def test_what_is_wrong_is_told_at_its_place(adapt: Any, text: str, host: PluginHost) -> None:
    (fault,) = faults(host, adapt)
    assert text in fault


def test_a_shared_encoder_follows_the_slowest_only_where_that_is_said(host: PluginHost) -> None:
    (fault,) = faults(host, {"max": 4000}, None)
    assert 'outputs.out0.adapt: the encoder is shared with "out1"' in fault
    assert '"together": true' in fault
    both = sessions(from_mapping(mapping({"max": 4000, "together": True}, None), host))
    assert [one.adapt.together for one in both] == [True, False]


def test_a_configuration_made_in_python_is_checked_alike(host: PluginHost) -> None:
    outputs = tuple(
        SessionConfig(url=f"rtmp://127.0.0.1/live/{name}", output=name, adapt=Adapt(max=high))
        for name, high in (("a", 4000), ("b", 0))
    )
    stream = StreamConfig(source=SourceConfig(type="testsrc"), sessions=outputs)
    with pytest.raises(ConfigError, match=r'sessions\[0\].adapt: the encoder is shared with "b"'):
        check(Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),)), host)


def test_limits_that_contradict_each_other_are_refused_in_python() -> None:
    with pytest.raises(ConfigError, match="give a smaller min or a larger max"):
        Adapt(min=900, max=800)


@pytest.mark.parametrize("adapt", [{"then": "keyframes"}, {"down_to": ["sub"]}])
def test_a_second_place_over_the_same_link_is_refused(adapt: Any, host: PluginHost) -> None:
    made = mapping(adapt)
    streams = made["cameras"][0]["streams"]
    streams.append({"name": "sub", "source": {"type": "testsrc"}})
    output = streams[0]["outputs"]["out0"]
    output["standby"] = "hot"
    with pytest.raises(ConfigError) as caught:
        from_mapping(made, host)
    (issue,) = caught.value.issues
    assert 'outputs.out0.adapt: with "standby": "hot" the second place' in str(issue)
    assert 'say "warm" there, or leave out down_to and then here' in str(issue)
    output["standby"] = "warm"
    (one,) = sessions(from_mapping(made, host))
    assert one.adapt.chooses
    # An encoder's bitrate is the same for both.
    output.update(standby="hot", adapt={"max": 4000})
    (one,) = sessions(from_mapping(made, host))
    assert one.standby == "hot"


def test_a_second_place_over_the_same_link_is_refused_in_python(host: PluginHost) -> None:
    output = SessionConfig(url="rtmp://127.0.0.1/live/a", standby="hot", adapt=Adapt(then="keyframes"))
    stream = StreamConfig(source=SourceConfig(type="testsrc"), sessions=(output,))
    with pytest.raises(ConfigError, match=r'sessions\[0\].adapt: with "standby": "hot"'):
        check(Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),)), host)
