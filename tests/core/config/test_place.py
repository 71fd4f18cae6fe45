"""Where something is wrong, said in one way."""

from __future__ import annotations

import pytest

from camcast.config.place import MOST_ISSUES, Report
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


def test_of_very_much_the_first_is_told_and_how_much_more_there_is() -> None:
    report = Report()
    for index in range(MOST_ISSUES):
        assert not report.full
        report.root().item(index).wrong("is wrong")
    assert report.full
    for _ in range(2):
        report.root().item(7).wrong("is wrong")
    assert len(report.issues) == MOST_ISSUES
    for index in range(5000):
        report.root().at("more").item(index).wrong("is wrong")
    assert len(report.issues) == MOST_ISSUES + 1
    assert str(report.issues[-1]) == "and 5000 more things are wrong, in this or another way; mend those above first"


def test_a_name_is_shown_as_far_as_one_reads_it() -> None:
    assert Report().root().at("x" * 1000).path == "x" * 64 + "…"


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


def test_what_is_odd_at_many_places_is_told_once() -> None:
    report = Report()
    for number in range(3):
        report.root().at("outputs").item(number).remark("is odd")
    report.root().at("url").remark("is odder")
    assert report.notes == ("outputs[0]: is odd (and 2 more such places)", "url: is odder")
    report.raise_if_wrong()
