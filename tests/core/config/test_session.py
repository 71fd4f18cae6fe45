"""The models as an embedder constructs them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from camcast.config import (
    CameraConfig,
    Config,
    EncoderConfig,
    Limit,
    RetryPolicy,
    SessionConfig,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    TargetConfig,
)
from camcast.config.secrets import resolve_reference
from camcast.errors import ConfigError
from camcast.events import SessionKey


def test_the_call_of_the_documentation() -> None:
    session = SessionConfig(
        camera_id=0,
        stream_id=0,
        stream_name="main",
        urls=["rtmp://a/live/k", "rtmp://b/live/k"],
        retry_policy=RetryPolicy(max_attempts=10, initial_delay=1, max_delay=60),
    )
    assert [target.url for target in session.targets] == ["rtmp://a/live/k", "rtmp://b/live/k"]
    assert (session.key, session.label) == (SessionKey(0, 0, "rtmp"), "cam0_main")
    assert session.evolve(output="cloud").label == "cam0_main/cloud"
    assert attrs.evolve(session) == session
    assert pickle.loads(pickle.dumps(session)) == session


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ({"url": "rtmp://a/live/cam{camera_id}"}, ["rtmp://a/live/cam7"]),
        (
            {
                "url_template": "rtmp://a/live/{x}",
                "variables": {"x": "y"},
                "fallback_urls": ["rtmp://b/l/{camera_name}"],
            },
            ["rtmp://a/live/y", "rtmp://b/l/gate"],
        ),
        ({"targets": (TargetConfig(url="rtmp://a/live/{k}"),)}, ["rtmp://a/live/{k}"]),
        ({"urls": ["rtmp://a/{stream_name}/k", TargetConfig(url="srt://b:1")]}, ["rtmp://a/main/k", "srt://b:1"]),
        ({"url": "env:URL"}, ["env:URL"]),
    ],
)
def test_ways_to_give_the_chain(chain: dict[str, object], expected: list[str]) -> None:
    session = SessionConfig(camera_id=7, camera_name="gate", **chain)  # type: ignore[arg-type]
    assert [target.url for target in session.targets] == expected


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "urls: an enabled output needs a URL: give url, urls or url_template"),
        (
            {"url": "rtmp://a/l/k", "urls": ["rtmp://a/l/k"]},
            "urls: give the chain in one way only: urls, or url with fallback_urls, or url_template with fallback_urls",
        ),
        ({"urls": "rtmp://a/live/k"}, "urls: expected a list, got text"),
        ({"url": "rtmp://a/l/k", "camera_id": -2}, "camera_id: expected -1 to 2147483647, got -2"),
        ({"url": "rtmp://a/l/k", "standby": "luke"}, 'standby: expected "cold", "warm" or "hot", got "luke"'),
        ({"url": "rtmp://a/l/k", "stall_timeout": "-3s"}, None),
    ],
)
def test_a_wrong_argument_says_so(arguments: dict[str, object], text: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionConfig(**{"camera_id": 0, **arguments})  # type: ignore[arg-type]
    assert text is None or str(caught.value) == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("500ms", 0.5),
        ("2m", 120),
        ("5 min", 300),
        ("10 sec", 10),
        ("1.5s", 1.5),
        ("1h", 3600),
        ("1d", 86400),
        (" 3 s ", 3),
        ("7", 7),
        (0, 0),
        (timedelta(milliseconds=250), 0.25),
        (timedelta(minutes=5), 300),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert RetryPolicy(initial_delay=value).initial_delay == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [timedelta(seconds=-1), "", "s", "1x", "1 2s", "1e3s", "٣s", -1, float("nan"), float("inf"), True, None, []],
)
def test_no_durations(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^initial_delay: expected "):
        RetryPolicy(initial_delay=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("4MB", 4_000_000),
        ("64 MiB", 64 << 20),
        ("512kb", 512_000),
        ("1.5k", 1500),
        ("9 B", 9),
        ("1gi", 1 << 30),
        (7, 7),
    ],
)
def test_sizes(value: object, count: int) -> None:
    assert Limit(seconds=1, bytes=value).bytes == count  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "4 MX", "4i", "4 iB", "0", -1, 1.5, 1e300, True, None, "1e3"])
def test_no_sizes(value: object) -> None:
    with pytest.raises(
        ConfigError, match=r'^bytes: expected a number of bytes or a size such as "4MB" or "64 MiB", got'
    ):
        Limit(seconds=1, bytes=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kbps"),
    [
        ("4 Mbit/s", 4000),
        ("4.5Mbit/s", 4500),
        ("800 kbit/s", 800),
        ("800kbps", 800),
        ("2 Mb/s", 2000),
        ("64000 bit/s", 64),
        (800, 800),
        (0, 0),
    ],
)
def test_rates(value: object, kbps: int) -> None:
    assert EncoderConfig(bitrate_kbps=value).bitrate_kbps == kbps  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["800", "4 MB", "63 kbit/s", 63, 200_001, "1 Gbit/s", True, None, [], "fast"])
def test_no_rates(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^bitrate_kbps: expected "):
        EncoderConfig(bitrate_kbps=value)  # type: ignore[arg-type]


# --- whose a session is -------------------------------------------------------------------------------------

TEMPLATE = "rtmp://a/live/cam{camera_id}_{stream_name}"


def source() -> SourceConfig:
    return SourceConfig(type="testsrc")


def urls(config: CameraConfig | Config) -> list[str]:
    cameras = config.cameras if isinstance(config, Config) else (config,)
    return [one.targets[0].url for camera in cameras for stream in camera.streams for one in stream.sessions]


def test_ids_and_names_come_from_where_a_session_stands() -> None:
    streams = [
        StreamConfig(source=source(), sessions=(SessionConfig(url=TEMPLATE),)),
        StreamConfig(source=source(), sessions=(SessionConfig(url=TEMPLATE, output="cloud"),)),
        StreamConfig(source=source(), name="wide", stream_id=7, sessions=(SessionConfig(url=TEMPLATE),)),
    ]
    camera = CameraConfig(camera_id=3, name="gate", streams=tuple(streams))
    sessions = [session for stream in camera.streams for session in stream.sessions]
    assert [session.label for session in sessions] == ["cam3_main", "cam3_sub/cloud", "cam3_wide"]
    assert [session.key for session in sessions] == [
        SessionKey(3, 0, "rtmp"),
        SessionKey(3, 1, "cloud"),
        SessionKey(3, 7, "rtmp"),
    ]
    assert {session.camera_name for session in sessions} == {"gate"}
    assert urls(camera) == [f"rtmp://a/live/cam3_{name}" for name in ("main", "sub", "wide")]
    assert urls(camera.renumbered(5)) == [f"rtmp://a/live/cam5_{name}" for name in ("main", "sub", "wide")]


def test_a_camera_without_a_number_gets_the_next_free_one_and_its_sessions_learn_it() -> None:
    stream = StreamConfig(source=source(), sessions=(SessionConfig(url=TEMPLATE),))
    alone = CameraConfig(streams=(stream,))
    assert (alone.camera_id, alone.streams[0].name, urls(alone)) == (-1, "main", [TEMPLATE])
    config = Config(cameras=(alone, CameraConfig(camera_id=0, streams=(stream,)), CameraConfig(streams=(stream,))))
    assert [camera.camera_id for camera in config.cameras] == [1, 0, 2]
    assert urls(config) == [f"rtmp://a/live/cam{number}_main" for number in (1, 0, 2)]


def test_a_name_that_changes_fills_the_template_in_anew() -> None:
    camera = CameraConfig(
        camera_id=0,
        name="gate",
        streams=(
            StreamConfig(
                source=source(), sessions=(SessionConfig(url="rtmp://a/live/{camera_name}_{x}", variables={"x": 1}),)
            ),
        ),
    )
    assert urls(camera) == ["rtmp://a/live/gate_1"]
    assert urls(attrs.evolve(camera, name="door")) == ["rtmp://a/live/door_1"]
    replaced = camera.streams[0].sessions[0].evolve(targets=(TargetConfig(url="rtmp://b/live/{own}"),))
    assert [target.url for target in replaced.evolve(camera_name="x").targets] == ["rtmp://b/live/{own}"]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"camera_id": 5}, "streams[0].sessions[0].camera_id: 5 contradicts where it stands, camera 3; leave it out"),
        ({"stream_id": 1}, "streams[0].sessions[0].stream_id: 1 contradicts where it stands, stream 0; leave it out"),
        (
            {"stream_name": "sub"},
            'streams[0].sessions[0].stream_name: "sub" contradicts where it stands, stream "main"; leave it out',
        ),
        (
            {"url": "rtmp://a/live/{camera}"},
            (
                "streams[0].sessions[0].url: URL template rtmp://a/live/{camera}: unknown variable {camera} at "
                "character 15; known: camera_id, camera_name, stream_id, stream_name; did you mean {camera_id}?"
            ),
        ),
    ],
)
def test_a_session_that_is_anothers_says_so(own: dict[str, object], told: str) -> None:
    session = SessionConfig(**{"url": TEMPLATE, **own})  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as error:
        CameraConfig(camera_id=3, streams=(StreamConfig(source=source(), sessions=(session,)),))
    assert str(error.value) == told


def test_numbers_are_unique() -> None:
    stream = StreamConfig(stream_id=1, source=source())
    with pytest.raises(
        ConfigError, match=r"^streams\[1\].stream_id: 1 is taken by streams\[0\].stream_id; ids are unique"
    ):
        CameraConfig(camera_id=0, streams=(stream, stream))
    with pytest.raises(ConfigError, match=r"^cameras\[1\].camera_id: 4 is taken by cameras\[0\].camera_id"):
        Config(cameras=(CameraConfig(camera_id=4), CameraConfig(camera_id=4)))


def test_a_key_is_known_once_it_is_known_whose_the_session_is() -> None:
    assert SessionConfig(camera_id=2, url=TEMPLATE).key == SessionKey(2, 0, "rtmp")
    assert SessionConfig(camera_id=2, stream_id=1, url=TEMPLATE).label == "cam2_sub"
    with pytest.raises(ConfigError, match=r"^camera_id: is not said"):
        _ = SessionConfig(url=TEMPLATE).key
    named = SessionConfig(camera_id=0, stream_name="sub", url=TEMPLATE)
    with pytest.raises(ConfigError, match=r'^stream_id: is not said; "sub" is looked for'):
        _ = named.key
    found = named.found({0: "main", 4: "sub"})
    assert (found.key, found.targets[0].url) == (SessionKey(0, 4, "rtmp"), "rtmp://a/live/cam0_sub")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: StreamConfig(source="rtsp://x"), "source: expected a SourceConfig, got text"),  # type: ignore[arg-type]
        (lambda: CameraConfig(streams=[1]), "streams: expected a StreamConfig, got 1"),  # type: ignore[arg-type]
        (lambda: Config(cameras=CameraConfig()), "cameras: expected a tuple of CameraConfigs, got a CameraConfig"),  # type: ignore[arg-type]
        (lambda: SessionConfig(url=TEMPLATE, retry_policy={}), "retry_policy: expected a RetryPolicy, got an object"),  # type: ignore[arg-type]
        (lambda: SessionConfig(urls=[TEMPLATE, 7]), "urls[1]: expected a URL or a TargetConfig, got 7"),  # type: ignore[list-item]
        (lambda: SessionConfig(urls=["rtmp://a/{x"]), None),
        (lambda: CameraConfig(name="rtmp://a/live/key"), None),
        (lambda: EncoderConfig(type="H264_XBR"), None),
        (
            lambda: SlateConfig(picture="image"),
            'image: is missing; "picture": "image" needs the path of a PNG or JPEG file',
        ),
        (
            lambda: SessionConfig(url=TEMPLATE, output="a/b"),
            "output: an output's name is 1 to 64 printable characters without /",
        ),
        (lambda: SessionConfig(url=TEMPLATE, camera_name="rtmp://a/live/key"), None),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_made(make: Callable[[], object], told: str | None) -> None:
    with pytest.raises(ConfigError) as error:
        make()
    assert told is None or str(error.value) == told


def test_reviving_follows_the_policy_unless_nothing_is_tried_again() -> None:
    assert SessionConfig(url=TEMPLATE).revive_after == 300
    assert SessionConfig(url=TEMPLATE, retry_policy=RetryPolicy(revive_after=None)).revive_after is None
    assert SessionConfig(url=TEMPLATE, auto_reconnect=False).revive_after is None


def test_secrets_from_the_environment_and_from_files(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMCAST_TEST_URL", "rtmps://server/live/k")
    monkeypatch.setenv("CAMCAST_TEST_EMPTY", "")
    path = f"{tmp_path}/key"
    with open(path, "w") as file:
        file.write("s3cret\n")
    config = TargetConfig(
        url="env:CAMCAST_TEST_URL",
        stream_key=f"file:{path}",
        proxy="env:CAMCAST_TEST_URL",
        options={"passphrase": f"file:{path}", "nested": {"list": ["env:CAMCAST_TEST_URL", 3]}, "plain": "x:y"},
    )
    target = config.target(resolve_secret=resolve_reference)
    assert (target.url, target.stream_key, target.proxy) == ("rtmps://server/live/k", "s3cret", "rtmps://server/live/k")
    assert target.options == {
        "passphrase": "s3cret",
        "nested": {"list": ["rtmps://server/live/k", 3]},
        "plain": "x:y",
    }
    assert config.needs_secrets
    assert target.forms == {"h265": "enhanced"}
    assert target.secrets >= {"s3cret"}


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (
            "env:CAMCAST_NOT_SET",
            "environment variable CAMCAST_NOT_SET is not set or empty; it is named by",
        ),
        ("file:/nowhere/key", "cannot read the secret in file:/nowhere/key: No such file or directory"),
        ("file:/dev/null", "the secret in file:/dev/null is empty"),
        ("file:/dev/zero", "the secret in file:/dev/zero is longer than 64 KiB"),
        ("vault:camera/7", 'nothing here resolves references of the kind "vault:"; known: env:NAME, file:PATH'),
        (
            "rtsp:/camera/7",
            (
                'nothing here resolves references of the kind "rtsp:"; known: env:NAME, file:PATH; as a URL it '
                "would begin with rtsp://"
            ),
        ),
    ],
)
def test_a_secret_that_is_not_there(reference: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TargetConfig(url=reference).target(resolve_secret=resolve_reference)
    assert str(caught.value).startswith(text)
