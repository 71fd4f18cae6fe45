"""The models as an embedder constructs them."""

from __future__ import annotations

import pickle

import attrs
import pytest

from camcast.config import Limit, RetryPolicy, SessionConfig, TargetConfig
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
        ({"urls": "rtmp://a/live/k"}, "urls: expected a list of URLs, got text"),
        ({"url": "rtmp://a/l/k", "camera_id": -1}, "camera_id: expected 0 to 2147483647, got -1"),
        ({"url": "rtmp://a/l/k", "standby": "luke"}, 'standby: expected "cold", "warm" or "hot", got "luke"'),
        ({"url": "rtmp://a/l/k", "stall_timeout": "-3s"}, None),
    ],
)
def test_a_wrong_argument_says_so(arguments: dict[str, object], text: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionConfig(**{"camera_id": 0, **arguments})  # type: ignore[arg-type]
    assert text is None or str(caught.value) == text


@pytest.mark.parametrize(
    ("value", "seconds"), [("500ms", 0.5), ("2m", 120), ("1.5s", 1.5), ("1h", 3600), (" 3 s ", 3), ("7", 7), (0, 0)]
)
def test_durations(value: object, seconds: float) -> None:
    assert RetryPolicy(initial_delay=value).initial_delay == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "s", "1x", "1 2s", "1e3s", "٣s", -1, float("nan"), float("inf"), True, None, []])
def test_no_durations(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^initial_delay: expected "):
        RetryPolicy(initial_delay=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "count"), [("4MB", 4_000_000), ("4 MiB", 4 << 20), ("512kb", 512_000), ("1.5k", 1500), (7, 7)]
)
def test_sizes(value: object, count: int) -> None:
    assert Limit(seconds=1, bytes=value).bytes == count  # type: ignore[arg-type]


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
    ],
)
def test_a_secret_that_is_not_there(reference: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TargetConfig(url=reference).target(resolve_secret=resolve_reference)
    assert str(caught.value).startswith(text)
