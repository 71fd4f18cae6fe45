"""Cameras with their makers' descriptions and dialogues: each plays elsewhere, and here; what is odd is told once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.script import Asked, Reply, Rule, Script, framed, on, refused, with_header
from tests.cameras.shared import watched_together
from tests.cameras.test_field import ENCODED
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-brands")
"""What all tests here share is made once."""

FRAMES = 50
SECONDS = FRAMES / clips.FPS
HEAD = "v=0\r\no=- 1109162014219182 0 IN IP4 0.0.0.0\r\ns=Media Server\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"


def picture(codec: str = "h264", **settings: Any) -> rtp.Track:
    return rtp.video_track(clips.video(codec, frames=FRAMES), **settings)


def sound() -> rtp.Track:
    return rtp.aac_track(clips.sound("aac", seconds=SECONDS))


def phone() -> rtp.Track:
    return rtp.pcma_track(clips.sound("pcm_alaw", seconds=SECONDS, rate=8000, channels=1))


def units(codec: str = "h264") -> list[bytes]:
    return rtp.nals(clips.video(codec, frames=FRAMES).units[0].data)


def base64(*nals: bytes) -> str:
    return ",".join(b64encode(nal).decode() for nal in nals)


def camera(
    sdp: str = "", *rules: Rule, video: rtp.Track | None = None, audio: rtp.Track | None = None, **settings: Any
) -> Script:
    """`sdp` in place of its own, if any."""
    audio = audio or sound()
    if audio.clock != 48_000:
        # It is made another codec, and nobody sees the picture before that has begun.
        settings.setdefault("beginning", 0.9)
    return Script([video or picture(), audio], rules, sdp=sdp, **settings)


AAC = rtp.aac_track(clips.sound("aac", seconds=SECONDS)).media
FMTP = AAC.partition("a=fmtp:97 ")[2].strip()
CONFIG = FMTP.partition("config=")[2]
AUDIO = f"{AAC}a=control:audio\r\n"
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"
SETS = base64(*units()[:2])


def strict(*suffixes: str) -> Rule:
    """Its tracks are there only where its description says."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        known = asked.method != "SETUP" or asked.url.endswith(suffixes)
        return reply if known else refused(404, "Not Found")(reply)

    return rule


def without_sets(codec: str = "h264") -> rtp.Packetise:
    """Parameter sets never come in the stream."""
    cut = rtp.h264 if codec == "h264" else rtp.h265

    def packetise(unit: bytes) -> list[bytes]:
        kinds = (nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F for nal in rtp.nals(unit))
        sets = (7, 8) if codec == "h264" else (32, 33, 34)
        kept = [nal for kind, nal in zip(kinds, rtp.nals(unit), strict=True) if kind not in sets]
        return cut(b"".join(b"\0\0\0\1" + nal for nal in kept))

    return packetise


# --- descriptions -------------------------------------------------------------------------------------------


def hikvision() -> Script:
    """Nothing of its parameter sets, and words of its own."""
    header = (
        "a=Media_header:MEDIAINFO=494D4B48010100000400010010710110401F000000FA000000000000000000000000000000000000;\r\n"
    )
    sdp = (
        HEAD.replace("c=IN", "i=HIK Media Server Session Description : standard\r\ne=NONE\r\nc=IN")
        + "b=AS:2080\r\na=control:*\r\na=range:npt=now-\r\n"
        "m=video 0 RTP/AVP 96\r\ni=Video Media\r\nb=AS:2048\r\na=recvonly\r\na=control:trackID=video\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=4D0014;packetization-mode=0\r\n"
        f"m=audio 0 RTP/AVP 97\r\ni=Audio Media\r\nb=AS:32\r\na=recvonly\r\na=control:trackID=audio\r\n"
        f"a=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 {FMTP}\r\n{header}a=appversion:1.0\r\n"
    )
    return camera(sdp, strict("trackID=video", "trackID=audio"))


def dahua() -> Script:
    """A back channel of many formats, of which none has what it needs."""
    kinds = range(116, 104, -1)
    back = "m=audio 0 RTP/AVP " + " ".join(map(str, kinds)) + " 8\r\na=control:trackID=5\r\n"
    back += "".join(f"a=rtpmap:{kind} MPEG4-GENERIC/{1000 * kind}\r\n" for kind in kinds)
    sdp = (
        HEAD + "a=control:*\r\na=packetization-supported:DH\r\na=rtppayload-supported:DH\r\na=range:npt=now-\r\n"
        "a=x-packetization-supported:IV\r\na=x-rtppayload-supported:IV\r\n"
        "m=video 0 RTP/AVP 96\r\na=control:trackID=video\r\na=framerate:15.000000\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;profile-level-id=64002A;sprop-parameter-sets={SETS}\r\na=recvonly\r\n"
        "m=audio 0 RTP/AVP 8\r\na=control:trackID=audio\r\na=rtpmap:8 PCMA/8000\r\na=recvonly\r\n"
        "m=application 0 RTP/AVP 107\r\na=control:trackID=4\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=recvonly\r\n"
        f"{back}a=sendonly\r\n"
    )
    return camera(sdp, audio=phone())


def reolink() -> Script:
    """A word behind the last parameter; no channels."""
    sdp = HEAD + VIDEO + AUDIO.replace(f"config={CONFIG}", f"config={CONFIG}; profile=1;").replace("48000/2", "48000")
    return camera(sdp)


def bosch() -> Script:
    """A payload type of no dynamic range, a query before the track."""
    own = "rtsp://10.0.0.9:554/?inst=2&h26x=4"
    sdp = (
        HEAD + f"a=control:{own}\r\nm=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r\n"
        f"a=control:{own}&stream=video\r\na=recvonly\r\na=fmtp:35 packetization-mode=1;sprop-parameter-sets={SETS}\r\n"
        + AAC
        + f"a=control:{own}&stream=audio\r\na=recvonly\r\n"
    )
    return camera(sdp, strict("&stream=video", "&stream=audio"), video=picture(payload_type=35))


def axis() -> Script:
    """Parameter sets in the description alone; the track stands in front of the query."""
    own = "rtsp://172.16.16.129:554/axis-media/media.amp"
    sdp = (
        HEAD + f"a=control:{own}?videocodec=h264\r\nm=video 0 RTP/AVP 96\r\nb=AS:50000\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;profile-level-id=4d0029;sprop-parameter-sets={SETS}\r\n"
        f"a=control:{own}/stream=0/video?videocodec=h264\r\na=framerate:25.000000\r\n"
        "a=transform:-1.000000,0.000000,0.000000;0.000000,-1.000000,0.000000;0.000000,0.000000,1.000000\r\n"
        + AAC
        + f"a=control:{own}/stream=1/audio?videocodec=h264\r\n"
    )
    script = camera(
        sdp, strict("video?videocodec=h264", "audio?videocodec=h264"), video=picture(packetise=without_sets())
    )
    script.tracks[0].control, script.tracks[1].control = "video?videocodec=h264", "audio?videocodec=h264"
    return script


def uniview() -> Script:
    """Lines that end too early."""
    sdp = (
        "v=0\r\no=- 1001 1 IN\r\ns=VCP IPC Realtime stream\r\nm=video 0 RTP/AVP 96\r\nc=IN\r\na=control:video\r\n"
        "a=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 profile-level-id=640032; packetization-mode=1; sprop-parameter-sets={SETS}"
        "\r\na=recvonly\r\nm=application 0 RTP/AVP 107\r\nc=IN\r\na=control:metadata\r\n"
        "a=rtpmap:107 vnd.onvif.metadata/90000\r\na=fmtp:107 DecoderTag=h3c-v3 RTCP=0\r\na=recvonly\r\n"
    )
    return camera(sdp + AUDIO.replace("a=control", "c=IN\r\na=control"))


def sony() -> Script:
    """Three pictures in one line, of which one comes; parameters in several lines."""
    sdp = (
        HEAD + "m=video 0 RTP/AVP 26 105 96\r\na=rtpmap:26 JPEG/90000\r\na=rtpmap:105 MP4V-ES/90000\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
        f"a=fmtp:96 sprop-parameter-sets={SETS}\r\na=control:video\r\n" + AUDIO
    )
    return camera(sdp)


def unifi() -> Script:
    """The sound twice, in two codecs, and lines that many stumble over."""
    sdp = (
        HEAD.replace(
            "t=0 0", "u=www.evostream.com\r\ne=contact@evostream.com\r\nt=0 0\r\na=recvonly\r\na=range:npt=now-"
        )
        + f"{AAC}a=control:audio\r\nm=audio 0 RTP/AVP 99\r\na=recvonly\r\na=rtpmap:99 opus/48000/2\r\na=fmtp:99\r\n"
        "a=control:other\r\n" + VIDEO
    )
    return camera(sdp)


def first_sets(kinds: str) -> str:
    """What a description says of parameter sets that come in the stream, too."""
    sps, pps = units()[:2]
    return {
        "the second is missing": f"{base64(sps)},",
        "in the other order": base64(pps, sps),
        "behind start codes": base64(b"\0\0\0\1" + sps, b"\0\0\0\1" + pps),
        "both in one": base64(sps + b"\0\0\0\1" + pps),
        "of another stream": base64(b"\x67\x42\xc0\x1e\xda\x02\x80\xbf\xe5\x84", b"\x68\xce\x3c\x80"),
        "a line feed within": base64(sps)[:8] + " " + base64(sps)[8:] + "," + base64(pps),
    }[kinds]


def named(kinds: str) -> Script:
    return camera(video=picture(fmtp=f"packetization-mode=1;sprop-parameter-sets={first_sets(kinds)}"))


def h265_named(fmtp: Callable[[bytes, bytes, bytes], str], **settings: Any) -> Script:
    vps, sps, pps = units("h265")[:3]
    return camera(video=picture("h265", fmtp=fmtp(vps, sps, pps), **settings))


def sound_said(change: Callable[[str], str]) -> Script:
    said = change(AUDIO)
    assert said != AUDIO
    return camera(HEAD + VIDEO + said)


DESCRIPTIONS: dict[str, tuple[Script, str]] = {
    "Hikvision": (hikvision(), ""),
    "Dahua with a back channel": (dahua(), ""),
    "Reolink": (reolink(), ""),
    "Bosch": (bosch(), ""),
    "Axis": (axis(), ""),
    "Uniview": (uniview(), ""),
    "Sony": (sony(), ""),
    "UniFi": (unifi(), "of its 2 audio tracks, MPEG4-GENERIC is taken and opus left out"),
    "an attribute in front of its media": (camera("a=tool:x\r\n" + VIDEO + AUDIO), ""),
    "nothing of its formats but their numbers": (
        camera(HEAD + VIDEO.replace("a=rtpmap:96 H264/90000\r\n", "a=fmtp:96 packetization-mode=1\r\n") + AUDIO),
        "",
    ),
    **{
        f"parameter sets: {kinds}": (named(kinds), "")
        for kinds in (
            "the second is missing",
            "in the other order",
            "behind start codes",
            "both in one",
            "of another stream",
            "a line feed within",
        )
    },
    "h265: sets in the description alone": (
        h265_named(
            lambda vps, sps, pps: f"sprop-vps={base64(vps)};sprop-sps={base64(sps)};sprop-pps={base64(pps)}",
            packetise=without_sets("h265"),
        ),
        "",
    ),
    "h265: sets in quotes and rubbish": (
        h265_named(lambda vps, sps, pps: f'sprop-vps="{base64(vps)}"; sprop-sps="AAAA"; sprop-pps="{base64(pps)}"'),
        "",
    ),
    "h265: all sets under one name": (
        h265_named(
            lambda vps, sps, pps: f"sprop-parameter-sets={base64(vps, sps, pps)}", packetise=without_sets("h265")
        ),
        "",
    ),
    "AAC Main": (sound_said(lambda text: text.replace(f"config={CONFIG}", "config=0990")), ""),
    "AAC with more behind its config": (
        sound_said(lambda text: text.replace(f"config={CONFIG}", "config=1190fff15081ffdffc")),
        "",
    ),
    "AAC whose names are in capitals": (
        sound_said(lambda text: text.replace("mode=", "Mode=").replace("config=", "CONFIG=").replace("size", "SIZE")),
        "",
    ),
    "AAC whose parameters stand behind tabs": (sound_said(lambda text: text.replace(";", ";\t")), ""),
    "AAC of half a config": (sound_said(lambda text: text.replace(f"config={CONFIG}", "config=11")), ""),
    "AAC whose config is no hexadecimal": (sound_said(lambda text: text.replace(CONFIG, "0x1190")), ""),
    "AAC whose rate is told otherwise": (
        sound_said(lambda text: text.replace("MPEG4-GENERIC/48000", "mpeg4-generic/16000")),
        "the clock of its audio runs at 48000 Hz, which is not what its description says",
    ),
}

# --- the dialogue -------------------------------------------------------------------------------------------


def moved(asked: Asked, reply: Reply) -> Reply | None:
    """Its stream is at another place of its own."""
    if asked.method == "DESCRIBE" and asked.url.endswith("/stream-one"):
        location = asked.url.removesuffix("/stream-one") + "/live/0"
        return Reply(302, "Moved", {"CSeq": reply.headers["CSeq"], "Location": location})
    return reply


def only_first_names_session(asked: Asked, reply: Reply) -> Reply | None:
    if asked.method == "SETUP" and asked.number:
        del reply.headers["Session"]
    return reply


def early(asked: Asked, reply: Reply) -> Reply | None:
    """The answer to PLAY comes while it plays."""
    if asked.method == "PLAY":
        track = picture()
        reply.before = b"".join(framed(0, packet) for at, packet in track.packets() if at < 0.01)
    return reply


def channels_of_its_own(asked: Asked, reply: Reply) -> Reply | None:
    """It sends sound on others than it was asked for, and says so."""
    if asked.method == "SETUP" and asked.number == 1:
        reply.headers["Transport"] = "RTP/AVP/TCP;unicast;interleaved=8-9;ssrc=2A27A3FB"
    return reply


def at_eight(channel: int, packet: bytes) -> bytes:
    return framed(channel + 6 if channel > 1 else channel, packet)


def unasked(channel: int, packet: bytes) -> bytes:
    """What belongs to nobody comes on a channel that was never set up."""
    return framed(channel, packet) + framed(6, b"\x80\x6b" + packet[2:])


def empty_frames(channel: int, packet: bytes) -> bytes:
    return framed(channel, b"") + framed(channel, packet) + framed(channel, packet[:1])


def answers_twice(asked: Asked, reply: Reply) -> Reply | None:
    if asked.method == "DESCRIBE":
        reply.after = reply.encode()
    return reply


def tells_more(asked: Asked, reply: Reply) -> Reply | None:
    """A body in every answer."""
    if asked.method != "DESCRIBE":
        reply.body = b"<ok/>\r\n"
    return reply


def headers_twice(asked: Asked, reply: Reply) -> Reply | None:
    reply.wire = lambda data: data.replace(b"\r\nSession:", b"\r\nServer: x\r\nServer:\r\nX-A\r\n: y\r\nSession:")
    return reply


def cut_by_chunks(asked: Asked, reply: Reply) -> Reply | None:
    reply.wire = lambda data: b"\0\0" + data
    return reply


def with_session(text: str) -> Rule:
    def rule(asked: Asked, reply: Reply) -> Reply | None:
        return with_header("Session", text)(reply) if "Session" in reply.headers else reply

    return rule


PCMU = attrs.evolve(
    rtp.pcma_track(clips.sound("pcm_mulaw", seconds=SECONDS, rate=8000, channels=1)),
    media="m=audio 0 RTP/AVP 0\r\n",
    payload_type=0,
)

DIALOGUE: dict[str, tuple[Script, str]] = {
    "no name of its session": (camera("", with_session("")), ""),
    "a session named once": (camera("", only_first_names_session), ""),
    "a session of signs": (camera("", with_session("$Ab.c-d_e+f%20;timeout=60")), ""),
    "a session of milliseconds": (camera("", with_session("77;timeout=60000")), ""),
    "a session in quotes": (camera("", with_session('"12345678";timeout="60"')), ""),
    "moved within itself": (camera("", moved), ""),
    "media before the answer to PLAY": (camera("", early), ""),
    "a late answer to PLAY": (
        camera("", on("PLAY", lambda reply: attrs.evolve(reply, delay=0.7))),
        "",
    ),
    "channels of its own": (camera("", channels_of_its_own, wire=at_eight), ""),
    "media that nobody asked for": (camera(wire=unasked), ""),
    "frames without a packet": (camera(wire=empty_frames), ""),
    "frames without a packet beside type 0": (camera(audio=PCMU, wire=empty_frames), ""),
    "a description twice": (camera("", answers_twice), ""),
    "a body in every answer": (camera("", tells_more), ""),
    "headers that are none": (camera("", headers_twice), ""),
    "zeros between its answers": (camera("", cut_by_chunks), ""),
}

ALL = {**DESCRIPTIONS, **DIALOGUE}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    return await watched_together(tmp_path_factory, "brands", {name: script for name, (script, _) in ALL.items()})


@pytest.mark.parametrize("name", ALL)
def test_it_plays_and_what_is_odd_is_told_once(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], ALL[name][1]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes, one.camera.methods())
    assert one.steps() == {40}
    assert one.heard > one.lasting - (0.8 if ENCODED in one.notes else 0.5), one.notes
    assert one.apart < 0.2 + one.late
    notes = [note for note in one.notes if note != ENCODED]
    assert [odd in note for note in notes] == [True] * bool(odd), notes
