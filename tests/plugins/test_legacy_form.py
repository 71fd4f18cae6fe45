"""The original's files: every variant that was ever met, and any nonsense in place of any key."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.config.kinds import made_up_host

import camcast_legacy
from camcast.config import load
from camcast.config.load import from_conversion
from camcast.engine import Engine
from camcast.errors import ConfigError
from camcast.kinds import Conversion, Fate
from camcast_legacy.convert import OldFiles, convert, is_old
from camcast_legacy.files import read_old_files

HOST = made_up_host()
HOST.register(camcast_legacy, "legacy")
OLD = Path(__file__).parents[1] / "core" / "config" / "legacy"
SHIPPED: dict[str, Any] = json.loads((OLD / "shipped.json").read_text())
ON = {"net_service": {**SHIPPED["net_service"], "rtmp": {**SHIPPED["net_service"]["rtmp"], "enable": 1}}}
VENC = {"venc1": {"name": "H264_CBR", "w": 2688, "h": 1520, "fr": 30, "bitrate": 4000}}


def published(conversion: Conversion) -> list[str]:
    """The URLs that would be published to."""
    return [session.targets[0].url for session in from_conversion(conversion, HOST).sessions()]


def streams(conversion: Conversion) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = conversion.mapping["cameras"][0]["streams"]
    return found


def told(conversion: Conversion, fate: Fate) -> set[str]:
    return {finding.key for finding in conversion.remarks if finding.fate is fate}


@pytest.mark.parametrize(
    ("name", "urls", "sources"),
    [
        ("shipped.json", [], "rtsp://127.0.0.1:554/stream1"),
        ("without_wrapper.json", ["rtmp://10.1.2.3:1936/live/stream1", "rtmp://10.1.2.3:1936/live/stream2"], "8554"),
        ("comments.json", ["rtmp://10.1.2.3/live/stream1", "rtmp://10.1.2.3/live/stream2"], "554"),
        ("trailing_text.json", ["rtmp://10.1.2.3/live/stream1", "rtmp://10.1.2.3/live/stream2"], "554"),
        ("trailing_commas.json", ["rtmp://10.1.2.3/live/stream1", "rtmp://10.1.2.3/live/stream2"], "554"),
        ("gb18030.json", ["rtmp://10.1.2.3/live/stream1", "rtmp://10.1.2.3/live/stream2"], "554"),
        ("missing_url.json", ["rtmp://10.1.2.3/live/stream1"], "554"),
        ("only_rtsp.json", [], "8554"),
        ("plain", ["rtmp://10.1.2.3:1936/live/stream1", "rtmp://10.1.2.3:1936/live/stream2"], "8554"),
        ("wide", ["rtmp://10.1.2.3/live/stream1", "rtmp://10.1.2.3/live/stream2"], "554"),
    ],
)
def test_every_variant_keeps_its_names(name: str, urls: list[str], sources: str) -> None:
    conversion = convert(read_old_files(OLD / name))
    assert published(conversion) == urls
    assert [stream["name"] for stream in streams(conversion)] == ["main", "sub"]
    assert sources in streams(conversion)[0]["source"]["url"]
    assert streams(conversion)[1]["source"]["url"].endswith("/stream2")
    if (OLD / name).is_file():
        config = load(OLD / name, HOST)
        assert [session.targets[0].url for session in config.sessions()] == urls


@pytest.mark.parametrize(
    ("value", "enabled", "fate"),
    [
        (0, False, Fate.LEFT),
        (1, True, Fate.KEPT),
        (2, True, Fate.KEPT),
        (-1, True, Fate.KEPT),
        (True, True, Fate.KEPT),
        (False, False, Fate.LEFT),
        (None, False, Fate.CHANGED),
        ("missing", False, Fate.CHANGED),
    ],
)
def test_the_one_switch(value: object, enabled: bool, fate: Fate) -> None:
    old = copy.deepcopy(ON)
    old["net_service"]["rtmp"]["enable"] = value
    if value == "missing":
        del old["net_service"]["rtmp"]["enable"]
    conversion = convert(OldFiles(net_service=old))
    assert len(published(conversion)) == (2 if enabled else 0)
    assert "net_service.rtmp.enable" in told(conversion, fate)


@pytest.mark.parametrize(
    ("name", "type_", "assumed", "h265"),
    [
        ("H264", "H264_CBR", True, False),
        ("H265", "H265_CBR", True, True),
        ("H264_CBR", "H264_CBR", False, False),
        ("H264_AVBR", "H264_AVBR", False, False),
        ("H265_CBR", "H265_CBR", False, True),
        ("H265_AVBR", "H265_AVBR", False, True),
    ],
)
def test_every_encoder_of_every_year(name: str, type_: str, assumed: bool, h265: bool) -> None:
    venc = {"venc1": {**VENC["venc1"], "name": name}}
    conversion = convert(OldFiles(net_service=ON, venc=venc))
    main, sub = (stream["encoder"] for stream in streams(conversion))
    assert main == {"type": type_, "width": 2688, "height": 1520, "framerate": 30, "bitrate": 4000}
    assert sub == {"type": type_, "width": 704, "height": 576, "framerate": 30, "bitrate": 1000}
    texts = [finding.text for finding in conversion.remarks if finding.fate is Fate.CHANGED]
    assert any("CBR is assumed" in text for text in texts) == assumed
    assert any("never pushed by RTMP" in text for text in texts) == h265
    assert len(published(conversion)) == 2


@pytest.mark.parametrize(
    ("venc", "encoder", "left"),
    [
        ({"venc1": {"name": "JPEG"}}, None, "venc.json venc1.name"),
        ({"venc1": {}}, None, "venc.json venc1.name"),
        ({}, None, "venc.json"),
        ([], None, "venc.json"),
        ({"venc1": {"name": "H264", "w": "2688", "h": 1520}}, {"type": "H264_CBR"}, "venc.json venc1.w"),
        ({"venc1": {"name": "H264", "fr": 500}}, {"type": "H264_CBR"}, "venc.json venc1.fr"),
        ({"venc1": {"name": "H264", "bitrate": 1}}, {"type": "H264_CBR"}, "venc.json venc1.bitrate"),
    ],
)
def test_an_expectation_that_cannot_be_is_told_and_left_out(venc: object, encoder: object, left: str) -> None:
    conversion = convert(OldFiles(net_service=ON, venc=venc))
    assert streams(conversion)[0].get("encoder") == encoder
    assert left in told(conversion, Fate.LEFT)
    assert len(published(conversion)) == 2


@pytest.mark.parametrize(
    ("vi", "name", "left"),
    [
        ({"sensor1": {"name": "OS04A10"}}, "OS04A10", False),
        ({"sensor1": {"flip": 0, "fr": 30, "h": 1520, "name": "OS04A10", "w": 2688}}, "OS04A10", True),
        ({"sensor1": {"name": "OS08A20_WDR"}}, "OS08A20_WDR", False),
        ({"sensor1": {"name": ""}}, "", True),
        ({"sensor1": "OS04A10"}, "", True),
        ({}, "", True),
        (None, "", False),
    ],
)
def test_every_sensor_file_of_every_year(vi: object, name: str, left: bool) -> None:
    conversion = convert(OldFiles(net_service=ON, vi=vi))
    assert conversion.mapping["cameras"][0].get("name", "") == name
    assert any(key.startswith("vi.json") for key in told(conversion, Fate.LEFT)) == left


def test_nothing_is_dropped_silently() -> None:
    old = copy.deepcopy(ON)
    old["net_service"] |= {"onvif": 1, "rtsp": {"port": 8554, "users": []}}
    old["net_service"]["rtmp"]["third_url"] = "rtmp://10.1.2.3/live/SECRET"
    old["odd key\n"] = 1  # type: ignore[assignment]
    conversion = convert(OldFiles(net_service=old))
    keys = {"onvif", "rtsp.users", "rtsp.port", "rtmp.third_url"}
    assert told(conversion, Fate.LEFT) == {*(f"net_service.{key}" for key in keys), "'odd key\\n'"}
    assert "SECRET" not in str(conversion.remarks)


def test_a_template_tells_which_names_change() -> None:
    template = "rtmp://192.168.10.97/live/stream{stream_id}"
    conversion = convert(OldFiles(net_service=ON), template=template)
    assert published(conversion) == ["rtmp://192.168.10.97/live/stream0", "rtmp://192.168.10.97/live/stream1"]
    changed = [str(finding) for finding in conversion.remarks if finding.key.endswith("main_url")]
    assert changed == [
        (
            "changed: net_service.rtmp.main_url: the published name changes from rtmp://192.168.10.97/live/stream1 to "
            "rtmp://192.168.10.97/live/stream0: tell its players"
        )
    ]
    secret = convert(OldFiles(net_service=ON), template="rtmp://server/live/x7Kq-{stream_name}?token=abcd")
    assert "to rtmp://server/live/***: tell" in str(secret.remarks)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["rtsp://10.0.0.9"], ["rtsp://10.0.0.9/stream1", "rtsp://10.0.0.9/stream2"]),
        (["rtsp://u:p@10.0.0.9:8554/"], ["rtsp://u:p@10.0.0.9:8554/stream1", "rtsp://u:p@10.0.0.9:8554/stream2"]),
        (["rtsp://h/x/{path}"], ["rtsp://h/x/stream1", "rtsp://h/x/stream2"]),
        (["rtsp://h/a", "rtsp://h/b"], ["rtsp://h/a", "rtsp://h/b"]),
        (["clip.mp4"], ["clip.mp4", "clip.mp4"]),
        (["env:CAMERA"], ["env:CAMERA", "env:CAMERA"]),
    ],
)
def test_other_sources(sources: list[str], expected: list[str]) -> None:
    conversion = convert(OldFiles(net_service=ON), sources=sources)
    assert [stream["source"]["url"] for stream in streams(conversion)] == expected


def test_the_devices_port_goes_with_its_address() -> None:
    old = {"net_service": {"rtsp": {"port": 8554}}}
    conversion = convert(OldFiles(net_service=old), sources=["rtsp://10.0.0.9"])
    assert streams(conversion)[0]["source"]["url"] == "rtsp://10.0.0.9:8554/stream1"


@pytest.mark.parametrize(
    ("old", "text"),
    [
        ([], 'expected an old net_service.json: an object with "net_service", or with "rtmp" and "rtsp"'),
        ({"venc1": {}}, 'expected an old net_service.json: an object with "net_service", or with "rtmp" and "rtsp"'),
        ({"net_service": []}, "net_service: expected an object"),
        (
            {"net_service": {"rtmp": 1, "rtsp": 2}},
            "net_service.rtmp: expected an object\nnet_service.rtsp: expected an object",
        ),
        ({"rtmp": {"enable": "yes"}}, "rtmp.enable: expected 0 or 1"),
        ({"rtsp": {"port": 0}}, "rtsp.port: expected a port from 1 to 65535"),
        ({"rtmp": {"main_url": 7}}, "rtmp.main_url: expected a URL as text"),
        ({"rtmp": {"sub_url": "10.1.2.3/live/KEY"}}, "rtmp.sub_url: is not a valid URL: expected scheme://host/…"),
    ],
)
def test_what_cannot_be_converted_is_an_error_with_the_old_path(old: object, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        convert(OldFiles(net_service=old))
    assert str(caught.value) == text


def test_broken_files_say_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_old_files(OLD / "broken.json")
    assert str(caught.value) == (
        f'{OLD}/broken.json: line 5, column 10: expected "," or the end of the object or list, got text; a comma '
        "is missing before it"
    )
    with pytest.raises(ConfigError, match=r"holds no net_service.json; give the directory of the old files"):
        read_old_files(tmp_path)
    with pytest.raises(ConfigError, match="No such file or directory"):
        read_old_files(tmp_path / "net_service.json")
    (tmp_path / "net_service.json").write_text("{}")
    (tmp_path / "venc.json").write_text("{,")
    with pytest.raises(ConfigError, match=r"venc.json: line 1, column 2"):
        read_old_files(tmp_path)


def test_an_old_file_runs_as_it_is_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    path = OLD / "comments.json"
    line = f"{path} is a file of the original system, converted in memory; camcast migrate writes a new one"
    with caplog.at_level(logging.INFO, "camcast"):
        config = Engine.from_file(path, host=HOST).config
    assert [record.getMessage() for record in caplog.records if "original" in record.getMessage()] == [line]
    assert config.notes == (line,)
    assert [session.label for session in config.sessions()] == ["cam0_main", "cam0_sub"]


def test_what_the_transport_refuses_is_said_of_the_conversion(tmp_path: Path) -> None:
    path = tmp_path / "net_service.json"
    path.write_text('{"rtmp": {"enable": 1, "main_url": "http://server/live/KEYKEY"}}')
    with pytest.raises(
        ConfigError, match=r"^as converted, cameras\[0\].streams\[0\].rtmp.url: no transport for http://"
    ):
        load(path, HOST)


@pytest.mark.parametrize(
    ("value", "old"),
    [
        (SHIPPED, True),
        ({"rtsp": {"port": 554}}, True),
        ({"rtmp": {"main_url": ""}}, True),
        ({"rtmp": {"url_template": "rtmp://s/live/{stream_name}"}}, False),
        ({"rtmp": {"enable": 1}, "cameras": []}, False),
        ({}, False),
        ([], False),
    ],
)
def test_recognition(value: object, old: bool) -> None:
    assert is_old(value) == old


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    ("net_service",),
    ("net_service", "net_service"),
    *(("net_service", "net_service", section) for section in ("rtmp", "rtsp")),
    *(("net_service", "net_service", "rtmp", key) for key in ("enable", "main_url", "sub_url")),
    ("net_service", "net_service", "rtsp", "port"),
    ("venc",),
    ("venc", "venc1"),
    *(("venc", "venc1", key) for key in ("name", "w", "h", "fr", "bitrate")),
    ("vi",),
    ("vi", "sensor1"),
    ("vi", "sensor1", "name"),
]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=2))
def test_any_value_in_place_of_any_key_converts_or_is_an_error(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    files: dict[str, Any] = {
        "net_service": copy.deepcopy(ON),
        "venc": copy.deepcopy(VENC),
        "vi": {"sensor1": {"name": "X"}},
    }
    for place, value in changes:
        inner: Any = files
        for key in place[:-1]:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[place[-1]] = value
    try:
        conversion = convert(OldFiles(**files))
        config = from_conversion(conversion, HOST)
    except ConfigError:
        return
    assert len(config.cameras[0].streams) == 2
    json.dumps(conversion.mapping, allow_nan=False)
