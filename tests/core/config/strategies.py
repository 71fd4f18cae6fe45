"""Whole configurations, as a loader could have made them."""

from __future__ import annotations

from hypothesis import strategies as st

from camcast.config import (
    CameraConfig,
    Config,
    EncoderConfig,
    Limit,
    PluginsConfig,
    RetryPolicy,
    SessionConfig,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
    TargetConfig,
)

NAMES = st.text(alphabet="abcXYZ019_-. äß", min_size=1, max_size=8).filter(str.strip)
SECONDS = st.floats(0.001, 3600, allow_nan=False).map(lambda value: round(value, 3))
KEYS = st.text(alphabet="abcXYZ019_-{}?&=@%#+'", min_size=1, max_size=12)

retry_policies = st.builds(
    RetryPolicy,
    max_attempts=st.none() | st.integers(0, 100),
    initial_delay=SECONDS,
    max_delay=SECONDS,
    jitter=st.floats(0, 1),
    stable_after=SECONDS,
)
limits = st.builds(Limit, seconds=SECONDS, bytes=st.integers(1, 2**30))
sources = st.builds(
    SourceConfig,
    type=st.just("rtsp"),
    url=KEYS.map("rtsp://camera/{}".format) | st.just("env:CAMERA"),
    options=st.fixed_dictionaries({}, optional={"timeout": SECONDS, "transport": st.just("udp")}),
    retry_policy=retry_policies,
)
encoders = st.builds(
    EncoderConfig,
    type=st.just("H264_AVBR"),
    width=st.just(640),
    height=st.integers(72, 2000).map(lambda half: half * 2),
    framerate=st.just(0.0) | st.floats(1, 240),
    bitrate_kbps=st.just(0) | st.integers(64, 200_000),
    gop=SECONDS,
    transcode=st.booleans(),
    b_frames=st.integers(0, 16),
) | st.just(EncoderConfig(type="copy"))
slates = st.none() | st.builds(SlateConfig, after=SECONDS, picture=st.sampled_from(["card", "last"]))


@st.composite
def targets(draw: st.DrawFn, place: str) -> TargetConfig:
    return TargetConfig(
        url=draw(KEYS.map(f"rtmp://{place}/live/{{}}".format) | st.just("env:URL")),
        transport=draw(st.sampled_from(["", "rtmp"])),
        hevc=draw(st.sampled_from(["enhanced", "legacy"])),
        audio=draw(st.sampled_from(["auto", "aac", "none"])),
        stream_key=draw(st.none() | KEYS),
        connect_timeout=draw(SECONDS),
        insecure=draw(st.booleans()),
    )


@st.composite
def configs(draw: st.DrawFn) -> Config:
    cameras = []
    for camera_id in draw(st.lists(st.integers(0, 50), max_size=3, unique=True)):
        name = draw(NAMES | st.just(""))
        streams = []
        numbers = draw(st.lists(st.integers(0, 50), max_size=3, unique=True))
        names = draw(st.lists(NAMES, min_size=len(numbers), max_size=len(numbers), unique=True))
        for stream_id, stream_name in zip(numbers, names, strict=True):
            sessions = [
                SessionConfig(
                    camera_id=camera_id,
                    camera_name=name,
                    stream_id=stream_id,
                    stream_name=stream_name,
                    output=output,
                    targets=tuple(
                        draw(targets(f"h{camera_id}-{stream_id}-{output.encode().hex()}-{index}"))
                        for index in range(draw(st.integers(1, 3)))
                    ),
                    auto_reconnect=draw(st.booleans()),
                    retry_policy=draw(retry_policies),
                    failback_after=draw(st.none() | SECONDS),
                    replay_max=draw(limits),
                    queue=draw(limits),
                    allow_redirect_hosts=draw(st.lists(st.just("other.example"), max_size=2)),
                )
                for output in draw(st.lists(st.sampled_from(["rtmp", "cloud", "b 2"]), max_size=2, unique=True))
            ]
            streams.append(
                StreamConfig(
                    stream_id=stream_id,
                    name=stream_name,
                    enabled=draw(st.booleans()),
                    source=draw(sources),
                    encoder=draw(encoders),
                    slate=draw(slates),
                    sessions=tuple(sessions),
                )
            )
        cameras.append(
            CameraConfig(camera_id=camera_id, name=name, enabled=draw(st.booleans()), streams=tuple(streams))
        )
    system = SystemConfig(
        log_level=draw(st.sampled_from(["DEBUG", "ERROR"])), workers=draw(st.sampled_from([1, "auto"]))
    )
    lists = st.lists(st.sampled_from(["camcast:rtmp", "other"]), max_size=2).map(tuple)
    plugins = PluginsConfig(block=draw(lists), allow=draw(st.none() | st.just(("made-up",))))
    return Config(plugins=plugins, system=system, cameras=tuple(cameras))
