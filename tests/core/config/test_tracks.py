"""`tracks` and `sound_tracks` of an output, as they are written and checked."""

from __future__ import annotations

from typing import Any

import pytest

from camcast import PluginHost
from camcast.config import CameraConfig, Config, SessionConfig, SourceConfig, StreamConfig, dump, from_mapping
from camcast.config.check import check
from camcast.errors import ConfigError


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def mapping(**output: Any) -> dict[str, Any]:
    first = {"source": {"type": "testsrc"}, "outputs": {"tv": {"url": "rtmp://127.0.0.1/live/a", **output}}}
    others = [{"name": name, "source": {"type": "testsrc"}} for name in ("sub", *(f"s{number}" for number in range(8)))]
    return {"cameras": [{"streams": [first, *others]}]}


def test_nothing_is_sent_beside_the_first_unless_it_is_said(host: PluginHost) -> None:
    (one,) = from_mapping(mapping(), host).cameras[0].streams[0].sessions
    assert (one.tracks, one.sound_tracks) == ((), ())


def test_what_is_written_is_read_again(host: PluginHost) -> None:
    config = from_mapping(mapping(tracks=["main", "sub"], sound_tracks=["main", "s1"]), host)
    (one,) = config.cameras[0].streams[0].sessions
    assert (one.tracks, one.sound_tracks) == (("main", "sub"), ("main", "s1"))
    assert from_mapping(dump(config), host).cameras == config.cameras


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (
            {"tracks": ["sub", "main"]},
            'tv.tracks[0]: "sub" cannot be the first: that is the output\'s own stream, "main"',
        ),
        (
            {"tracks": ["main", "tiny"]},
            'tv.tracks[1]: "tiny" is no stream of this camera; its streams are "main", "sub"',
        ),
        ({"tracks": ["main", "sub", "sub"]}, 'tv.tracks[2]: "sub" is there twice'),
        ({"sound_tracks": ["sub"]}, 'tv.sound_tracks[0]: "sub" cannot be the first'),
        ({"tracks": "main"}, "tv.tracks: expected a list"),
        ({"tracks": ["main", "sub", *(f"s{n}" for n in range(8))]}, "tv.tracks: 10 tracks are too many"),
        ({"tracks": ["main", "sub"], "standby": "hot"}, 'tv.tracks: with "standby": "hot" the second place'),
        ({"tracks": ["main", "sub"], "adapt": {"then": "keyframes"}}, "tv.tracks: with adapt.down_to or adapt.then"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(output: dict[str, Any], text: str, host: PluginHost) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping(**output), host)
    (fault,) = caught.value.issues
    assert text in str(fault)


@pytest.mark.parametrize("more", [{"standby": "hot"}, {"adapt": {"then": "keyframes"}}])
def test_one_track_is_what_any_output_sends(more: dict[str, Any], host: PluginHost) -> None:
    (one,) = from_mapping(mapping(tracks=["main"], **more), host).cameras[0].streams[0].sessions
    assert one.tracks == ("main",)


def test_a_configuration_made_in_python_is_checked_alike(host: PluginHost) -> None:
    output = SessionConfig(url="rtmp://127.0.0.1/live/a", tracks=("main", "sub"))
    stream = StreamConfig(source=SourceConfig(type="testsrc"), sessions=(output,))
    with pytest.raises(ConfigError, match=r'sessions\[0\].tracks\[1\]: "sub" is no stream of this camera'):
        check(Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),)), host)
