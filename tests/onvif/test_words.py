"""What needs no network: names of cameras, URLs that devices tell, XML of any kind, and words of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast.cli.found import MOST, choose, expanded
from camcast.config import loads
from camcast.discovery import FoundCamera
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast_onvif import media, xml
from camcast_onvif.at_host import at_host
from camcast_onvif.interfaces import multicast_interfaces
from camcast_onvif.named import Named, parse_named
from camcast_onvif.wsd import matches
from camcast_onvif.xml import BadXml, read
from tests.onvif.camera import MAC, UUID

MESSAGE = "11111111-2222-3333-4444-555555555555"
MATCH = (
    "<e:Envelope xmlns:e='e'><e:Header><RelatesTo>urn:uuid:{relates}</RelatesTo></e:Header><e:Body>"
    "<ProbeMatches><ProbeMatch>"
    "<EndpointReference><Address>{uuid}</Address></EndpointReference><Scopes>{scopes}</Scopes><XAddrs>{urls}</XAddrs>"
    "</ProbeMatch></ProbeMatches></e:Body></e:Envelope>"
)


def found(
    relates: str = MESSAGE, uuid: str = f"urn:uuid:{UUID}", scopes: str = "", urls: str = "http://10.0.0.7/x"
) -> Any:
    return matches(MATCH.format(relates=relates, uuid=uuid, scopes=scopes, urls=urls).encode(), "10.0.0.7", [MESSAGE])


@given(
    st.uuids(),
    st.text(min_size=1, max_size=40).filter(lambda text: text.strip("/")),
    st.text(max_size=20),
    st.booleans(),
)
def test_a_name_is_read_back(uuid: Any, stream: str, serial: str, by_mac: bool) -> None:
    stream = stream.strip("/")
    named = Named(mac=uuid.hex[:12], stream=stream, serial=serial) if by_mac else Named(
        uuid=str(uuid), stream=stream, serial=serial, at="10.0.0.1:8080"
    )  # fmt: skip
    assert parse_named(named.url()) == named


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("onvif://", "got neither a UUID nor a MAC"),
        (
            "onvif://192.0.2.7/main",
            "got neither a UUID nor a MAC; camcast discover tells both",
        ),
        (f"onvif://admin:pw@{UUID}/main", 'put them into the source\'s options "username" and "password"'),
        (f"onvif://{UUID}/main?seriel=1", 'behind "?" only serial and at are known'),
        (f"onvif://{UUID}/main?at=camera.example", "at= wants an IP address"),
    ],
)
def test_a_url_that_names_nothing_is_told(url: str, said: str) -> None:
    with pytest.raises(ValueError, match="expected the UUID or the MAC of a camera") as error:
        parse_named(url)
    assert said in str(error.value)


@given(
    st.text(max_size=60) | st.builds("http://{}:{}/{}".format, st.text(max_size=9), st.integers(), st.text(max_size=9))
)
def test_a_url_of_a_device_leads_back_to_it_or_nowhere(url: str) -> None:
    led = at_host(url, "192.0.2.9")
    assert led is None or (urlsplit(led).hostname, urlsplit(led).username) == ("192.0.2.9", None)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_no_answer(data: bytes) -> None:
    with pytest.raises(BadXml):
        matches(data, "10.0.0.1", [MESSAGE])


def test_an_answer_is_read() -> None:
    (match,) = found(scopes=f"onvif://www.onvif.org/name/Front%20door%1B[2J onvif://www.onvif.org/MAC/{MAC}")
    assert (match.uuid, match.host, match.service) == (UUID, "10.0.0.7", "http://10.0.0.7/x")
    assert match.name.startswith("Front door")
    assert "\x1b" not in match.name
    assert match.mac == MAC.replace(":", "")


def test_an_answer_that_leads_elsewhere_leads_back() -> None:
    (match,) = found(urls="http://169.254.169.254/latest http://10.0.0.99:8080/onvif")
    assert match.service == "http://10.0.0.7/latest"
    (match,) = found(urls="http://169.254.169.254/latest http://10.0.0.7:8080/onvif")
    assert (match.service, match.others) == ("http://10.0.0.7:8080/onvif", ("http://10.0.0.7/latest",))
    (match,) = found(urls="https://10.0.0.7/onvif http://10.0.0.7/onvif http://10.0.0.7/onvif")
    assert (match.service, match.others) == ("https://10.0.0.7/onvif", ("http://10.0.0.7/onvif",))
    assert found(urls="ftp://10.0.0.7/ javascript:1 http://") == []


@pytest.mark.parametrize(
    ("scopes", "said"),
    [("x" * 9000, "its XML is longer than 8 KiB"), ("<b/>" * 500, "its XML has more than 400 elements")],
)
def test_an_answer_is_short(scopes: str, said: str) -> None:
    with pytest.raises(BadXml, match=said):
        found(scopes=scopes)


def test_an_answer_to_somebody_else_does_not_count() -> None:
    with pytest.raises(BadXml, match="it answers nothing that was asked"):
        found(relates=UUID)


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'http://192.0.2.1/evil.dtd'><a/>",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
        b"<?xml version='1.0' encoding='nothing-of-the-kind'?><a/>",
        b"<a>" * 100_000,
        b"<a/>" + b" " * 600_000,
    ],
)
def test_documents_that_no_device_needs_are_refused(data: bytes) -> None:
    with pytest.raises(BadXml):
        read(data)


def test_addresses_of_the_command_line() -> None:
    assert expanded(["192.0.2.0/30", "192.0.2.9-11", "cam.example:8080", "192.0.2.1"]) == (
        "192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.10", "192.0.2.11", "cam.example:8080",
    )  # fmt: skip
    assert len(expanded(["10.0.0.0/22"])) == 1022 <= MOST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["10.0.0.0/8"], "ADDRESS: 10.0.0.0/8 has 16777216 addresses, at most 1024 are asked: name a smaller network"),
        (
            ["10.0.0.0/22", "10.1.0.0/24"],
            "ADDRESS: more than 1024 addresses: name fewer, a smaller network (/24 has 254)",
        ),
        (["10.0.0.0/40"], 'ADDRESS: "10.0.0.0/40" is no network; expected one such as 192.0.2.0/24'),
        (["10.0.0.9-3"], "ADDRESS: 10.0.0.9-3 is no range; expected one such as 192.0.2.10-40"),
        (["rtsp://u:s3cret@10.0.0.1/"], "ADDRESS: expected an address, not a URL: 192.0.2.7, 192.0.2.0/24 or"),
        (["--user", "a"], "--password: is missing: --user is given, and one needs the other"),
        (["--user", "a", "--password", "s3cret"], "--password: expected env:NAME or file:PATH, where it is: everybody"),
        (["--user", "a", "--password", "env:NOT_SET_ANYWHERE"], "--choose: say which cameras get to see the user"),
        (
            ["--user", "a", "--password", "env:NOT_SET_ANYWHERE", "--choose", "all"],
            "--password: environment variable NOT_SET_ANYWHERE is not set or empty",
        ),
    ],
)
def test_mistakes_of_the_command_line(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["discover", *words])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {said}")
    assert "s3cret" not in result.stderr


def test_chosen_by_whatever_tells_one_from_another() -> None:
    cameras = [
        FoundCamera(identity=UUID, host="10.0.0.7", service="http://10.0.0.7/"),
        FoundCamera(identity="", host="10.0.0.8", service="http://10.0.0.8/", mac=MAC.replace(":", "")),
    ]
    assert choose(cameras, [UUID.upper()]) == choose(cameras, ["1"]) == {0}
    assert choose(cameras, [MAC]) == choose(cameras, ["10.0.0.8"]) == {1}
    assert choose(cameras, ["all"]) == {0, 1}
    assert choose(cameras, []) == set()
    with pytest.raises(ConfigError, match=r'--choose: no camera "3" answered; expected all, or an address or UUID'):
        choose(cameras, ["3"])


def test_what_several_call_themselves_chooses_none() -> None:
    cameras = [
        FoundCamera(identity=UUID, host="10.0.0.7", service="http://10.0.0.7/x", serial="2"),
        FoundCamera(identity=UUID, host="10.0.0.66", service="http://10.0.0.66/x", mac=MAC.replace(":", "")),
        FoundCamera(identity="", host="10.0.0.66", service="http://10.0.0.66:8080/x", mac=MAC.replace(":", "")),
    ]
    for word, first, second in (
        (UUID, "1 (http://10.0.0.7/x)", "2 (http://10.0.0.66/x)"),
        (MAC, "2 (http://10.0.0.66/x)", "3 (http://10.0.0.66:8080/x)"),
        ("10.0.0.66", "2 (http://10.0.0.66/x)", "3 (http://10.0.0.66:8080/x)"),
    ):
        with pytest.raises(ConfigError) as error:
            choose(cameras, [word])
        said = f'"{word}" fits several that answered; choose by what stands in brackets: {first}, {second}'
        assert said in str(error.value)
    assert choose(cameras, ["http://10.0.0.66:8080/x"]) == {2}
    # A device cannot get itself chosen by a serial number that is another's number here.
    assert choose(cameras, ["2"]) == {1}


CONFIG = '{{"cameras": [{{"streams": [{{"source": {{"type": "rtsp", "url": "{}"}}, "rtmp": {{"url": "rtmp://h/live/k"}}}}]}}]}}'


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"onvif://{UUID}/main", ""),
        ("onvif://192.0.2.7/main", "error: cameras[0].streams[0].source.url: expected the UUID or the MAC of"),
    ],
)
def test_check_knows_such_urls(tmp_path: Path, url: str, said: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(CONFIG.format(url))
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.stderr.startswith(said)
    assert result.exit_code == (2 if said else 0), result.stderr


def test_push_knows_such_urls() -> None:
    words = ["push", f"onvif://{MAC}/sub", "rtmp://h/live/k", "--print-config"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    ((_, stream),) = loads(result.stdout, PluginHost()).streams()
    assert (stream.source.type, stream.source.url) == ("rtsp", f"onvif://{MAC}/sub")


def test_without_its_library_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "defusedxml", None)
    said = "finding cameras by ONVIF needs defusedxml: pip install 'camcast[onvif]'"
    result = CliRunner().invoke(app, ["discover", "192.0.2.7", "--seconds", "0.5"])
    assert (result.exit_code, result.stderr) == (1, f"error: {said}\n")
    file = tmp_path / "c.json"
    file.write_text(CONFIG.format(f"onvif://{UUID}/main"))
    result = CliRunner().invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stderr) == (2, f"error: cameras[0].streams[0].source.url: {said}\n")


def test_the_loopback_is_no_network_for_everybody() -> None:
    assert "lo" not in multicast_interfaces()
    with pytest.raises(OSError, match="cameras cannot be looked for on lo: it knows no multicast"):
        multicast_interfaces(["lo"])


def test_what_lies_within_one_another_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of profiles within profiles each would be gone through as often as there are around it, in one turn."""
    looked = 0

    def local(element: Element) -> str:
        nonlocal looked
        looked += 1
        return name(element)

    name = xml.local
    monkeypatch.setattr(xml, "local", local)
    for tag, asked in (("Profiles", media.profiles_in), ("Service", media.services_in)):
        deep = f"<{tag} token='a'>" * 30 + "<a/>" * 15_000 + f"<VideoEncoder/></{tag}>" * 30
        body = read(f"<Body>{deep}</Body>".encode())
        looked = 0
        asked(body)
        assert looked < 12 * 15_000, f"{tag}: {looked} looks at 15,000 elements"
