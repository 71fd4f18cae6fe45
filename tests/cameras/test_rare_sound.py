"""Sound that few cameras and encoders send, and that is heard: AC-3 and E-AC-3 (RFC 4184, RFC 4598), and AAC in LATM
whose configuration stands in the stream (RFC 6416, cpresent=1)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import imageio_ffmpeg
import pytest
import pytest_asyncio

from camcast_rtsp.depacketise.dolby import DolbyDepacketiser
from tests.cameras import clips, kept, rtp
from tests.cameras.script import Script
from tests.cameras.shared import watched_together
from tests.cameras.test_field import ENCODED
from tests.cameras.usual import FRAMES, SECONDS, camera
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-rare_sound")
"""What all tests here share is made once."""

Pack = Callable[[list[bytes]], list[bytes]]
"""Some frames → payloads."""


def whole(frames: list[bytes]) -> list[bytes]:
    return [bytes((0, len(frames))) + b"".join(frames)]


def in_pieces(kinds: tuple[int, int]) -> Pack:
    """Each frame in three packets; `kinds`: of the first, and of the others."""

    def pack(frames: list[bytes]) -> list[bytes]:
        found = []
        for frame in frames:
            size = -(-len(frame) // 3)
            pieces = [frame[at : at + size] for at in range(0, len(frame), size)]
            found += [bytes((kinds[at > 0], len(pieces))) + piece for at, piece in enumerate(pieces)]
        return found

    return pack


def dolby(codec: str, name: str, pack: Pack, together: int = 1) -> Script:
    clip = clips.sound(codec, seconds=SECONDS)
    frames = [unit.data for unit in clip.units]
    payloads = []
    for number in range(0, len(frames), together):
        time = number * clip.samples
        some = pack(frames[number : number + together])
        payloads += [
            rtp.Payload(time / clip.rate, time, piece, marker=at == len(some) - 1) for at, piece in enumerate(some)
        ]
    media = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {name}/{clip.rate}/2\r\n"
    track = rtp.Track("audio", media, payloads, clock=clip.rate, payload_type=97, ssrc=5, control="audio")
    # It is made another codec, and nobody sees the picture before that has begun.
    return camera(audio=track, beginning=0.9)


def loas() -> list[bytes]:
    """FFmpeg's LATM of 48 kHz, without the three bytes in front of each unit; every fifth describes itself."""
    made = ("-f", "lavfi", "-i", f"sine=f=440:r=48000:d={SECONDS}", "-af", "volume=6", "-c:a", "aac", "-b:a", "96k")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *made, "-smc-interval", "5", "-f", "latm", "-"]
    data: bytes = kept.value(command[1:], lambda: subprocess.run(command, capture_output=True, check=True).stdout)
    found, at = [], 0
    while at < len(data):
        size = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        found.append(data[at + 3 : at + 3 + size])
        at += 3 + size
    return found


def latm(told: str, name: str = "MP4A-LATM/48000", cut: int = 10_000) -> Script:
    payloads = []
    for number, unit in enumerate(loas()):
        pieces = [unit[at : at + cut] for at in range(0, len(unit), cut)]
        payloads += [
            rtp.Payload(number * 1024 / 48_000, number * 1024, piece, marker=at == len(pieces) - 1)
            for at, piece in enumerate(pieces)
        ]
    media = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {name}\r\n{told}"
    return camera(audio=rtp.Track("audio", media, payloads, clock=48_000, payload_type=97, ssrc=5, control="audio"))


CASES = {
    "AC-3": dolby("ac3", "AC3", whole),
    "AC-3, two frames in a packet": dolby("ac3", "ac3", whole, 2),
    "AC-3 in pieces": dolby("ac3", "AC3", in_pieces((1, 3))),
    "E-AC-3": dolby("eac3", "EAC3", whole),
    "E-AC-3 in pieces": dolby("eac3", "eac3", in_pieces((1, 1))),
    "LATM that describes itself": latm("a=fmtp:97 profile-level-id=15; cpresent=1\r\n"),
    "LATM that is not described": latm(""),
    "LATM that describes itself, in pieces": latm("a=fmtp:97 cpresent=1; object=2\r\n", "mp4a-latm/48000/1", 90),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "rare_sound", CASES)


@pytest.mark.parametrize("name", CASES)
def test_it_is_shown_and_heard(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes)
    assert one.steps() == {40}
    assert one.heard > one.lasting - 0.7, one.notes
    assert one.apart < 0.2 + one.late
    assert one.notes == ([] if "LATM" in name else [ENCODED])


class Taken:
    def __init__(self) -> None:
        self.units: list[tuple[bytes, int]] = []
        self.gone: list[str] = []

    def unit(self, data: bytes, timestamp: int) -> None:
        self.units.append((data, timestamp))

    def missing(self, reason: str) -> None:
        self.gone.append(reason)

    def odd(self, text: str) -> None: ...

    def runs_at(self, rate: int) -> None: ...


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000])
def test_frames_of_every_rate_are_told_apart(codec: str, rate: int) -> None:
    clip = clips.sound(codec, seconds=1.0, rate=rate)
    frames = [unit.data for unit in clip.units]
    taken = Taken()
    DolbyDepacketiser(taken, rate).feed(b"\0\x07" + b"".join(frames[:7]), 1000, True)
    assert taken.units == [(frame, 1000 + number * clip.samples) for number, frame in enumerate(frames[:7])]
    assert not taken.gone


def test_what_is_lost_or_no_frame_is_missing_and_nothing_else() -> None:
    first, second, third = (unit.data for unit in clips.sound("ac3", seconds=1.0).units[:3])
    pack = in_pieces((2, 3))
    taken = Taken()
    one = DolbyDepacketiser(taken, 48_000)
    for piece in pack([first])[:2]:
        one.feed(piece, 0, False)
    one.feed(whole([second])[0], 1536, True)
    one.feed(pack([third])[1], 3072, False)
    one.feed(b"\0\1\x0b\x77\0\0\xc0" + bytes(9), 3072, True)
    one.lost(2)
    one.feed(b"", 3072, True)
    one.feed(whole([third])[0], 4608, True)
    assert taken.units == [(second, 1536), (third, 4608)]
    assert taken.gone == ["damaged", "damaged", "damaged", "rtp loss", "rtp loss", "damaged"]
