"""Two sessions that would publish one name are refused, however their URLs are spelled."""

from __future__ import annotations

import pytest

from camcast.host import PluginHost
from camcast.kinds import TransportKind
from camcast.target import Target

HOST = PluginHost()
SAME = [
    ("rtmp://Ingest.Example/live/cam", "rtmp://ingest.example:1935/live/cam"),
    ("rtmp://ingest.example./live/cam", "rtmp://ingest.example/live/cam?token=1"),
    ("rtmps://ingest.example/live/cam", "rtmps://INGEST.example:443/live/cam"),
    ("rtmp://[::1]/live/cam", "rtmp://[0:0::1]/live/cam"),
    ("srt://Ingest.Example:9000?streamid=cam", "srt://ingest.example.:9000?latency=99&streamid=cam"),
    ("srt://[::1]:9000?streamid=cam", "srt://[0:0::1]:9000?streamid=cam"),
    ("whip://Ingest.Example/cam", "whip://ingest.example:80/cam"),
    ("whips://ingest.example./cam", "whips://ingest.example:443/cam"),
    ("whips://[::1]/cam?x=1", "whips://[0:0::1]:443/cam?x=1"),
]
OTHERS = [
    ("rtmp://ingest.example/live/cam", "rtmp://ingest.example/live/Cam"),
    ("srt://ingest.example:9000?streamid=cam", "srt://ingest.example:9000?streamid=Cam"),
    ("srt://ingest.example:9000?streamid=cam", "srt://ingest.example:9001?streamid=cam"),
    ("whips://ingest.example/cam", "whips://ingest.example/Cam"),
    ("whips://ingest.example/cam?x=1", "whips://ingest.example/cam?x=2"),
    ("whips://ingest.example/cam", "whips://ingest.example:8443/cam"),
]


def kinds(url: str) -> list[TransportKind]:
    """All that carry such a URL, the one that is only taken when it is named included."""
    scheme = url.partition(":")[0]
    return [kind for kind in HOST.transports.values() if scheme in kind.schemes]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_spellings_of_one_url_are_one_name(one: str, other: str) -> None:
    assert kinds(one)
    for kind in kinds(one):
        assert kind.publish_name(Target(url=one)) == kind.publish_name(Target(url=other)), kind.name


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_other_names_stay_others(one: str, other: str) -> None:
    assert kinds(one)
    for kind in kinds(one):
        assert kind.publish_name(Target(url=one)) != kind.publish_name(Target(url=other)), kind.name
