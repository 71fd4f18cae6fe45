"""Where something is wrong, said in one way."""

from __future__ import annotations

import pytest

from camcast.config.place import Report
from camcast.errors import ConfigError, Issue


def test_a_place_is_a_path_from_the_root() -> None:
    root = Report().root()
    assert root.path == ""
    assert root.at("cameras").item(2).at("source").at("options").at("fps").path == "cameras[2].source.options.fps"
    assert root.at("outputs").at("a\nb").path == "outputs.'a\\nb'"
    assert root.at("a").below("options.list[2][0].x").path == "a.options.list[2][0].x"
    assert root.at("a").below("").path == "a"


def test_a_key_that_was_given_elsewhere_is_there() -> None:
    root = Report().root()
    output = root.at("cameras").item(0).at("rtmp")
    options = output.at("options").with_elsewhere({"latency": root.at("rtmp").at("options").at("latency")})
    place = output.with_elsewhere({"audio": root.at("rtmp").at("audio"), "options": options})
    assert place.at("audio").path == "rtmp.audio"
    assert place.at("hevc").path == "cameras[0].rtmp.hevc"
    assert place.below("options.latency").path == "rtmp.options.latency"
    assert place.below("options.mode").path == "cameras[0].rtmp.options.mode"


def test_everything_is_told_once_and_in_order() -> None:
    report = Report()
    report.root().at("b").wrong("is wrong")
    report.root().at("a").wrong("is wrong")
    report.root().at("b").wrong("is wrong")
    assert report.told == 3
    with pytest.raises(ConfigError) as error:
        report.raise_if_wrong()
    assert error.value.issues == (Issue("b", "is wrong"), Issue("a", "is wrong"))
    Report().raise_if_wrong()


def test_what_is_raised_within_is_told_at_the_place() -> None:
    report = Report()
    with report.root().at("a").told():
        raise ConfigError([Issue("options.x", "one"), Issue("", "two")])
    with report.root().at("b").item(0).told():
        raise ValueError("three")
    assert list(map(str, report.issues)) == ["a.options.x: one", "a: two", "b[0]: three"]
    with pytest.raises(KeyError), report.root().told():
        raise KeyError("not of a configuration")


def test_notes_come_after_what_belongs_to_others() -> None:
    report = Report()
    report.note("a note")
    for _ in range(2):
        report.foreign("cameras[].sensor")
    report.foreign("system.vb_pool")
    assert report.notes == (
        "cameras[].sensor is not camcast's and is left alone (2 times)",
        "system.vb_pool is not camcast's and is left alone",
        "a note",
    )
