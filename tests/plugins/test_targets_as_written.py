"""What people write into a configuration as a target, with the real transports: spaces, slashes, names that differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from camcast.config import Config, SourceConfig, from_mapping
from camcast.config.secrets import resolve_options, resolve_reference
from camcast.errors import ConfigError
from camcast.host import PluginHost

HOST = PluginHost()


def configured(**outputs: dict[str, Any]) -> Config:
    stream = {"source": {"type": "testsrc"}, "outputs": outputs}
    return from_mapping({"cameras": [{"camera_id": 0, "streams": [stream]}]}, HOST)


def problems(**outputs: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configured(**outputs)
    return [str(issue) for issue in caught.value.issues]


@pytest.mark.parametrize("url", ["rtmp:/host/live/x", "rtmps:host/live/x", "srt:host:9000", "whips:/host/whip"])
def test_a_slash_too_few_is_seen_at_once(url: str) -> None:
    word = url.partition(":")[0]
    (told,) = problems(one={"url": url})
    assert told.endswith(f"expected {word}://host/…, got {word}: and no // behind it")
    assert "one.url" in told


@pytest.mark.parametrize("reference", ["env:CAMCAST_URL", "vault:camera/7"])
def test_a_reference_to_a_secret_is_still_one(reference: str) -> None:
    (session,) = configured(one={"url": reference}).sessions()
    assert session.targets[0].url == reference


def test_what_stands_around_a_key_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAMCAST_KEY", " k3y\r\n")
    monkeypatch.setenv("CAMCAST_URL", "rtmp://host/live/k3y \n")
    file = tmp_path / "key"
    file.write_text("\tk3y\r\n\r\n")
    for output in (
        {"url": "rtmp://host", "app": "live", "stream_key": "env:CAMCAST_KEY"},
        {"url": "rtmp://host", "app": "live", "stream_key": f"file:{file}"},
        {"url": "rtmp://host", "app": "live", "stream_key": " k3y "},
    ):
        (session,) = configured(one=output).sessions()
        assert session.targets[0].target(resolve_secret=resolve_reference).stream_key == "k3y"
    for number, written in enumerate(
        (b"\xef\xbb\xbfk3y\r\n", "\ufeffk3y\r\n".encode("utf-16-le"), "\u200bk3y\u2060 ".encode())
    ):
        (windows := tmp_path / f"key{number}").write_bytes(written)
        (session,) = configured(one={"url": "rtmp://host", "app": "live", "stream_key": f"file:{windows}"}).sessions()
        assert session.targets[0].target(resolve_secret=resolve_reference).stream_key == "k3y"
    monkeypatch.setenv("CAMCAST_BLANK", " \r\n")
    (session,) = configured(one={"url": "rtmp://host", "app": "live", "stream_key": "env:CAMCAST_BLANK"}).sessions()
    with pytest.raises(ConfigError, match="environment variable CAMCAST_BLANK is not set or empty"):
        session.targets[0].target(resolve_secret=resolve_reference)
    (session,) = configured(one={"url": "env:CAMCAST_URL"}).sessions()
    assert session.targets[0].target(resolve_secret=resolve_reference).url == "rtmp://host/live/k3y"
    (session,) = configured(one={"url": "srt://h:1", "options": {"passphrase": "env:CAMCAST_URL"}}).sessions()
    options = session.targets[0].target(resolve_secret=resolve_reference).options
    assert options == {"passphrase": "rtmp://host/live/k3y"}


def test_what_stands_around_a_cameras_secrets_is_not_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMCAST_CAMERA", " rtsp://host/stream\r\n")
    monkeypatch.setenv("CAMCAST_PASSWORD", "pass word \n")
    source = SourceConfig(
        type="rtsp", url="env:CAMCAST_CAMERA", options={"login": [{"password": "env:CAMCAST_PASSWORD"}]}
    )
    found = source.resolved(resolve_secret=resolve_reference)
    assert (found.url, found.options) == ("rtsp://host/stream", {"login": [{"password": "pass word"}]})


def test_what_stands_around_a_services_secret_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMCAST_TOKEN", "t0ken\n")
    assert resolve_options({"tokens": ["env:CAMCAST_TOKEN", "plain"]}, resolve_reference) == {
        "tokens": ["t0ken", "plain"]
    }


@pytest.mark.parametrize(
    ("url", "name", "values"),
    [
        ("whips://host/whip", "token", ("one", "two")),
        ("srt://host:9000", "streamid", ("one", "two")),
    ],
)
def test_outputs_that_differ_in_an_option_only_are_two(url: str, name: str, values: tuple[str, str]) -> None:
    one, two = ({"url": url, "options": {name: value}} for value in values)
    assert len(list(configured(one=one, two=two).sessions())) == 2
    assert any("publish" in told for told in problems(one=one, two=one))


def test_a_client_certificate_reaches_the_target(tmp_path: Path) -> None:
    mine = tmp_path / "me.pem"
    output = {"url": "rtmps://host/live/k", "client_certificate": str(mine), "client_key": str(mine)}
    (told,) = problems(one=output)
    assert told.endswith(f"client_certificate: there is no file {mine}")
    mine.write_text("")
    (session,) = configured(one=output).sessions()
    target = session.targets[0].target(resolve_secret=str)
    assert target.client_certificate == target.client_key == str(mine)


@pytest.mark.parametrize(
    "written", [" env:CAMCAST_KEY", "\ufeffenv:CAMCAST_KEY", "env:CAMCAST_KEY\u2003", "\u200eenv:CAMCAST_KEY"]
)
def test_what_stands_around_a_reference_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("CAMCAST_KEY", "k3y")
    (session,) = configured(one={"url": "rtmp://host", "app": "live", "stream_key": written}).sessions()
    assert session.targets[0].needs_secrets
    assert session.targets[0].target(resolve_secret=resolve_reference).stream_key == "k3y"
    assert resolve_options({"token": written}, resolve_reference) == {"token": "k3y"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("k3y".encode("utf-16-le"), "has characters of no text in it"),
        (b"\xff\xfe" + b"k\0" * 40_000, "is longer than 64 KiB"),
        (b"\xff\xfek", "is neither UTF-8 nor UTF-16 text"),
        ("\u00ad\u200f\r\n".encode(), "is empty"),
    ],
)
def test_a_file_that_is_no_secret_is_told(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(ConfigError, match=said):
        resolve_reference(f"file:{tmp_path / 'key'}")
