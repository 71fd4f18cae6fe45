"""`camcast demo` as a newcomer sees it, a little shorter."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.compare import Media
from tests.media import CLIPS
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast.cli.demo import demo_config
from camcast.cli.demo_clips import demo_clips
from camcast.cli.demo_needs import has_sound
from camcast.cli.demo_receivers import demo_receivers
from camcast.config import from_mapping
from camcast.config.session import PRIMARY_OUTPUT
from camcast.errors import MissingDependency
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import Acceptance, TransportKind

pytestmark = pytest.mark.slow


def test_four_cameras_arrive_through_a_failover_and_a_failback() -> None:
    arguments = ["demo", "--seconds", "12", "--clips", str(CLIPS)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("cam")]
    assert [row[0] for row in rows] == [f"cam{camera}_{name}" for camera in range(4) for name in ("main", "sub")]
    for name, codec, size, sent, received, decoded, lost, *_, moves in rows:
        assert codec == "h264"
        assert re.fullmatch(r"\d+x\d+", size)
        assert int(sent) > 0, name
        assert int(received) == int(decoded) == int(sent) - int(lost)
        # Camera 3 publishes over TLS to a receiver that does not fail.
        assert moves == ("0" if name.startswith("cam3") else "2")
    assert "The first receiver is switched off" in result.stderr
    assert re.search(r"To be seen with a browser while it runs: http://127\.0\.0\.1:\d+/\n", result.stderr)
    assert result.stderr.count("failover:") == result.stderr.count("failback:") == 6
    assert "Every frame that a receiver read was received whole and decoded." in result.stdout


def test_a_folder_without_films_is_said() -> None:
    result = CliRunner().invoke(app, ["demo", "--clips", "docs"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "no film in docs" in result.stderr


def test_without_clips_films_are_made(tmp_path: Path) -> None:
    films = demo_clips(None, tmp_path)
    assert [Media.read(film).video[0].codec for film in films] == ["h264"] * 4
    assert [sum(unit.keyframe for unit in Media.read(film).video) for film in films] == [4] * 4


def test_any_folder_of_films_will_do(tmp_path: Path) -> None:
    for name in ("b.mkv", "a.MP4", "notes.txt"):
        (tmp_path / name).touch()
    assert [film.name for film in demo_clips(tmp_path, tmp_path)] == ["a.MP4", "b.mkv", "a.MP4", "b.mkv"]


async def test_without_cryptography_all_cameras_go_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    host = PluginHost()
    async with demo_receivers(host, tmp_path) as receivers:
        config = from_mapping(demo_config(receivers, [Path("film.mp4")] * 4), host)
    chains = {session.label: [target.url for target in session.targets] for session in config.sessions()}
    assert len(chains) == 8
    assert {len(urls) for urls in chains.values()} == {2}
    assert {url.partition(":")[0] for urls in chains.values() for url in urls} == {"rtmp"}
    assert "pip install 'camcast[demo]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("blocked", "text"),
    [
        (["rtmp"], "a transport that offers a receiver on this machine"),
        (["file", "testsrc"], 'the source type "file", the source type "testsrc"'),
        (["h264"], "the codec h264, an encoder of h264"),
    ],
)
def test_what_is_missing_is_said_in_one_line_before_anything_is_made(blocked: list[str], text: str) -> None:
    options = [word for name in blocked for word in ("--block", name)]
    result = CliRunner().invoke(app, [*options, "demo", "--clips", "docs"], catch_exceptions=False)
    assert result.exit_code == 1
    assert f"error: the demo needs {text}: no plugin here brings that" in result.stderr
    assert result.stderr.count("error") == 1


async def test_without_an_encoder_for_sound_the_pictures_have_none(tmp_path: Path) -> None:
    for allowed, tone in ((["aac", "rtmp"], 440.0), (["rtmp"], 0.0)):
        host = PluginHost(allow=allowed)
        async with demo_receivers(host, tmp_path) as receivers:
            config = demo_config(receivers, [Path("film.mp4")] * 4, sound=has_sound(host))
        sources = [stream["source"] for camera in config["cameras"] for stream in camera["streams"]]
        assert [source["options"].get("tone") for source in sources] == [None] * 4 + [tone] * 4


def _for_any_folder(make: Callable[[str], Any], name: str, directory: Path) -> Any:
    return make(name)


async def test_whichever_kinds_offer_a_receiver_are_published_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Offered:
        """A receiver of a kind that nobody has heard of."""

        settings: ClassVar[dict[str, str]] = {"ca_file": "made-up.pem"}

        def __init__(self, scheme: str) -> None:
            self.scheme = scheme
            self.running = False

        async def start(self) -> Offered:
            self.running = True
            return self

        async def stop(self) -> None:
            self.running = False

        def address(self, name: str) -> str:
            return f"{self.scheme}://here/{name}"

    def lacks(scheme: str) -> Offered:
        raise MissingDependency("pip install something")

    class Plugin:
        @hookimpl
        def camcast_transports(self) -> list[TransportKind]:
            makers: dict[str, Callable[[str], Offered] | None] = {
                "first": Offered,
                "second": lacks,
                "third": Offered,
                "fourth": None,
            }
            return [
                TransportKind(
                    name=name,
                    title=name,
                    schemes=(name,),
                    build=lambda context: pytest.fail("nothing is built"),
                    accepts=lambda target: Acceptance(codecs={}),
                    receiver=partial(_for_any_folder, make, name) if make else None,
                )
                for name, make in makers.items()
            ]

    host = PluginHost(entry_points=False)
    host.register(Plugin())
    async with demo_receivers(host, tmp_path) as receivers:
        config = demo_config(receivers, [Path("film.mp4")] * 4)
        running = [receiver.running for receiver in receivers.all()]  # type: ignore[attr-defined]
    assert running == [True] * 3
    assert not any(receiver.running for receiver in receivers.all())  # type: ignore[attr-defined]
    assert config[PRIMARY_OUTPUT]["url_template"] == "first://here/cam{camera_id}_{stream_name}"
    assert config["cameras"][3][PRIMARY_OUTPUT] == {
        "url_template": "third://here/cam{camera_id}_{stream_name}",
        "fallback_urls": [],
        "ca_file": "made-up.pem",
    }
    assert "no camera uses second: pip install something" in capsys.readouterr().err
