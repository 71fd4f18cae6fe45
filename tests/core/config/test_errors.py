"""Bad configurations: the whole text of every error is pinned, because the text is what the user has."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.core.config.kinds import made_up_host

from camcast.config import from_mapping, loads
from camcast.errors import ConfigError

HOST = made_up_host()
GOOD: dict[str, Any] = {
    "rtmp": {"url_template": "rtmp://server/live/cam{camera_id}_{stream_name}"},
    "cameras": [
        {
            "camera_id": 0,
            "name": "gate",
            "streams": [
                {"stream_id": 0, "name": "main", "source": {"type": "rtsp", "url": "rtsp://10.0.0.5/main"}},
                {"stream_id": 1, "name": "sub", "source": {"type": "testsrc"}, "encoder": {"type": "H264_CBR"}},
            ],
        }
    ],
}

DELETE = object()


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """GOOD with values put at paths such as `cameras.0.streams.1.name`."""
    result = copy.deepcopy(GOOD)
    for path, value in changes.items():
        place: Any = result
        *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        for part in way:
            place = place[part] if isinstance(place, list) else place.setdefault(part, {})  # type: ignore[index]
        if value is DELETE:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = copy.deepcopy(value)  # a later change may go into it
    return result


MAIN = "cameras/0/streams/0"
SUB = "cameras/0/streams/1"

CASES: dict[str, tuple[dict[str, Any], str | list[str]]] = {
    "a misspelt root key": (
        {"camera": []},
        'camera: unknown key; did you mean "cameras"?',
    ),
    "a misspelt source option": (
        {f"{MAIN}/source/options": {"fsp": 3, "tranport": "udp"}},
        [
            "cameras[0].streams[0].source.options.fsp: unknown key; known: timeout, transport",
            'cameras[0].streams[0].source.options.tranport: unknown key; did you mean "transport"?',
        ],
    ),
    "a wrong option type": (
        {f"{SUB}/source/options": {"fps": "30"}},
        "cameras[0].streams[1].source.options.fps: expected a whole number, got text",
    ),
    "an unknown source type": (
        {f"{MAIN}/source/type": "rtps"},
        'cameras[0].streams[0].source.type: unknown source type "rtps"; did you mean "rtsp"?',
    ),
    "a source without type": (
        {f"{MAIN}/source": {"url": "rtsp://10.0.0.5/main"}},
        "cameras[0].streams[0].source.type: is missing; known: file, push, rtsp, testsrc",
    ),
    "a stream without source": (
        {f"{MAIN}/source": DELETE},
        (
            "cameras[0].streams[0].source: is missing: every stream says where its pictures come from, such as "
            '"source": {"type": "rtsp", "url": "rtsp://CAMERA/PATH"} for a camera, or "source": {"type": "testsrc"} '
            "for a test picture"
        ),
    ),
    "a source that needs a url": (
        {f"{MAIN}/source/url": DELETE},
        'cameras[0].streams[0].source.url: is missing; a source of type "rtsp" needs it',
    ),
    "a list for an object": (
        {f"{MAIN}/source": []},
        "cameras[0].streams[0].source: expected an object, got a list",
    ),
    "an object for a list": (
        {"cameras/0/streams": {}},
        "cameras[0].streams: expected a list, got an object",
    ),
    "text for a camera": (
        {"cameras/1": "gate"},
        "cameras[1]: expected an object, got text",
    ),
    "camera ids twice": (
        {"cameras/1": {"camera_id": 0}},
        "cameras[1].camera_id: 0 is taken by cameras[0].camera_id; ids are unique",
    ),
    "stream ids twice": (
        {f"{SUB}/stream_id": 0, f"{SUB}/name": "other"},
        "cameras[0].streams[1].stream_id: 0 is taken by cameras[0].streams[0].stream_id; ids are unique",
    ),
    "a negative id": (
        {"cameras/0/camera_id": -2},
        "cameras[0].camera_id: expected -1 to 2147483647, got -2",
    ),
    "an id that is text": (
        {"cameras/0/camera_id": "0"},
        "cameras[0].camera_id: expected a whole number, got text",
    ),
    "an empty name": (
        {f"{MAIN}/name": " "},
        "cameras[0].streams[0].name: expected text that is not empty",
    ),
    "too many cameras": (
        {"system": {"max_cameras": 1}, "cameras/1": {"camera_id": 1}},
        "cameras: 2 cameras are enabled, system.max_cameras is 1",
    ),
    "an odd width": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "width": 641, "height": 480}},
        "cameras[0].streams[1].encoder.width: expected an even number of pixels, got 641",
    ),
    "a small picture": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "width": 174, "height": 144}},
        "cameras[0].streams[1].encoder.width: expected 176 to 7680, got 174",
    ),
    "a large picture": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "width": 7680, "height": 4322}},
        "cameras[0].streams[1].encoder.height: expected 144 to 4320, got 4322",
    ),
    "width alone": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "width": 640}},
        "cameras[0].streams[1].encoder: width and height go together; give both or neither",
    ),
    "frames per second": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "framerate": 241}},
        "cameras[0].streams[1].encoder.framerate: expected 1 to 240 frames per second, got 241",
    ),
    "a bitrate in bit/s": (
        {f"{SUB}/encoder": {"type": "H264_CBR", "bitrate": 4000000}},
        "cameras[0].streams[1].encoder.bitrate: expected 64 to 200000 kbit/s, got 4000000",
    ),
    "an unknown codec": (
        {f"{SUB}/encoder/type": "H266_CBR"},
        (
            'cameras[0].streams[1].encoder.type: unknown codec "H266"; known: av1, h264, h265; expected a '
            "codec and CBR, VBR or AVBR such as H264_CBR, or copy"
        ),
    ),
    "an unknown rate control": (
        {f"{SUB}/encoder/type": "H264_XBR"},
        (
            'cameras[0].streams[1].encoder.type: expected "copy" or a codec and a rate control such as '
            '"H264_CBR", "H265_VBR", "AV1_AVBR"'
        ),
    ),
    "an audio codec as encoder": (
        {f"{SUB}/encoder/type": "AAC_CBR"},
        ('cameras[0].streams[1].encoder.type: "aac" is an audio codec; expected a video codec such as in "H264_CBR"'),
    ),
    "copying frames": (
        {f"{SUB}/encoder/type": "copy"},
        (
            'cameras[0].streams[1].encoder.type: a source of type "testsrc" gives unencoded frames: there is '
            'nothing to copy; name an encoder such as "H264_CBR"'
        ),
    ),
    "copy and transcode": (
        {f"{MAIN}/encoder": {"type": "copy", "transcode": True}},
        'cameras[0].streams[0].encoder.transcode: "copy" never transcodes; name the codec, such as "H264_CBR"',
    ),
    "an unknown implementation": (
        {f"{SUB}/encoder/implementation": "libx246"},
        (
            'cameras[0].streams[1].encoder.implementation: unknown encoder "libx246"; did you mean "libx265"?; '
            "expected an encoder's name, auto, hardware or software"
        ),
    ),
    "another codec's implementation": (
        {f"{SUB}/encoder/implementation": "libx265"},
        'cameras[0].streams[1].encoder.implementation: "libx265" makes h265, not h264; for h264: libx264',
    ),
    "an encoder option": (
        {f"{SUB}/encoder/options": {"presett": "fast"}},
        'cameras[0].streams[1].encoder.options.presett: unknown key; did you mean "preset"?',
    ),
    "an unknown variable": (
        {"rtmp/url_template": "rtmp://server/live/cam{camera}_{stream_name}"},
        (
            "rtmp.url_template: URL template rtmp://server/live/***{camera}***{stream_name}: unknown variable "
            "{camera} at character 23; known: camera_id, camera_name, stream_id, stream_name; did you mean "
            "{camera_id}?"
        ),
    ),
    "an unclosed brace": (
        {"rtmp/url_template": "rtmp://server/live/cam{camera_id"},
        (
            "rtmp.url_template: URL template rtmp://server/live/***: unclosed brace at character 23; write {{ "
            "for a brace"
        ),
    ),
    "a lone closing brace": (
        {"rtmp/url_template": "rtmp://server/live/cam}{camera_id}"},
        (
            "rtmp.url_template: URL template rtmp://server/live/***{camera_id}: closing brace without an opening "
            "one at character 23; write }} for a brace"
        ),
    ),
    "an empty variable": (
        {"cameras/0/name": DELETE, "rtmp/url_template": "rtmp://server/live/{camera_name}{stream_name}"},
        (
            "rtmp.url_template: URL template rtmp://server/live/{camera_name}{stream_name}: variable "
            "{camera_name} at character 20 has an empty value"
        ),
    ),
    "no URL": (
        {"rtmp/url_template": "server/live/{stream_name}"},
        "rtmp.url_template: URL template ***{stream_name}: does not give a valid URL: expected scheme://host/…",
    ),
    "a bad port": (
        {"rtmp/url_template": "rtmp://server:70000/live/{stream_name}"},
        (
            "rtmp.url_template: URL template rtmp://server:70000/live/{stream_name}: does not give a valid URL: "
            "its port is not a number from 1 to 65535"
        ),
    ),
    "an unknown scheme": (
        {"rtmp/url_template": "http://server/live/{stream_name}"},
        "rtmp.url_template: no transport for http:// URLs; known: rtmp://, rtmps://, srt://",
    ),
    "an unknown transport": (
        {"rtmp/transport": "libtrmp"},
        'rtmp.transport: unknown transport "libtrmp"; did you mean "librtmp"?',
    ),
    "a transport for another scheme": (
        {"rtmp/transport": "srt"},
        'rtmp.transport: transport "srt" does not take rtmp:// URLs; it takes srt://',
    ),
    "what the transport refuses": (
        {"rtmp/url_template": "rtmp://server/cam{camera_id}{stream_name}/"},
        [
            "rtmp.url_template: rtmp://server/cam0main/*** has no stream key",
            "rtmp.url_template: rtmp://server/cam0sub/*** has no stream key",
        ],
    ),
    "an output without URL": (
        {"rtmp": {"enabled": True}},
        "rtmp: an enabled output needs a URL: give url, urls or url_template",
    ),
    "fallbacks without a primary": (
        {"rtmp": {"fallback_urls": ["rtmp://b/live/{stream_name}"]}},
        "rtmp: fallback_urls are given, but no primary: give url or url_template",
    ),
    "two ways to say it": (
        {"rtmp/url": "rtmp://server/live/x"},
        "rtmp: url and url_template are both given; the chain is given in one way only",
    ),
    "urls and fallbacks": (
        {f"{MAIN}/rtmp": {"urls": ["rtmp://a/live/k"], "fallback_urls": ["rtmp://b/live/k"]}},
        "cameras[0].streams[0].rtmp: urls and fallback_urls are both given; the chain is given in one way only",
    ),
    "an entry without url": (
        {f"{MAIN}/rtmp": {"urls": [{"transport": "rtmp"}]}},
        "cameras[0].streams[0].rtmp.urls[0].url: is missing",
    ),
    "an entry that is a number": (
        {f"{MAIN}/rtmp": {"urls": [1]}},
        "cameras[0].streams[0].rtmp.urls[0]: expected a URL or an object with a url, got 1",
    ),
    "both places": (
        {f"{MAIN}/rtmp": {"url": "rtmp://a/live/k"}, f"{MAIN}/outputs/rtmp": {"url": "rtmp://a/live/l"}},
        (
            "cameras[0].streams[0].rtmp: differs from cameras[0].streams[0].outputs.rtmp, which is the same "
            "output; keep one"
        ),
    ),
    "one name twice": (
        {"rtmp/url_template": "rtmp://server/live/cam{camera_id}"},
        (
            "rtmp.url_template: cam0_sub would publish rtmp://server/live/cam0 as cam0_main does; put {camera_id} "
            "and {stream_name} into the template, or give it a URL of its own"
        ),
    ),
    "a bad duration": (
        {"rtmp/connect_timeout": "ten seconds"},
        'rtmp.connect_timeout: expected seconds or a duration such as "500ms", "1.5s" or "5 min", got other text',
    ),
    "no duration": (
        {"rtmp/stall_timeout": 0},
        "rtmp.stall_timeout: expected a duration above 0 s, got 0",
    ),
    "attempts twice": (
        {"rtmp/max_retry_attempts": 3, "rtmp/retry_policy": {"max_attempts": 4}},
        "rtmp.max_retry_attempts: differs from retry_policy.max_attempts, which means the same; give one of them",
    ),
    "jitter": (
        {"rtmp/retry_policy": {"jitter": 1.5}},
        "rtmp.retry_policy.jitter: expected 0 to 1, got 1.5",
    ),
    "a choice": (
        {"rtmp/hevc": "enhanced "},
        'rtmp.hevc: expected "enhanced" or "legacy", got other text',
    ),
    "an audio policy": (
        {"rtmp/audio": "acc"},
        "rtmp.audio: expected auto, copy, silent, none or an audio codec (aac), got other text",
    ),
    "a video codec as audio": (
        {"rtmp/audio": "h264"},
        'rtmp.audio: expected auto, copy, silent, none or an audio codec, got the video codec "h264"',
    ),
    "a flag that is a number": (
        {"rtmp/insecure": 1},
        "rtmp.insecure: expected true or false, got 1",
    ),
    "a size": (
        {"rtmp/queue": {"bytes": "4 MX"}},
        'rtmp.queue.bytes: expected a number of bytes or a size such as "4MB" or "64 MiB", got other text',
    ),
    "a null that means nothing": (
        {"rtmp/standby": None},
        'rtmp.standby: expected "cold", "warm" or "hot", got null',
    ),
    "a fingerprint": (
        {"rtmp/fingerprint": "aa:bb"},
        (
            "rtmp.fingerprint: expected the certificate's SHA-256 as 64 hex digits, with or without colons, got "
            "other text"
        ),
    ),
    "options of a transport": (
        {f"{MAIN}/outputs/cloud": {"url": "srt://h:9000", "options": {"latncy": 5, "passphrase": "short"}}},
        'cameras[0].streams[0].outputs.cloud.options.latncy: unknown key; did you mean "latency"?',
    ),
    "a variable of camcast's own": (
        {"variables": {"camera_id": 5}},
        "variables.camera_id: is one of camcast's own variables; choose another name",
    ),
    "a secret as a variable": (
        {"variables": {"token": "env:TOKEN"}},
        "variables.token: cannot be a secret; put the whole URL, or stream_key, into env: or file:",
    ),
    "a variable's name": (
        {"variables": {"a-b": "x"}},
        "variables.a-b: expected a name of letters, digits and _, at most 32 long",
    ),
    "a log level": (
        {"system": {"log_level": "LOUD"}},
        'system.log_level: expected "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL", got "LOUD"',
    ),
    "a misspelt system key": (
        {"system": {"max_camera": 4}},
        'system.max_camera: unknown key; did you mean "max_cameras"?',
    ),
    "an output's name": (
        {f"{MAIN}/outputs/a\nb": {"url": "rtmp://a/live/k"}},
        "cameras[0].streams[0].outputs.'a\\nb': an output's name is 1 to 64 printable characters without /",
    ),
    "a slate without image": (
        {f"{MAIN}/slate": {"picture": "image"}},
        'cameras[0].streams[0].slate.image: is missing; "picture": "image" needs the path of a PNG or JPEG file',
    ),
    "a slate that is text": (
        {f"{MAIN}/slate": "yes"},
        "cameras[0].streams[0].slate: expected an object, got text",
    ),
    "a number too large": (
        {"rtmp/max_retry_attempts": 1e300},
        "rtmp.max_retry_attempts: expected 0 to 1000000, got 1e+300",
    ),
    "many at once": (
        {"rtmp/hevc": "x", f"{MAIN}/source/type": "x", f"{SUB}/encoder/bitrate": 3, "system": {"workers": 0}},
        [
            "system.workers: expected 1 to 256, got 0",
            'rtmp.hevc: expected "enhanced" or "legacy", got "x"',
            'cameras[0].streams[0].source.type: unknown source type "x"; known: file, push, rtsp, testsrc',
            "cameras[0].streams[1].encoder.bitrate: expected 64 to 200000 kbit/s, got 3",
        ],
    ),
}
SYNTAX = {
    "a missing comma": (
        '{"cameras": []\n "rtmp": {}}',
        'line 2, column 2: expected "," or the end of the object or list, got text; a comma is missing before it',
    ),
    "an open object": (
        '{"cameras": [',
        "line 1, column 14: expected a value, got the end of the file; a bracket or brace is not closed",
    ),
    "a bare word": ('{"rtmp": {"enabled": yes}}', "line 1, column 22: expected a value, got a word or number"),
    "an empty file": (" \n", "the file is empty"),
    "a list": ("[]", "expected an object at the top of the file, got a list"),
    "a key twice": (
        '{"rtmp": {}, "rtmp": {"url": "k"}}',
        'line 1, column 14: the key "rtmp" is given twice in one object; keep one of them',
    ),
    "a key twice, with comments": (
        '{"rtmp": {}, /**/ "rtmp": {}}',
        'line 1, column 19: the key "rtmp" is given twice in one object; keep one of them',
    ),
    "no number": (
        '{"rtmp": {"stall_timeout": NaN}}',
        "line 1, column 28: NaN is not a number that a configuration can hold",
    ),
    "depth": ("[" * 100_000, "the file is nested too deeply: at most 64 objects and lists within each other"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_configuration_says_what_is_wrong(name: str) -> None:
    changes, expected = CASES[name]
    with pytest.raises(ConfigError) as caught:
        from_mapping(changed(changes), HOST)
    assert str(caught.value).splitlines() == ([expected] if isinstance(expected, str) else expected)


@pytest.mark.parametrize("name", SYNTAX)
def test_broken_text_says_where(name: str) -> None:
    text, expected = SYNTAX[name]
    with pytest.raises(ConfigError) as caught:
        loads(text, HOST)
    assert str(caught.value) == expected


def test_broken_toml_says_where() -> None:
    with pytest.raises(ConfigError) as caught:
        loads("[rtmp]\nurl = rtmp://server/live/SECRETKEY\n", HOST, format="toml")
    assert str(caught.value) == "line 2, column 7: Invalid value"


def test_a_key_that_is_a_url_is_not_shown_whole() -> None:
    url = "rtmp://server/live/SECRET?token=SECRET"
    source = {"type": "rtsp", "url": "rtsp://camera/main", "options": {url: 1}}
    with pytest.raises(ConfigError) as caught:
        from_mapping({url: 1, "cameras": [{"streams": [{"source": source}]}]}, HOST)
    assert str(caught.value).splitlines() == [
        (
            "rtmp://server/live/***: unknown key; known: $schema, cameras, include, plugins, rtmp, services, system, "
            "variables"
        ),
        "cameras[0].streams[0].source.options.rtmp://server/live/***: unknown key; known: timeout, transport",
    ]


def test_the_good_one_is_good() -> None:
    assert [session.label for session in from_mapping(GOOD, HOST).sessions()] == ["cam0_main", "cam0_sub"]


def test_no_error_shows_a_key() -> None:
    """Every case once more, with a key in place of each harmless one."""
    for changes, _ in CASES.values():
        config = changed(changes)
        rtmp = config.setdefault("rtmp", {})
        for name in ("url", "url_template"):
            if isinstance(rtmp.get(name), str):
                rtmp[name] = rtmp[name].replace("cam", "Hush7").replace("server", "user:Hush8@server")
        rtmp["fallback_urls"] = ["rtmp://b/live/Hush9?token=Hush9&x=Hush9"]
        config["cameras"][0].setdefault("rtmp", {})["stream_key"] = {"Hush": "Hush"}
        with pytest.raises(ConfigError) as caught:
            from_mapping(config, HOST)
        assert "Hush" not in str(caught.value)
