"""Files are written whole or not at all, never over another, and hidden where they hold a secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from camcast.config.store import holds_secret, write_new
from camcast.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("secret", "expected"), [(True, 0o600), (False, 0o644)])
def test_a_new_file(tmp_path: Path, secret: bool, expected: int) -> None:
    path = tmp_path / "config.json"
    write_new(path, "ä\n", secret=secret)
    assert (path.read_text("utf-8"), mode(path)) == ("ä\n", expected)
    assert os.listdir(tmp_path) == ["config.json"]


def test_an_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("mine")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="is there already; --force overwrites it"):
        write_new(path, "new", secret=True)
    assert path.read_text() == "mine"
    write_new(path, "new", secret=True, force=True)
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["config.json"]


def test_one_that_appears_meanwhile_stays_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    sync = os.fsync

    def appear(descriptor: int) -> None:
        path.write_text("theirs")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", appear)
    with pytest.raises(ConfigError, match="is there already"):
        write_new(path, "new", secret=True)
    assert path.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["config.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "config.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ConfigError, match=r"cannot write .*: No space left on device"):
        write_new(path, "new" * 10_000, secret=False, force=True)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["config.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    write_new(link, "new", secret=False, force=True)
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        write_new(tmp_path / "none" / "config.json", "new", secret=False)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("rtmp://server/live/stream1", False),
        ("rtmp://server/live/cam{camera_id}_{stream_name}", False),
        ("rtmp://server/live/cam0_main", False),
        ("rtsp://127.0.0.1:554/stream1", False),
        ("rtsp://10.0.0.5/Streaming/Channels/101", False),
        ("rtsp://user:pass@10.0.0.5/stream1", True),
        ("rtsp://10.0.0.5/stream1?user=admin&password=pass", True),
        ("rtsp://10.0.0.5/user=admin_password=SECRET_channel=1_stream=0.sdp", True),
        ("rtsp://10.0.0.5/user=admin&pwd%3DSECRET/11", True),
        ("rtsp://10.0.0.5/live/USERNAME=admin/11", True),
        ("rtsp://passage.example/live/user/11", False),
        ("rtmp://server/live/abcd-1234-efgh-5678", True),
        ("rtmp://server/live/live_123456789_aBcDeF", True),
        ("rtmp://server/live/kX7{stream_name}", True),
        ("rtmp://server/live/stream1?token=abc", True),
        ("rtmp://user:pass@server/live/stream1", True),
        ("env:URL", False),
    ],
)
def test_what_is_a_secret(url: str, secret: bool) -> None:
    assert holds_secret({"cameras": [{"rtmp": {"urls": [{"url": url}]}}]}) == secret


def test_other_keys_are_secrets_by_name() -> None:
    assert holds_secret({"options": {"passphrase": "0123456789"}})
    assert holds_secret({"stream_key": "k"})
    assert not holds_secret({"stream_key": "file:/run/key", "options": {"latency": 120, "mode": "x"}})
