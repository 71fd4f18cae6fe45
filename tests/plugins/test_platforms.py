"""Platforms as data: every figure has a source and a day, and a target finds its platform by word or by host."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest
from tools import platforms_page
from typer.testing import CliRunner, Result

from camcast import hookimpl
from camcast.cli.app import app
from camcast.cli.platforms import LABELS
from camcast.config import CameraConfig, Config, SessionConfig, SourceConfig, StreamConfig, TargetConfig, from_mapping
from camcast.config.check import check
from camcast.engine import Engine
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.kinds import Figure, Platform, Reading
from camcast.target import Target
from camcast_platforms.reading import read

KNOWN = {one.name: one for one in read()}
NO_FIGURES = {"name", "title", "domains", "schemes"}
SOURCES = '[sources]\npage = { url = "https://example.com/live", read = 2026-11-30 }\n'


class Bringing:
    """A plugin that brings these."""

    def __init__(self, *known: Platform) -> None:
        self.known = known

    @hookimpl
    def camcast_platforms(self) -> Sequence[Platform]:
        return self.known


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_every_figure_says_where_it_stands_and_when_it_was_read() -> None:
    figures = [(one.name, name, figure) for one in KNOWN.values() for name, figure in one.figures().items()]
    assert len(figures) > 60
    for platform, name, figure in figures:
        for page in figure.pages:
            assert page.url.startswith("https://"), f"{platform}.{name}"
            assert date(2026, 11, 1) <= page.read <= date.today(), f"{platform}.{name}"
        assert figure.value is not None, f"{platform}.{name}"
    for one in KNOWN.values():
        rest = {field.name for field in attrs.fields(Platform)} - NO_FIGURES - set(one.figures())
        assert all(getattr(one, name) is None for name in rest), one.name


@pytest.mark.parametrize(
    ("figure", "refused"),
    [
        ("keyframes_most = 4.0", "a.keyframes_most: expected { value = …, source = … }"),
        ("keyframes_most = { value = 4.0 }", "a.keyframes_most: expected"),
        ('keyframes_most = { value = 4.0, source = "hearsay" }', "the source 'hearsay' is not among the sources"),
        ("", "no figure names these sources: page"),
    ],
)
def test_a_figure_without_a_source_is_refused(figure: str, refused: str) -> None:
    with pytest.raises(ValueError, match=re.escape(refused)):
        read(f'{SOURCES}[platforms.a]\ntitle = "A"\n{figure}\n')


@pytest.mark.parametrize(
    ("url", "day"), [("http://h/x", date(2026, 1, 1)), ("page", date(2026, 1, 1)), ("https://h/x", "")]
)
def test_a_source_is_an_address_and_a_day(url: str, day: Any) -> None:
    with pytest.raises(ValueError, match=r"expected the (https|day)"):
        Reading(url, day)
    with pytest.raises(ValueError, match="a figure without one stays None"):
        Figure(4.0, url)  # type: ignore[arg-type]


def test_the_page_is_made_of_the_data() -> None:
    text = platforms_page.PAGE.read_text(encoding="utf-8")
    assert text == platforms_page.page(), "run python -m tools.platforms_page"
    for one in KNOWN.values():
        assert all(f"]({page.url})" in text for figure in one.figures().values() for page in figure.pages)
    assert set(LABELS) == {field.name for field in attrs.fields(Platform)} - NO_FIGURES


def test_platforms_are_listed_and_shown_with_their_sources() -> None:
    listed = json.loads(invoke("platforms", "--json").stdout)
    assert [one["name"] for one in listed] == list(KNOWN)
    (shown,) = json.loads(invoke("platforms", "YouTube", "--json").stdout)
    assert shown["figures"]["keyframes_most"] == {
        "value": 4.0,
        "source": "https://github.com/pedroSG94/RootEncoder/issues/1588",
        "also": [],
        "read": "2026-11-30",
        "dated": "2024-09-22",
    }
    assert shown["figures"]["b_frames_most"] is None
    assert "Cloudflare Stream" in invoke("platforms").stdout
    text = invoke("platforms", "facebook").stdout
    assert "keyframe distance, most" in text
    assert "Unknown: second ingest; " in text
    unknown = invoke("platforms", "youtub")
    assert (unknown.exit_code, 'did you mean "youtube"?' in unknown.stderr) == (2, True)


def test_a_key_that_does_not_look_like_the_platforms_is_odd() -> None:
    host = PluginHost()
    for key, odd in (("sk_us-west-2_abcdABCDefgh", False), ("live_12345", True)):
        notes = from_mapping(written(f"rtmps://a1.global-contribute.live-video.net/app/{key}"), host).notes
        assert any("does not look like those of Amazon IVS" in note for note in notes) is odd
        assert key not in "".join(notes)


def test_a_key_that_is_kept_elsewhere_is_looked_at_where_it_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLACE_KEY", "live_98765")
    config = written("rtmps://a1.global-contribute.live-video.net/app", stream_key="env:PLACE_KEY")
    (tmp_path / "c.json").write_text(json.dumps(config))
    said = invoke("check", str(tmp_path / "c.json"))
    assert "the stream key does not look like those of Amazon IVS" in said.stdout + said.stderr
    assert "live_98765" not in said.stdout + said.stderr


async def test_a_session_that_is_added_while_it_runs_hides_its_key_too() -> None:
    host = PluginHost()
    host.register(Bringing(Platform(name="here", title="Here", domains=("127.0.0.1",))), "here")
    stream = StreamConfig(source=SourceConfig(type="testsrc"))
    async with Engine(Config(cameras=(CameraConfig(camera_id=3, streams=(stream,)),)), host=host) as engine:
        session = engine.sessions.create_session(
            SessionConfig(camera_id=3, url_template="rtmp://127.0.0.1:9/app/cam{camera_id}")
        )
        assert session.target_shown == "rtmp://127.0.0.1:9/app/***"


def test_what_platforms_are_known() -> None:
    wanted = "youtube twitch facebook kick tiktok linkedin vimeo x ivs cloudflare restream castr"
    assert set(wanted.split()) <= set(KNOWN)
    assert set(PluginHost().platforms.by_name) == set(KNOWN)


@pytest.mark.parametrize(
    ("url", "server", "name"),
    [
        ("rtmps://a.rtmps.youtube.com/live2/k", "auto", "youtube"),
        ("rtmp://b.rtmp.youtube.com/live2/k?backup=1", "auto", "youtube"),
        ("rtmp://live-fra.TWITCH.tv./app/k", "auto", "twitch"),
        ("rtmps://ingest.global-contribute.live-video.net/app/k", "auto", "twitch"),
        ("rtmps://fa723fc1b171.global-contribute.live-video.net/app/k", "auto", "kick"),
        ("rtmps://a1b2.global-contribute.live-video.net/app/k", "auto", "ivs"),
        ("rtmps://live-api-s.facebook.com:443/rtmp/k", "auto", "facebook"),
        ("rtmps://live.cloudflare.com:443/live/k", "auto", "cloudflare"),
        ("srt://live.cloudflare.com:778?streamid=k", "auto", None),
        ("rtmp://fra.pscp.tv/x/k", "auto", "x"),
        ("rtmp://push-rtmp.tiktok.com/game/k", "auto", "tiktok"),
        ("rtmp://london.restream.io/live/k", "auto", "restream"),
        ("rtmp://cg.castr.io/static/k", "auto", "castr"),
        ("rtmp://rtmp.cloud.vimeo.com/live/k", "auto", "vimeo"),
        ("rtmp://us-east-ny.livepush.io/live/k", "auto", "livepush"),
        ("rtmp://ingest-rtmp.broadcast.steamcontent.com/app/k", "auto", "steam"),
        ("rtmp://relay.example/app/k", "rumble", "rumble"),
        ("rtmp://relay.example/app/k", "twitch", "twitch"),
        ("rtmp://a.rtmp.youtube.com/live2/k", "h264-aac", "youtube"),
        ("rtmp://notyoutube.com/live2/k", "auto", None),
        ("rtmp://[::1/live/k", "auto", None),
        ("rtmp://relay.example/app/k", "auto", None),
    ],
)
def test_a_target_is_a_platforms_by_its_word_or_by_where_it_goes(url: str, server: str, name: str | None) -> None:
    placed = PluginHost().platforms.placed(Target(url=url, server=server))
    assert (placed.platform and placed.platform.name) == name
    assert set(placed.platforms) == set(KNOWN)
    assert placed.moved("rtmp://elsewhere/app/k").platform is None


def written(url: str, **more: Any) -> dict[str, Any]:
    stream = {"source": {"type": "testsrc"}, "rtmp": {"url": url, **more}}
    return {"cameras": [{"camera_id": 3, "streams": [stream]}]}


def test_what_a_platform_takes_by_a_protocol_that_is_not_carried_is_said() -> None:
    url = "https://a.upload.youtube.com/http_upload_hls?cid=KEY&copy=0&file=out.m3u8"
    with pytest.raises(ConfigError) as caught:
        from_mapping(written(url), PluginHost())
    (issue,) = caught.value.issues
    assert issue.message == (
        "YouTube Live takes HLS there, which is not carried; publish to rtmps://a.rtmps.youtube.com/live2 instead"
    )
    assert issue.path.endswith("rtmp.url")


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("rtmps://live.cloudflare.com:443/live", "Cloudflare Stream"),
        ("rtmp://london.restream.io/live", "Restream"),
        ("rtmp://stream.dlive.tv/live", "DLive"),
        ("rtmps://global-live.mux.com:443/app", "Mux"),
        ("rtmp://livepush.trovo.live/live", "Trovo"),
        ("rtmps://fa723fc1b171.global-contribute.live-video.net/app", "Kick"),
    ],
)
def test_a_url_that_ends_at_the_application_has_no_key(url: str, title: str) -> None:
    with pytest.raises(ConfigError, match=f"the stream key is missing: {title} wants one"):
        from_mapping(written(url), PluginHost())


@pytest.mark.parametrize("domain", sorted({name for one in KNOWN.values() for name in one.domains}))
def test_what_is_published_below_a_platforms_domain_is_never_shown(domain: str) -> None:
    """From a file, and from a session made in Python, where the plugins are known later."""
    host, template = PluginHost(), f"rtmp://ingest.{domain}/app/cam{{camera_id}}"
    (session,) = from_mapping(written(template), host).sessions()
    made = StreamConfig(
        source=SourceConfig(type="testsrc"), sessions=(SessionConfig(urls=[template, "rtmp://h/app/cam{camera_id}"]),)
    )
    config = check(Config(cameras=(CameraConfig(camera_id=3, streams=(made,)),)), host)
    (python,) = config.sessions()
    assert [one.targets[0].shown for one in (session, python)] == [f"rtmp://ingest.{domain}/app/***"] * 2
    assert python.targets[1].shown == "rtmp://h/app/cam3"
    assert host.platforms.placed(TargetConfig(url=f"rtmp://x.{domain}/a/b").target(resolve_secret=str)).shown_name == ""


def test_a_platform_of_another_plugin_is_one_like_these() -> None:
    page = Reading("https://video.example/live", date(2026, 11, 30))
    own = Platform(name="own", title="Own", hosts=Figure(("video.example",), page), app=Figure("in", page))

    host = PluginHost()
    host.register(Bringing(own, attrs.evolve(KNOWN["youtube"], title="Mine")), "own")
    assert host.platforms.of("rtmp://eu.video.example/in/k", "auto") is own
    with pytest.raises(ConfigError, match="the stream key is missing: Own wants one"):
        from_mapping(written("rtmp://video.example/in"), host)
    assert host.platforms.by_name["youtube"].title == "YouTube Live"
    assert [str(problem) for problem in host.problems if 'platform "youtube"' in str(problem)]
