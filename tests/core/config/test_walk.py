"""What a configuration means: hierarchy, ids, chains, defaults, references, notes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.core.config.kinds import made_up_host

from camcast.config import Config, Limit, RetryPolicy, SessionConfig, TargetConfig, from_mapping, load, loads
from camcast.errors import ConfigError

HOST = made_up_host()
ROOT = "rtmp://server/live/cam{camera_id}_{stream_name}"
README = (Path(__file__).parent / "system_config.json").read_text()


def stream(**keys: Any) -> dict[str, Any]:
    return {"source": {"type": "rtsp", "url": "rtsp://10.0.0.5/main"}, **keys}


def one(stream_keys: dict[str, Any] | None = None, camera: dict[str, Any] | None = None, **root: Any) -> Config:
    """One camera with one stream."""
    cameras = [{"camera_id": 0, **(camera or {}), "streams": [stream(**(stream_keys or {}))]}]
    return from_mapping({**root, "cameras": cameras}, HOST)


def only(config: Config) -> SessionConfig:
    (session,) = config.sessions()
    return session


def urls(session: SessionConfig) -> list[str]:
    return [target.url for target in session.targets]


def test_the_documented_file() -> None:
    config = loads(README, HOST)
    assert {session.label: urls(session) for session in config.sessions()} == {
        "cam0_main": ["rtmp://server/live/cam0_main", "rtmp://backup/live/cam0_main"],
        "cam0_main/cloud": ["srt://ingest.example:9000?streamid=gate"],
        "cam0_sub": ["rtmp://server/live/cam0_sub", "rtmp://server2/live/cam0_sub"],
    }
    main, sub = config.cameras[0].streams
    assert (main.encoder.codec, main.encoder.rate_control, main.encoder.bitrate_kbps) == ("h264", "cbr", 4000)
    assert (sub.encoder.type, sub.encoder.codec) == ("copy", None)
    assert sub.sessions[0].retry_policy == RetryPolicy(max_attempts=10)
    assert config.notes == ()


def test_defaults() -> None:
    session = only(one(rtmp={"url_template": ROOT}))
    target = TargetConfig(url="rtmp://server/live/cam0_main")
    assert session == SessionConfig(camera_id=0, stream_id=0, stream_name="main", targets=(target,))
    assert (session.stall_timeout, session.idle_timeout, session.failback_after) == (5, 8, 30)
    assert (session.replay_max, session.queue) == (Limit(seconds=2, bytes=4_000_000), Limit(seconds=0.7, bytes=4 << 20))
    assert session.retry_policy == RetryPolicy(
        max_attempts=10, initial_delay=1, max_delay=60, jitter=0.25, stable_after=10
    )
    assert session.targets[0].connect_timeout == 10


def test_an_output_of_its_own_beside_the_root_default() -> None:
    config = one({"outputs": {"cloud": {"url": "srt://ingest:9000"}}}, rtmp={"url_template": ROOT})
    assert [session.label for session in config.sessions()] == ["cam0_main", "cam0_main/cloud"]


@pytest.mark.parametrize("place", ["rtmp", "outputs", "both"])
def test_both_places_of_a_stream_block_work(place: str) -> None:
    block = {"url": "rtmp://a/live/k"}
    keys = {"rtmp": {"rtmp": block}, "outputs": {"outputs": {"rtmp": block}}}
    both = {**keys["rtmp"], **keys["outputs"]}  # type: ignore[dict-item, var-annotated]
    assert urls(only(one(keys.get(place, both), rtmp={"url_template": ROOT}))) == ["rtmp://a/live/k"]  # type: ignore[arg-type]


def test_levels_override_field_by_field() -> None:
    root = {
        "url_template": ROOT,
        "fallback_urls": ["rtmp://b/live/{stream_name}"],
        "retry_policy": {"initial_delay": "500ms", "jitter": 0},
        "queue": {"bytes": "2MiB"},
        "connect_timeout": "3s",
        "audio": "silent",
    }
    camera = {"rtmp": {"retry_policy": {"max_delay": "2m"}, "audio": "none"}}
    session = only(one({"rtmp": {"url": "rtmp://c/live/k", "max_retry_attempts": None}}, camera, rtmp=root))
    assert urls(session) == ["rtmp://c/live/k", "rtmp://b/live/main"]
    assert session.retry_policy == RetryPolicy(max_attempts=None, initial_delay=0.5, max_delay=120, jitter=0)
    assert session.queue == Limit(seconds=0.7, bytes=2 << 20)
    assert {(target.audio, target.connect_timeout) for target in session.targets} == {("none", 3.0)}


def test_the_inner_word_for_attempts_wins() -> None:
    root = {"url_template": ROOT, "max_retry_attempts": 3}
    assert only(one(rtmp=root)).retry_policy.max_attempts == 3
    inner = {"rtmp": {"retry_policy": {"max_attempts": 7}}}
    assert only(one(inner, rtmp=root)).retry_policy.max_attempts == 7


@pytest.mark.parametrize(
    ("root", "camera", "inner", "expected"),
    [
        (True, None, None, 1),
        (False, None, None, 0),
        (True, False, None, 0),
        (True, False, True, 1),
        (False, None, True, 1),
        (True, None, False, 0),
    ],
)
def test_enabled_is_overridden_too(root: bool, camera: bool | None, inner: bool | None, expected: int) -> None:
    config = one(
        {"rtmp": {"enabled": inner}} if inner is not None else {},
        {"rtmp": {"enabled": camera}} if camera is not None else {},
        rtmp={"url_template": ROOT, "enabled": root},
    )
    assert len(list(config.sessions())) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"urls": ["rtmp://a/l/k", "rtmp://b/l/k"]}, ["rtmp://a/l/k", "rtmp://b/l/k"]),
        ({"url": "rtmp://a/l/k", "fallback_urls": ["rtmp://b/l/k"]}, ["rtmp://a/l/k", "rtmp://b/l/k"]),
        ({"url_template": "rtmp://a/l/{x}", "fallback_urls": ["rtmp://b/{x}/k"]}, ["rtmp://a/l/7", "rtmp://b/7/k"]),
        ({"urls": [{"url": "rtmp://a/l/{x}"}]}, ["rtmp://a/l/7"]),
        ({"fallback_urls": ["rtmp://b/l/k"]}, ["rtmp://server/live/cam0_main", "rtmp://b/l/k"]),
        ({"urls": ["rtmp://a/l/k"]}, ["rtmp://a/l/k"]),
        ({"url": "rtmp://a/l/k"}, ["rtmp://a/l/k", "rtmp://root/live/k"]),
    ],
)
def test_ways_to_write_a_chain(block: dict[str, Any], expected: list[str]) -> None:
    root = {"url_template": ROOT, "fallback_urls": ["rtmp://root/live/k"]}
    assert urls(only(one({"rtmp": block}, variables={"x": 7}, rtmp=root))) == expected


def test_an_entry_overrides_its_output() -> None:
    chain: list[Any] = [
        "rtmp://a/live/k",
        {"url": "rtmp://b/live", "stream_key": "env:KEY", "app": "live", "transport": "librtmp", "hevc": "legacy"},
        {"url": "srt://c:9000", "options": {"latency": 300}, "connect_timeout": "500ms"},
    ]
    session = only(one({"rtmp": {"urls": chain, "audio": "aac", "server": "srs"}}))
    first, second, third = session.targets
    assert first == TargetConfig(url="rtmp://a/live/k", audio="aac", server="srs")
    assert second.target(resolve_secret={"env:KEY": "s3cret"}.__getitem__).stream_key == "s3cret"
    assert (second.transport, second.hevc, second.audio) == ("librtmp", "legacy", "aac")
    assert (third.options, third.connect_timeout, third.server) == ({"latency": 300}, 0.5, "srs")


def test_options_stay_with_the_primarys_transport() -> None:
    block = {"urls": ["srt://a:9000", "rtmp://b/live/k", "srt://c:9000"], "options": {"latency": 300}}
    assert [target.options for target in only(one({"rtmp": block})).targets] == [{"latency": 300}, {}, {"latency": 300}]


def test_options_are_laid_over_each_other() -> None:
    root = {"url": "srt://a:9000", "options": {"latency": 300, "passphrase": "0123456789"}}
    session = only(one({"rtmp": {"options": {"latency": 200}}}, rtmp=root))
    assert session.targets[0].options == {"latency": 200, "passphrase": "0123456789"}


def test_ids_are_assigned() -> None:
    cameras: list[dict[str, Any]] = [
        {"camera_id": -1, "streams": [stream(stream_id=-1), stream(stream_id=0), stream(stream_id=-1)]},
        {"camera_id": 0, "streams": []},
        {"streams": [stream(stream_id=5, name="wide")]},
    ]
    config = from_mapping({"cameras": cameras, "rtmp": {"url_template": ROOT}}, HOST)
    assert [camera.camera_id for camera in config.cameras] == [1, 0, 2]
    assert [session.label for session in config.sessions()] == ["cam1_sub", "cam1_main", "cam1_stream2", "cam2_wide"]


def test_what_is_off_is_checked_but_does_not_run() -> None:
    off = {"camera_id": 1, "enabled": False, "streams": [stream()]}
    streams = [stream(enabled=False), stream(name="sub")]
    config = from_mapping(
        {"rtmp": {"url_template": ROOT}, "cameras": [{"camera_id": 0, "streams": streams}, off]}, HOST
    )
    assert [session.label for session in config.sessions()] == ["cam0_sub"]
    off["streams"][0]["encoder"] = {"type": "H264_CBR", "bitrate": 1}  # type: ignore[index]
    with pytest.raises(ConfigError, match=r"cameras\[0\].streams\[0\].encoder.bitrate"):
        from_mapping({"cameras": [off]}, HOST)
    with pytest.raises(ConfigError, match="unknown variable"):
        one({"rtmp": {"enabled": False, "url": "rtmp://a/live/{nope}"}})


def test_cameras_that_are_off_do_not_count() -> None:
    cameras = [{"camera_id": 0}, {"camera_id": 1, "enabled": False}]
    assert len(from_mapping({"system": {"max_cameras": 1}, "cameras": cameras}, HOST).cameras) == 2


@pytest.mark.parametrize(
    ("source", "encoder", "expected"),
    [
        ("rtsp", None, ("copy", None, "cbr")),
        ("push", None, ("copy", None, "cbr")),
        ("testsrc", None, ("H264_CBR", "h264", "cbr")),
        ("rtsp", "copy", ("copy", None, "cbr")),
        ("rtsp", "H265_AVBR", ("H265_AVBR", "h265", "avbr")),
        ("rtsp", "hevc_vbr", ("H265_VBR", "h265", "vbr")),
        ("rtsp", "AV1", ("AV1_CBR", "av1", "cbr")),
    ],
)
def test_encoder_types(source: str, encoder: str | None, expected: tuple[str, str | None, str]) -> None:
    keys: dict[str, Any] = {"source": {"type": source, "url": "rtsp://camera/main"}}
    if encoder:
        keys["encoder"] = {"type": encoder}
    found = one(keys).cameras[0].streams[0].encoder
    assert (found.type, found.codec, found.rate_control) == expected


def test_references_are_checked_as_far_as_they_are_known() -> None:
    options = {"passphrase": "env:PASS"}
    session = only(one({"rtmp": {"urls": ["srt://a:9000", "env:URL"], "options": options}}))
    asked = {"env:PASS": "0123456789", "env:URL": "srt://b:9000"}
    first, second = (target.target(resolve_secret=asked.__getitem__) for target in session.targets)
    assert (first.options, second.url) == ({"passphrase": "0123456789"}, "srt://b:9000")
    assert session.targets[1].shown == "env:URL"
    with pytest.raises(ConfigError, match='did you mean "passphrase"'):
        one({"rtmp": {"url": "srt://a:9000", "options": {"passphrse": "env:PASS"}}})


def test_a_source_keeps_trying_unless_told_otherwise() -> None:
    source = {"type": "rtsp", "url": "env:CAMERA", "options": {"transport": "file:/run/transport"}}
    found = one({"source": {**source, "retry_policy": {"initial_delay": 2}}}).cameras[0].streams[0].source
    assert found.retry_policy == RetryPolicy(max_attempts=None, initial_delay=2)
    resolved = found.resolved(resolve_secret={"env:CAMERA": "rtsp://u:p@c/main", "file:/run/transport": "tcp"}.get)  # type: ignore[arg-type]
    assert (resolved.url, resolved.options) == ("rtsp://u:p@c/main", {"transport": "tcp"})


def test_slate() -> None:
    assert one().cameras[0].streams[0].slate is None
    assert one({"slate": False}).cameras[0].streams[0].slate is None
    slate = one({"slate": True}).cameras[0].streams[0].slate
    assert slate is not None
    assert (slate.picture, slate.after, slate.up_to) == ("card", 2.0, None)


def test_keys_of_other_programs_are_told_once() -> None:
    cameras = [
        {"camera_id": number, "sensor": {"type": "OS04A10"}, "features": [], "streams": [stream(outputs={"mp4": {}})]}
        for number in range(3)
    ]
    config = from_mapping({"system": {"vb_pool": 1}, "cameras": cameras}, HOST)
    assert config.notes == (
        "system.vb_pool is not camcast's and is left alone",
        "cameras[].sensor is not camcast's and is left alone (3 times)",
        "cameras[].features is not camcast's and is left alone (3 times)",
        "cameras[].streams[].outputs.mp4 is not camcast's and is left alone (3 times)",
    )


def test_trusting_anybody_is_told() -> None:
    config = one({"rtmp": {"url": "rtmps://server/live/k", "insecure": True}})
    assert config.notes == ("cam0_main: insecure: whoever answers at rtmps://server/live/*** is trusted",)


def test_two_sessions_of_one_secret_url_are_not_compared() -> None:
    assert len(list(one({"rtmp": {"url": "env:A"}, "outputs": {"b": {"url": "env:A"}}}).sessions())) == 2


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "system_config.toml"
    path.write_text(
        """
        [rtmp]
        url_template = "rtmp://server/live/cam{camera_id}_{stream_name}"
        max_retry_attempts = "never"
        failback_after = "never"

        [[cameras]]
        camera_id = 0
        [[cameras.streams]]
        name = "main"
        source = {type = "rtsp", url = "rtsp://10.0.0.5/main"}
        """
    )
    session = only(load(path, HOST))
    assert (session.retry_policy.max_attempts, session.failback_after) == (None, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_comments_commas_and_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.json"
    text = README.replace('"cameras": [', '/* the\ncameras */ "cameras": [ // here').replace('"gate"', '"Tür"')
    path.write_text(text.replace('backup/live/cam0_main"]', 'backup/live/cam0_main",]'), encoding=encoding)
    config = load(path, HOST)
    assert config.cameras[0].name == "Tür"
    assert config == loads(README.replace('"gate"', '"Tür"'), HOST)


def test_relative_paths_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    for name in ("clip.mp4", "ca.pem", "url", "still.png"):
        (tmp_path / name).write_text("rtmp://server/live/k\n")
    config = {
        "cameras": [
            {
                "streams": [
                    {
                        "source": {"type": "file", "url": "clip.mp4"},
                        "slate": {"picture": "image", "image": "still.png"},
                        "rtmp": {"url": "file:url", "ca_file": "ca.pem", "bind": "10.0.0.1"},
                    },
                    {"source": {"type": "file", "url": "elsewhere.mp4"}},
                ]
            }
        ]
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    first, second = load(path, HOST).cameras[0].streams
    assert first.source.url == str(tmp_path / "clip.mp4")
    assert first.slate is not None
    assert first.slate.image == str(tmp_path / "still.png")
    (target,) = first.sessions[0].targets
    assert (target.url, target.ca_file) == (f"file:{tmp_path}/url", str(tmp_path / "ca.pem"))
    assert second.source.url == "elsewhere.mp4"


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*/none.json: No such file or directory"):
        load(tmp_path / "none.json", HOST)
    (tmp_path / "latin.json").write_bytes(b'{\n"rtmp": {"url": "rtmp://s/live/\xfc"}}')
    with pytest.raises(ConfigError, match=r"latin.json: line 2: expected UTF-8 text, got another encoding"):
        load(tmp_path / "latin.json", HOST)


def test_the_requirements_file_without_a_source_says_exactly_what_to_add() -> None:
    """Static URLs, as the requirement writes them: nothing says where the pictures come from."""
    encoder = {"type": "H264_CBR", "width": 1920, "height": 1080, "framerate": 30, "bitrate": 4000}
    outputs = {"rtmp": {"enabled": True, "urls": ["rtmp://server/live/cam0_main"]}}
    stream: dict[str, Any] = {"stream_id": 0, "name": "main", "encoder": encoder, "outputs": outputs}
    file = {"cameras": [{"camera_id": 0, "enabled": True, "streams": [stream]}]}
    with pytest.raises(ConfigError) as error:
        from_mapping(file, HOST)
    (issue,) = error.value.issues
    assert issue.path == "cameras[0].streams[0].source"
    examples = re.findall(r'"source": (\{[^}]*\})', issue.message)
    assert len(examples) == 2
    for example in examples:
        stream["source"] = json.loads(example)
        assert [session.label for session in from_mapping(file, HOST).sessions()] == ["cam0_main"]


@pytest.mark.parametrize("place", ["retry_policy", "output"])
def test_reviving_is_said_in_the_policy_or_beside_it(place: str) -> None:
    value: dict[str, Any] = {"revive_after": "2 min"}
    session = only(one(rtmp={"url_template": ROOT, **({place: value} if place == "retry_policy" else value)}))
    assert (session.retry_policy.revive_after, session.retry_policy.max_attempts) == (120, 10)
    with pytest.raises(
        ConfigError, match=r"^rtmp.revive_after: differs from retry_policy.revive_after, which means the"
    ):
        one(rtmp={"url_template": ROOT, "revive_after": None, "retry_policy": {"revive_after": 1}})
    assert only(one(rtmp={"url_template": ROOT, "revive_after": None})).revive_after is None


def test_a_value_is_told_once_where_many_share_it_and_neighbours_are_checked_all_the_same() -> None:
    cameras = [{"streams": [stream(), stream(source={"type": "x"})]} for _ in range(2)]
    with pytest.raises(ConfigError) as error:
        from_mapping({"rtmp": {"url_template": ROOT, "hevc": 1}, "cameras": [*cameras, {"camera_id": "a"}]}, HOST)
    assert [issue.path for issue in error.value.issues] == [
        "rtmp.hevc",
        "cameras[2].camera_id",
        "cameras[0].streams[1].source.type",
        "cameras[1].streams[1].source.type",
    ]


def test_nesting_has_a_bound_for_programs_as_well() -> None:
    options: dict[str, Any] = {}
    for _ in range(200):
        options = {"a": options}
    with pytest.raises(ConfigError, match="expected at most 64 objects and lists within each other"):
        one({"rtmp": {"url": "rtmp://a/live/k", "options": options}})


def test_an_entrys_own_keys_have_their_place_and_the_outputs_theirs() -> None:
    entry = {"url": "rtmp://b/live/k", "audio": "acc"}
    with pytest.raises(ConfigError) as error:
        one({"rtmp": {"fallback_urls": [entry, "http://c/k"]}}, rtmp={"url_template": ROOT, "audio": "opsu"})
    assert [issue.path for issue in error.value.issues] == [
        "rtmp.audio",
        "cameras[0].streams[0].rtmp.fallback_urls[0].audio",
        "cameras[0].streams[0].rtmp.fallback_urls[1]",
    ]


def test_hardware_and_software_choose_among_encoders() -> None:
    def encoder(word: str) -> Config:
        return one({"source": {"type": "testsrc"}, "encoder": {"type": "H264_CBR", "implementation": word}})

    assert encoder("software").cameras[0].streams[0].encoder.implementation == "software"
    assert encoder("hardware").cameras[0].streams[0].encoder.implementation == "hardware"


def test_a_reload_compares_sessions() -> None:
    before, after = loads(README, HOST), loads(README.replace("backup", "other"), HOST)
    same = [session.label for session in before.sessions() if session in list(after.sessions())]
    assert same == ["cam0_main/cloud", "cam0_sub"]
    assert attrs.evolve(before, notes=("x",)) == before
