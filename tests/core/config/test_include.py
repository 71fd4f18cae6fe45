"""Cameras in files of their own: found, in order, each fault with its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from camcast.config import Config, load, loads
from camcast.config.include import watched
from camcast.errors import ConfigError
from camcast.host import PluginHost

HOST = PluginHost()


def camera(number: int, **more: Any) -> dict[str, Any]:
    return {"camera_id": number, "streams": [{"source": {"type": "testsrc"}}], **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file with camera 0, and two further ones with 2 and 1."""
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d" / "a.json").write_text(json.dumps({"cameras": [camera(2)]}))
    (tmp_path / "cameras.d" / "b.toml").write_text(
        '[[cameras]]\ncamera_id = 1\n[[cameras.streams]]\nsource = { type = "testsrc" }\n'
    )
    return tmp_path


def read(folder: Path, *include: str, **more: Any) -> Config:
    file = folder / "system_config.json"
    root = {"include": list(include), "rtmp": {"url_template": "rtmp://a/live/{camera_id}"}, "cameras": [camera(0)]}
    file.write_text(json.dumps(root | more))
    return load(file, HOST)


def wrong(folder: Path, *include: str, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, *include, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    "include",
    [("cameras.d/*",), ("cameras.d/a.json", "cameras.d/b.toml"), ("**/?.*",), ("cameras.d/a*", "cameras.d/*")],
)
def test_cameras_of_all_files_are_there_with_what_holds_at_the_root(folder: Path, include: tuple[str, ...]) -> None:
    config = read(folder, *include)
    assert [one.camera_id for one in config.cameras] == [0, 2, 1]
    assert [session.targets[0].url for session in config.sessions()] == [f"rtmp://a/live/{one}" for one in (0, 2, 1)]


def test_a_glob_finds_nothing_and_not_the_file_itself(folder: Path) -> None:
    assert len(read(folder, "other.d/*.json", "*.json").cameras) == 1


def test_paths_in_a_file_are_looked_for_beside_it(folder: Path) -> None:
    (folder / "cameras.d" / "clip.mp4").touch()
    source = {"type": "file", "url": "clip.mp4"}
    (folder / "cameras.d" / "a.json").write_text(
        json.dumps({"cameras": [{"camera_id": 2, "streams": [{"source": source}]}]})
    )
    assert read(folder, "cameras.d/a.json").cameras[1].streams[0].source.url == str(folder / "cameras.d" / "clip.mp4")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"cameras": [{"camera_id": 2, "strems": []}]}', "cameras.d/a.json: cameras[0].strems: unknown key"),
        (
            '{"cameras": [{"camera_id": 0}]}',
            "cameras.d/a.json: cameras[0].camera_id: 0 is taken by cameras[0].camera_id",
        ),
        ('{"system": {}}', "cameras.d/a.json.system: an included file holds cameras and nothing else"),
        ('{"cameras": {}}', "cameras.d/a.json: cameras: expected a list, got an object"),
        ("{", "cameras.d/a.json: line 1"),
        ('{"cameras": ' + "[" * 60 + "]" * 60 + "}", "cameras.d/a.json: "),
    ],
)
def test_what_is_wrong_is_told_with_its_file(folder: Path, text: str, fault: str) -> None:
    (folder / "cameras.d" / "a.json").write_text(text)
    assert fault in wrong(folder, "cameras.d/*")


def test_nobodys_home_folder_is_told_at_its_place(folder: Path) -> None:
    said = wrong(folder, "cameras.d/a.json", "~no-such-user/b.json")
    assert "include[1]: cannot be looked for: Could not determine home directory" in said


def test_a_file_that_is_named_must_be_there_once(folder: Path) -> None:
    assert "cameras.d/c.json: cannot read it: No such file" in wrong(folder, "cameras.d/c.json")
    assert "include[1]: is the file itself, or is included twice" in wrong(folder, *["cameras.d/a.json"] * 2)
    assert "include[0]: is the file itself" in wrong(folder, "system_config.json")
    assert "include: expected a list of texts, got text" in wrong(folder, include="cameras.d")


def test_a_text_that_is_in_no_file_includes_none() -> None:
    with pytest.raises(ConfigError, match="include: names further files, and it is not known from where"):
        loads('{"include": ["a.json"], "cameras": []}', HOST)


def test_what_may_change_is_known(folder: Path) -> None:
    files, folders = watched(["cameras.d/*.json", "none.json"], folder)
    assert files == [folder / "cameras.d" / "a.json", folder / "none.json"]
    assert folders == [folder, folder / "cameras.d"]
