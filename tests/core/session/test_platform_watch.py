"""What is sent, against what its platform wants: once for each difference and session, and never for one look alone."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.world import AUDIO, VIDEO, World, picture, until

from camcast import hookimpl
from camcast.config import SessionConfig
from camcast.events import Note, SessionKey
from camcast.platform import BitrateRange, Figure, Platform, Reading
from camcast.session import platform_watch
from camcast.session.platform_watch import PERIOD, Compared, PlatformWatch
from camcast.session.telling import Telling
from camcast.stream.flow import FlowCounters
from camcast.stream.hub import Hub
from camcast.target import Target

PAGE = Reading("https://video.example/live", date(2026, 11, 30))
PLACE = Platform(
    name="place",
    title="Place",
    hosts=Figure(("place.example",), PAGE),
    keyframes_most=Figure(4.0, PAGE),
    bitrate_most=Figure(1000, PAGE),
    hours_archived=Figure(12.0, PAGE),
)
KEYFRAMES = 'keyframes come every 10 s; Place wants 4 s or less: set the camera, or "transcode": true'


class Sending:
    """A session that sends 25 pictures a second, by a clock of its own."""

    def __init__(self, gop: int, size: int = 100, platform: Platform | None = PLACE) -> None:
        packer: Any = None
        self.hub = Hub(packer)
        self.gop, self.size, self.number, self.now = gop, size, 0, 1000.0
        self.sound = 0
        self.flow = FlowCounters()
        self.told: list[Note] = []
        telling = Telling(SessionKey(0, 0, "rtmp"), "cam0_main", self.told.append)  # type: ignore[arg-type]
        self.watch = PlatformWatch(telling, self.flow)
        self.platform = platform
        self.on_air: Any = self.place()

    def place(self) -> Any:
        """Another attempt, on the same rendition."""
        target = Target(url="mem://place.example/k", platform=self.platform)
        return SimpleNamespace(
            target=target, tracks=(VIDEO, AUDIO), published=SimpleNamespace(hub=self.hub, at=self.now)
        )

    def send(self, seconds: float, *, pictures: bool = True, **how: bool) -> list[str]:
        """For so long, looked at four times a second; returns the codes that were told meanwhile."""
        before = len(self.told)
        for step in range(round(seconds * 25)):
            self.flow.bytes += self.sound
            self.flow.sound_bytes += self.sound
            self.now += 0.04
            if step % 6 == 0:
                self.watch.look(self.on_air, self.now, **how)
            if not pictures:
                continue
            self.hub.packet(picture(self.number, key=self.number % self.gop == 0, size=self.size))
            self.number += 1
            self.flow.bytes += self.size
            self.flow.sent.video += 1
        return [note.code for note in self.told[before:]]


def test_keyframes_that_are_far_apart_are_told_once_and_counted_while_it_lasts() -> None:
    sending = Sending(gop=250)
    assert sending.send(19.5) == [], "two distances show what a camera does"
    assert sending.send(25) == ["platform_keyframes"]
    assert (sending.told[0].message, sending.told[0].label) == (KEYFRAMES, "cam0_main")
    assert sending.watch.now == Compared("place", {"keyframes": KEYFRAMES})
    sending.gop = 50
    assert sending.send(25) == []
    assert sending.watch.now == Compared("place", {}), "it is over"
    sending.gop, sending.on_air = 250, sending.place()
    assert sending.send(60) == [], "once for a session, on whatever attempt"
    assert sending.watch.now.differences == {"keyframes": KEYFRAMES}
    sending.watch.look(None, sending.now)
    assert sending.watch.now == Compared()


@pytest.mark.parametrize("gop", [25, 50, 100])
def test_what_is_wanted_is_told_to_nobody(gop: int) -> None:
    sending = Sending(gop=gop)
    assert sending.send(60) == []
    assert sending.watch.now == Compared("place")


def test_one_keyframe_that_is_late_is_no_setting() -> None:
    sending = Sending(gop=50)
    sending.send(30)
    sending.gop = 100_000
    sending.send(9)
    sending.number, sending.gop = sending.number // 50 * 50 + 50, 50
    assert sending.send(40) == []


def test_none_at_all_is_told_without_waiting_for_the_next() -> None:
    sending = Sending(gop=100_000)
    assert sending.send(45) == ["platform_keyframes"]
    assert "s apart at least; Place wants 4 s or less" in sending.told[0].message


def test_a_rate_is_not_held_against_a_thin_link_or_what_was_dropped() -> None:
    sending = Sending(gop=50, size=10_000)
    assert sending.send(35, whole=False) == []
    sending.flow.dropped[VIDEO.kind, "link behind"] += 1
    sending.send(2.0)
    assert sending.send(25) == ["platform_bitrate"]
    assert sending.told[0].message.startswith("2.00 Mbit/s of pictures come; Place wants 1 or less: ")


RANGED = Platform(
    name="ranged",
    title="Place",
    keyframes_most=Figure(4.0, PAGE),
    bitrates=Figure((BitrateRange(height=2160, frame_rate=60, least=1500, most=2500),), PAGE),
)


def test_a_camera_that_is_away_is_not_told_to_send_more() -> None:
    """2 Mbit/s are wanted and come, until nothing does, and a burst after it."""
    sending = Sending(gop=50, size=10_000, platform=RANGED)
    assert sending.send(35) == []
    assert sending.send(4) + sending.send(41, pictures=False) == []
    sending.flow.bytes += 3_000_000
    sending.flow.sent.video += 300
    assert sending.send(60) == []
    assert sending.watch.now == Compared("ranged", {})
    sending.size = 2000
    assert sending.send(35) == ["platform_bitrate"], "what comes too thin all the time is told"


def test_a_still_picture_is_not_the_cameras() -> None:
    sending = Sending(gop=50, size=10_000, platform=RANGED)
    sending.send(20)
    sending.gop, sending.size = 250, 300
    assert sending.send(60, slate=True) == []
    sending.gop, sending.size, sending.number = 50, 10_000, 10_000
    assert sending.send(60) == []
    assert sending.watch.now == Compared("ranged", {})


@pytest.mark.parametrize(("size", "codes"), [(9_000, []), (14_000, ["platform_bitrate"])])
def test_sound_is_no_picture(size: int, codes: list[str]) -> None:
    """Up to 2.5 Mbit/s of pictures are wanted; 1 Mbit/s of sound comes beside 1.8 and 2.8 of them."""
    sending = Sending(gop=50, size=size, platform=RANGED)
    sending.sound = 5_000
    assert sending.send(45) == codes


def test_what_lasts_too_long_is_told() -> None:
    sending = Sending(gop=50)
    sending.on_air.published.at -= 13 * 3600
    assert sending.send(25) == ["platform_length"]
    assert sending.told[0].message == "sent for 13.0 h; Place records streams of up to 12 h"


def test_where_no_platform_is_known_nothing_is_looked_at() -> None:
    sending = Sending(gop=100_000, size=50_000, platform=None)
    assert sending.send(45) == []
    assert sending.watch.now == Compared()
    assert PERIOD >= 10, "a look now and then"


async def test_an_engine_tells_it_and_counts_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyframes 6 s apart, by the pictures' own time, which passes faster here."""

    class Plugin:
        @hookimpl
        def camcast_platforms(self) -> list[Platform]:
            return [PLACE]

    monkeypatch.setattr(platform_watch, "PERIOD", 0.25)
    world.host.register(Plugin(), "places")
    world.gop = 150
    await world.start(SessionConfig(camera_id=0, url="mem://eu.place.example/key"))

    def told() -> list[Note]:
        return [one for one in world.events if isinstance(one, Note) and one.code == "platform_keyframes"]

    await until(lambda: bool(told()), 30)
    metrics = world.session().metrics
    assert (metrics.platform, metrics.platform_differences["keyframes"]) == ("place", 1)
    assert told()[0].message.startswith("keyframes come every 6 s; Place wants 4 s or less: ")
    assert told()[0].message in metrics.platform_reason
    world.gop = 25
    await until(lambda: "keyframes" not in world.session().metrics.platform_differences, 30)
    world.gop = 150
    await until(lambda: "keyframes" in world.session().metrics.platform_differences, 30)
    assert len(told()) == 1
    assert "key" not in metrics.target.removeprefix("mem://eu.place.example/")
