"""Keys from the environment: every key, each as its rule reads it, and what is wrong named by its variable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from camcast.config import load
from camcast.config.overrides import override
from camcast.errors import ConfigError
from camcast.host import PluginHost

FILE = {
    "services": {"webhook": [{"url": "http://a"}, {"url": "http://b"}], "http": True},
    "rtmp": {"url_template": "rtmp://a/live/{camera_id}", "fallback_urls": ["rtmp://b/live/x", {"url": "rtmp://c/x"}]},
    "cameras": [
        {
            "camera_id": 7,
            "streams": [{"source": {"type": "testsrc"}, "outputs": {"Cloud": {"url": "rtmp://cloud/live/x"}}}],
        }
    ],
}


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def changed(name: str, text: str, mapping: Mapping[str, Any] = FILE) -> Any:
    found = override(mapping, {f"CAMCAST__{name}": text, "CAMCAST_HOME": "x", "PATH": "/bin"})
    assert found.issues == ()
    assert len(found.notes) == 1
    return found.mapping


def at(value: Any, *steps: str | int) -> Any:
    for step in steps:
        value = value[step]
    return value


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("RTMP__URL_TEMPLATE", "rtmp://d/live/{camera_id}", ("rtmp", "url_template"), "rtmp://d/live/{camera_id}"),
        ("rtmp__stream_key", "0123", ("rtmp", "stream_key"), "0123"),
        ("RTMP__AUTO_RECONNECT", "false", ("rtmp", "auto_reconnect"), False),
        ("RTMP__RETRY_POLICY__MAX_ATTEMPTS", "null", ("rtmp", "retry_policy", "max_attempts"), None),
        ("RTMP__RETRY_POLICY__INITIAL_DELAY", "500ms", ("rtmp", "retry_policy", "initial_delay"), "500ms"),
        ("RTMP__FAILBACK_AFTER", "12.5", ("rtmp", "failback_after"), "12.5"),
        ("RTMP__FALLBACK_URLS__0__AUDIO", "none", ("rtmp", "fallback_urls", 0, "audio"), "none"),
        ("RTMP__FALLBACK_URLS__1__URL", "rtmp://z/x", ("rtmp", "fallback_urls", 1, "url"), "rtmp://z/x"),
        ("RTMP__FALLBACK_URLS", '["rtmp://z/x"]', ("rtmp", "fallback_urls"), ["rtmp://z/x"]),
        ("RTMP__URLS", '["rtmp://z/x", {"url": "rtmp://y/x"}]', ("rtmp", "urls", 1), {"url": "rtmp://y/x"}),
        ("CAMERAS", '[{"camera_id": 9}]', ("cameras", 0, "camera_id"), 9),
        ("SYSTEM__MAX_CAMERAS", "64", ("system", "max_cameras"), 64),
        ("SYSTEM__WORKERS", "auto", ("system", "workers"), "auto"),
        ("SYSTEM__WORKERS", "2", ("system", "workers"), 2),
        ("PLUGINS__BLOCK", '["legacy"]', ("plugins", "block"), ["legacy"]),
        ("CAMERAS__0__NAME", "7", ("cameras", 0, "name"), "7"),
        ("CAMERAS__0__ENABLED", "false", ("cameras", 0, "enabled"), False),
        ("CAMERAS__0__STREAMS__0__SLATE", "true", ("cameras", 0, "streams", 0, "slate"), True),
        (
            "CAMERAS__0__STREAMS__0__OUTPUTS__CLOUD__STREAM_KEY",
            "k",
            ("cameras", 0, "streams", 0, "outputs", "Cloud", "stream_key"),
            "k",
        ),
        (
            "CAMERAS__0__STREAMS__0__SOURCE__OPTIONS__TONE",
            "440",
            ("cameras", 0, "streams", 0, "source", "options", "tone"),
            440,
        ),
        ("VARIABLES__SITE", "berlin", ("variables", "site"), "berlin"),
        ("SERVICES__HTTP__PORT", "8081", ("services", "http", "port"), 8081),
    ],
)
def test_every_key_can_be_said(name: str, text: str, path: tuple[str | int, ...], value: object) -> None:
    assert at(changed(name, text), *path) == value
    assert "streams" in FILE["cameras"][0]  # type: ignore[index]  # what was read is not changed


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("RTMP__URL_TEMPLAT", "x", 'there is no key "url_templat"; did you mean "url_template"?'),
        ("SISTEM__WORKERS", "2", 'there is no key "sistem"; did you mean "system"?'),
        ("SYSTEM", "{}", "name a key of system, behind two underscores"),
        ("CAMERAS__1__NAME", "x", "expected the index of an item that the file has (0 to 0), got 1"),
        ("CAMERAS", "{}", "expected a whole list as JSON, or the index of an item behind two underscores"),
        ("RTMP__FALLBACK_URLS", "rtmp://z/x", "expected a whole list as JSON"),
        ("CAMERAS__0", "x", "name a key of it, behind two underscores"),
        ("CAMERAS__0__STREAMS__0__OUTPUTS__CLOUD", "x", "name a key of Cloud, behind two underscores"),
        ("SYSTEM__MAX_CAMERAS", "many", "expected a whole number, got text"),
        ("SYSTEM__LOG_LEVEL", "LOUD", 'expected "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL", got "LOUD"'),
        ("RTMP__AUTO_RECONNECT", "perhaps", "expected true or false, got text"),
        ("", "x", 'there is no key ""'),
        ("SERVICES__WEBHOOK__URL", "x", "what stands before url is a list in the file"),
        ("__".join(["RTMP__OPTIONS", *"abcdefghijklmnop"]), "x", "expected at most 16 steps"),
    ],
)
def test_what_is_wrong_is_named_by_its_variable(name: str, text: str, fault: str) -> None:
    found = override(FILE, {f"CAMCAST__{name}": text})
    (issue,) = found.issues
    assert str(issue).startswith(f"CAMCAST__{name}: {fault}")
    assert found.mapping == FILE


def test_a_file_is_loaded_with_them_and_says_so_without_values(host: PluginHost, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(FILE))
    secret = {"CAMCAST__RTMP__STREAM_KEY": "very-secret", "CAMCAST__CAMERAS__0__NAME": "gate"}
    config = load(file, host, secret)
    assert config.cameras[0].name == "gate"
    assert {target.stream_key for session in config.sessions() for target in session.targets} >= {"very-secret"}
    assert config.notes[-2:] == (
        "cameras[0].name is what CAMCAST__CAMERAS__0__NAME says",
        "rtmp.stream_key is what CAMCAST__RTMP__STREAM_KEY says",
    )
    assert load(file, host).cameras[0].name == ""


def test_faults_of_both_are_told_together(host: PluginHost, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(FILE | {"sistem": {}}))
    with pytest.raises(ConfigError) as caught:
        load(file, host, {"CAMCAST__RTMP__URL": "x", "CAMCAST__NOTHING": "1"})
    text = str(caught.value)
    assert "CAMCAST__NOTHING: there is no key" in text
    assert "sistem: unknown key" in text
    assert "rtmp" in text  # url beside url_template


def test_an_old_file_is_overridden_as_it_is_converted(host: PluginHost, tmp_path: Path) -> None:
    file = tmp_path / "net_service.json"
    file.write_text(json.dumps({"net_service": {"rtmp": {"enable": 1, "main_url": "rtmp://h/live/stream1"}}}))
    assert load(file, host, {"CAMCAST__SYSTEM__MAX_CAMERAS": "3"}).system.max_cameras == 3


def test_what_is_loaded_may_be_chosen_too(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(FILE))
    from camcast.config import ConfigFile

    assert ConfigFile.read(file, {"CAMCAST__PLUGINS__BLOCK": '["librtmp"]'}).plugins.block == ("librtmp",)
