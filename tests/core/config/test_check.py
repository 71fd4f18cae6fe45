"""A `Config` that a program made is checked as a file is, with places in the object."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.core.config.kinds import made_up_host

from camcast.config import (
    CameraConfig,
    Config,
    EncoderConfig,
    SessionConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
    TargetConfig,
    dump,
    from_mapping,
)
from camcast.config.check import canonical, check, check_camera
from camcast.engine import Engine
from camcast.errors import ConfigError

HOST = made_up_host()
RTSP = SourceConfig(type="rtsp", url="rtsp://10.0.0.5/main")
PICTURE = SourceConfig(type="testsrc")


def config(*sessions: SessionConfig, source: SourceConfig = RTSP, **encoder: Any) -> Config:
    stream = StreamConfig(source=source, sessions=sessions, encoder=EncoderConfig(**encoder))
    return Config(cameras=(CameraConfig(name="gate", streams=(stream,)),))


def target(url: str = "rtmp://server/live/key", **settings: Any) -> SessionConfig:
    return SessionConfig(targets=[TargetConfig(url=url, **settings)])


STREAM = "cameras[0].streams[0]"
TARGET = f"{STREAM}.sessions[0].targets[0]"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            config(source=SourceConfig(type="rtps")),
            f'{STREAM}.source.type: unknown source type "rtps"; did you mean "rtsp"?',
        ),
        (
            config(source=SourceConfig(type="rtsp")),
            f'{STREAM}.source.url: is missing; a source of type "rtsp" needs it',
        ),
        (
            config(source=attrs.evolve(PICTURE, options={"fsp": 3})),
            f'{STREAM}.source.options.fsp: unknown key; did you mean "fps"?',
        ),
        (
            config(type="H266_CBR"),
            (
                f'{STREAM}.encoder.type: unknown codec "H266"; known: av1, h264, h265; expected a codec and CBR, VBR '
                "or AVBR such as H264_CBR, or copy"
            ),
        ),
        (
            config(source=PICTURE, type="copy"),
            (
                f'{STREAM}.encoder.type: a source of type "testsrc" gives unencoded frames: there is nothing to copy; '
                'name an encoder such as "H264_CBR"'
            ),
        ),
        (config(target("server/live/key")), f"{TARGET}.url: is not a valid URL: expected scheme://host/…"),
        (
            config(target("rtmp://a/l/1", audio="none").evolve(output="b"), target("rtmp://a/l/2").evolve(output="b")),
            f'{STREAM}.sessions[1].output: "b" is taken by another session of this stream',
        ),
        (config(width=640), f"{STREAM}.encoder: width and height go together; give both or neither"),
        (
            config(target("http://server/x")),
            f"{TARGET}.url: no transport for http:// URLs; known: rtmp://, rtmps://, srt://",
        ),
        (config(target("rtmp://server/live/")), f"{TARGET}.url: rtmp://server/live/*** has no stream key"),
        (
            config(target(audio="acc")),
            f"{TARGET}.audio: expected auto, copy, silent, none or an audio codec (aac), got other text",
        ),
        (
            config(target("srt://h:9000", options={"latncy": 1})),
            f'{TARGET}.options.latncy: unknown key; did you mean "latency"?',
        ),
        (
            config(target(), target().evolve(output="twin")),
            (
                f"{STREAM}.sessions[1].targets[0].url: cam0_main/twin would publish rtmp://server/live/*** as "
                "cam0_main does; put {camera_id} and {stream_name} into the template, or give it a URL of its own"
            ),
        ),
        (
            Config(
                system=SystemConfig(max_cameras=1),
                cameras=(*config().cameras, CameraConfig(), CameraConfig(enabled=False)),
            ),
            "cameras: 2 cameras are enabled, system.max_cameras is 1",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(wrong: Config, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        Engine(wrong, host=HOST)
    assert str(error.value) == told


def test_everything_is_told_at_once() -> None:
    wrong = config(target("rtmp://server/live/"), source=SourceConfig(type="x"), type="AAC_CBR")
    with pytest.raises(ConfigError) as error:
        check(wrong, HOST)
    assert [issue.path for issue in error.value.issues] == [
        f"{STREAM}.source.type",
        f"{STREAM}.encoder.type",
        f"{TARGET}.url",
    ]


def test_another_transport_for_the_same_url_is_no_way_around() -> None:
    with pytest.raises(ConfigError, match="cam0_main/twin would publish"):
        check(config(target(), target(transport="librtmp").evolve(output="twin")), HOST)


def test_what_does_not_run_publishes_nothing() -> None:
    one = config(target()).cameras[0]
    off = attrs.evolve(config(target()).cameras[0].renumbered(1), enabled=False)
    check(Config(cameras=(one, off)), HOST)
    with pytest.raises(ConfigError, match="cam1_main would publish"):
        check(Config(cameras=(one, attrs.evolve(off, enabled=True))), HOST)


def test_a_right_one_comes_back_as_it_is_and_is_what_its_file_would_be() -> None:
    right = config(target(), type="H264_CBR")
    assert check(right, HOST) is right
    assert from_mapping(dump(right), HOST) == right


@pytest.mark.parametrize(
    ("written", "source", "meant"),
    [
        ("auto", RTSP, "copy"),
        ("auto", PICTURE, "H264_CBR"),
        ("COPY", RTSP, "copy"),
        ("hevc_vbr", PICTURE, "H265_VBR"),
        ("H265", PICTURE, "H265_CBR"),
        ("AV1_AVBR", PICTURE, "AV1_AVBR"),
    ],
)
def test_a_type_means_in_python_what_it_means_in_a_file(written: str, source: SourceConfig, meant: str) -> None:
    wanted = config(source=source, type=written)
    for one in (check(wanted, HOST), canonical(wanted, HOST), Engine(wanted, host=HOST).config):
        assert one.cameras[0].streams[0].encoder.type == meant
    assert check_camera(wanted.cameras[0], HOST).streams[0].encoder.type == meant
    block = {"type": source.type, "url": source.url}
    file = {"cameras": [{"streams": [{"source": block, "encoder": {"type": written}}]}]}
    assert from_mapping(file, HOST).cameras[0].streams[0].encoder.type == meant


def test_one_camera_is_checked_with_places_below_it() -> None:
    with pytest.raises(ConfigError) as error:
        check_camera(config(source=SourceConfig(type="x")).cameras[0], HOST)
    assert str(error.value).startswith("streams[0].source.type: unknown source type")


def test_what_is_unknown_stays_as_it_is_where_only_the_spelling_is_asked_for() -> None:
    strange = config(source=SourceConfig(type="x"), type="h266_cbr")
    assert canonical(strange, HOST) is strange
