"""Cameras of further reports: what comes between frames, in odd pieces, at times of its own, or by other names."""

from __future__ import annotations

import random
import subprocess
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import attrs
import imageio_ffmpeg
import pytest
import pytest_asyncio

from tests.cameras import clips, kept, rtp, uncompressed
from tests.cameras.script import Asked, Reply, Rule, Script, digest, framed, refused
from tests.cameras.shared import watched_together
from tests.cameras.test_field import ENCODED, cut
from tests.cameras.usual import FRAMES, SECONDS, camera, picture, sound
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field_further")
"""What all tests here share is made once."""


def described(change: Callable[[str], str], *rules: Rule, **settings: Any) -> Script:
    script = camera(*rules, **settings)
    script.sdp = change(script.description())
    assert script.sdp != camera(*rules, **settings).description()
    return script


# --- between frames -----------------------------------------------------------------------------------------


def rubbish(channel: int, packet: bytes) -> bytes:
    """Behind some frames come bytes that belong to nothing (Canon, Axis)."""
    number = int.from_bytes(packet[2:4], "big")
    if channel % 2 or number % 25:
        return framed(channel, packet)
    noise = random.Random(number).randbytes(60).replace(b"$", b"").replace(b"R", b"")
    return framed(channel, packet) + noise


def first_of_second_group() -> int:
    """The number of a packet in the middle of the second group."""
    track = picture()
    at = next(n for n, payload in enumerate(track.payloads) if payload.at >= 0.7)
    return track.sequence + at


def half_written(again: bool) -> Callable[[int, bytes], bytes]:
    """One frame is written in part only, and the rest never, or the whole once more (live555 and a full socket)."""
    place = first_of_second_group()

    def wire(channel: int, packet: bytes) -> bytes:
        whole = framed(channel, packet)
        if channel or int.from_bytes(packet[2:4], "big") != place:
            return whole
        return whole[: len(whole) // 2] + (whole if again else b"")

    return wire


# --- packets ------------------------------------------------------------------------------------------------


FAR = 20
"""Pictures."""


def far_times(seconds: float) -> Script:
    """The last of so many pictures has a time that is hours off (Intelbras)."""
    video = picture()
    moved = [
        attrs.evolve(p, time=p.time + round(seconds * 90_000)) if (p.time // 3600) % FAR == FAR - 1 else p
        for p in video.payloads
    ]
    return camera(video=attrs.evolve(video, payloads=moved))


def with_reports(*packets: Callable[[rtp.Track], bytes]) -> Script:
    """These come beside the picture, four times in all."""
    script = camera()

    def mangle(found: list[tuple[float, int, bytes]]) -> list[tuple[float, int, bytes]]:
        more = [(0.5 + 0.4 * turn, 1, packet(script.tracks[0])) for turn in range(4) for packet in packets]
        return sorted([*found, *more], key=lambda item: item[0])

    script.mangle = mangle
    return script


def foreign_bye(track: rtp.Track) -> bytes:
    return b"\x81\xcb\0\x01" + b"\xde\xad\xbe\xef"


def rubbish_reports(track: rtp.Track) -> bytes:
    return b"\x80\xc8\xff\xff" + track.ssrc.to_bytes(4, "big") + b"\x01\x02"


def extended_reports(track: rtp.Track) -> bytes:
    ssrc = track.ssrc.to_bytes(4, "big")
    return b"\x80\xcf\0\x01" + ssrc + b"\x80\xcc\0\x02" + ssrc + b"name" + b"\x80\xcd\0\x02" + ssrc + bytes(4)


def long_words(codec: str) -> rtp.Packetise:
    """3 kB of words in front of each keyframe, in fragments."""
    cut_up = {"h264": rtp.h264, "h265": rtp.h265}[codec]

    def packetise(unit: bytes) -> list[bytes]:
        nals = rtp.nals(unit)
        keyframe = len(nals) > 1
        head = b"\x06\x05" if codec == "h264" else b"\x4e\x01\x05"
        words = head + b"\xff" * 12 + b"\x0a" + b"w" * (255 * 12 + 10) + b"\x80"
        return cut_up(b"".join(b"\0\0\0\1" + nal for nal in ([words, *nals] if keyframe else nals)))

    return packetise


def stuffed(nals: list[bytes]) -> list[bytes]:
    """Zero words behind each slice (§7.3.2.10)."""
    made = []
    for nal in nals:
        data = nal + b"\0\0\3" * 4 if nal[0] & 0x1F in (1, 5) else nal
        made += [data] if len(data) <= rtp.MTU else rtp.fu_a(data[0], data[1:])
    return made


def whole_units(codec: str) -> Script:
    """Each unit in one packet, however large."""
    cut_up = {"h264": rtp.h264, "h265": rtp.h265}[codec]
    return camera(video=picture(codec, packetise=lambda unit: cut_up(unit, 65_000)))


def in_fields(apart: int) -> Script:
    """Each picture comes as two fields, each marked as a picture, the second with a time of its own."""
    shape = uncompressed.Shape(clips.SIZE, fields=True)
    units = list(uncompressed.stream([clips.picture(number) for number in range(FRAMES)], shape))
    payloads = []
    for number, unit in enumerate(units):
        fields: list[list[bytes]] = [[]]
        for nal in rtp.nals(unit):
            if fields[-1] and any(one[0] & 0x1F in (1, 5) for one in fields[-1]):
                fields.append([])
            fields[-1].append(nal)
        for place, field in enumerate(fields):
            pieces = rtp.h264(b"".join(b"\0\0\0\1" + nal for nal in field), 60_000)
            for at, piece in enumerate(pieces):
                time = number * 3600 + place * apart
                payloads.append(rtp.Payload(time / 90_000, time, piece, marker=at == len(pieces) - 1))
    media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    return camera(video=rtp.Track("video", media, payloads, control="video"))


def another_size() -> Script:
    """The picture becomes larger while it plays."""
    small, large = clips.video("h264", frames=36), clips.video("h264", frames=24, first=36, size=(192, 112))
    later = tuple(attrs.evolve(unit, dts=unit.dts + 1440, pts=unit.pts + 1440) for unit in large.units)
    return camera(video=rtp.video_track(attrs.evolve(small, units=small.units + later)))


# --- parameter sets -----------------------------------------------------------------------------------------


def sets_told(*places: int, left_out: tuple[int, ...]) -> Script:
    """The description tells these of its parameter sets, the stream lacks those."""
    sets = [nal for nal in rtp.nals(clips.video("h264", frames=FRAMES).units[0].data) if nal[0] & 0x1F in (7, 8)]
    told = ",".join(b64encode(sets[place]).decode() for place in places)

    def packetise(unit: bytes) -> list[bytes]:
        kept = [nal for nal in rtp.nals(unit) if nal[0] & 0x1F not in left_out]
        return rtp.h264(b"".join(b"\0\0\0\1" + nal for nal in kept))

    return camera(video=picture(packetise=packetise, fmtp=f"packetization-mode=1;sprop-parameter-sets={told}"))


# --- the dialogue -------------------------------------------------------------------------------------------


def no_empty_session(asked: Asked, reply: Reply) -> Reply | None:
    return refused(400)(reply) if asked.headers.get("session") == "" else reply


def with_password(asked: Asked, reply: Reply) -> Reply | None:
    """Its base holds a name and a password (Hikvision)."""
    if asked.method == "DESCRIBE":
        reply.headers["Content-Base"] = asked.url.replace("rtsp://", "rtsp://admin:hidden-word@") + "/"
    return reply


def controls_with_password(text: str) -> str:
    for track in ("video", "audio"):
        text = text.replace(f"a=control:{track}", f"a=control:rtsp://admin:hidden-word@127.0.0.1/stream-one/{track}")
    return text


def other_ports(asked: Asked, reply: Reply) -> Reply | None:
    """It names ports and a sender that it does not use (Freebox)."""
    if asked.method == "SETUP":
        reply.headers["Transport"] += ";server_port=6000-6001;ssrc=1"
    return reply


def only(word: str) -> Rule:
    """Media comes in this way alone, or SETUP is refused."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        other = asked.method == "SETUP" and word not in asked.headers["transport"]
        return refused(461, "Unsupported Transport")(reply) if other else reply

    return rule


# --- logging in ---------------------------------------------------------------------------------------------


def unquoted(asked: Asked, reply: Reply) -> Reply | None:
    """What is no text must not stand in quotes (Amcrest)."""
    given = asked.headers.get("authorization", "")
    quoted = [name for name in ("qop", "nc", "algorithm", "stale") if f'{name}="' in given]
    if digest(asked, "user", "secret") and not quoted:
        return reply
    offer = 'Digest realm="Login to AMC0",qop="auth",nonce="203186416",opaque="fcc93b",algorithm=MD5'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


def empty_password(asked: Asked, reply: Reply) -> Reply | None:
    if digest(asked, "admin", ""):
        return reply
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": 'Digest realm="r", nonce="n"'})


def bare_basic(asked: Asked, reply: Reply) -> Reply | None:
    if asked.headers.get("authorization") == "Basic dXNlcjpzZWNyZXQ=":
        return reply
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": "Basic"})


def other_realms(asked: Asked, reply: Reply) -> Reply | None:
    """A realm for each of its tracks."""
    realm = asked.url.rpartition("/")[2] or "all"
    given = asked.headers.get("authorization", "")
    if digest(asked, "user", "secret") and f'realm="{realm}"' in given:
        return reply
    offer = f'Digest realm="{realm}", nonce="n-{realm}"'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


def sess(asked: Asked, reply: Reply) -> Reply | None:
    offer = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess, Digest realm="r", nonce="n", qop="auth"'
    if digest(asked, "user", "secret"):
        return reply
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


# --- sound --------------------------------------------------------------------------------------------------


def aac_sdp(change: Callable[[str], str], packetise: rtp.Packetise = rtp.aac) -> Script:
    track = rtp.aac_track(clips.sound("aac", seconds=SECONDS), packetise)
    before = track.media
    track.media = change(before)
    assert track.media != before or packetise is not rtp.aac
    return camera(audio=track)


def only_sizes(unit: bytes) -> list[bytes]:
    """One AU header of 13 bits."""
    return [b"\0\x0d" + (len(unit) << 3).to_bytes(2, "big") + unit]


def pieces(unit: bytes) -> list[bytes]:
    """Each frame in pieces, which all say how large it is."""
    head = b"\0\x10" + (len(unit) << 3).to_bytes(2, "big")
    return [head + unit[at : at + 70] for at in range(0, len(unit), 70)]


def pcm(codec: str, name: str, rate: int, channels: int) -> Script:
    clip = clips.sound(codec, seconds=SECONDS, rate=rate, channels=channels)
    media = f"m=audio 0 RTP/AVP 98\r\na=rtpmap:98 {name}/{rate}{f'/{channels}' if channels > 1 else ''}\r\n"
    return encoded(rtp._sound_track(clip, media, lambda unit: [unit], rate, 98))


def encoded(track: rtp.Track) -> Script:
    """It is made another codec, and nobody sees the picture before that has begun."""
    return camera(audio=track, beginning=0.9)


LATM = clips.sound("aac", seconds=SECONDS, rate=16_000, channels=1)


def latm_unit(unit: bytes) -> bytes:
    return b"\xff" * (len(unit) // 255) + bytes((len(unit) % 255,)) + unit


def latm(told: str, packetise: rtp.Packetise, fmtp: int = 97) -> Script:
    media = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/16000/1\r\na=fmtp:{fmtp} profile-level-id=15; {told}\r\n"
    payloads = []
    for number, unit in enumerate(LATM.units):
        time = number * LATM.samples
        payloads += [rtp.Payload(time / LATM.rate, time, piece) for piece in packetise(unit.data)]
    return camera(audio=rtp.Track("audio", media, payloads, clock=16_000, payload_type=97, ssrc=5, control="audio"))


AMR_EACH = 5
"""Frames of 20 ms in a packet."""


def amr_frames() -> list[bytes]:
    """Of 12.2 kbit/s, each behind the byte that says so."""
    made = ("-f", "lavfi", "-i", f"sine=f=440:r=8000:d={SECONDS}", "-af", "volume=6", "-c:a", "libopencore_amrnb")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *made, "-b:a", "12.2k", "-ac", "1"]
    command += ["-f", "amr", "-"]
    data: bytes = kept.value(command[1:], lambda: subprocess.run(command, capture_output=True, check=True).stdout)
    data = data.removeprefix(b"#!AMR\n")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def octets(frames: list[bytes]) -> bytes:
    """RFC 4867 §4.4, octet-aligned: a mode that is asked for, the frames' kinds, the frames."""
    kinds = [frame[0] | 0x80 for frame in frames[:-1]] + [frames[-1][0]]
    return b"\xf0" + bytes(kinds) + b"".join(frame[1:] for frame in frames)


def few_bits(frames: list[bytes]) -> bytes:
    """RFC 4867 §4.3, bandwidth-efficient: the same without a bit in between; a frame has 244."""
    bits = "1111"
    for number, frame in enumerate(frames):
        bits += f"{int(number < len(frames) - 1)}{frame[0] >> 3 & 15:04b}1"
    bits += "".join(f"{int.from_bytes(frame[1:], 'big'):0248b}"[:244] for frame in frames)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def amr(pack: Callable[[list[bytes]], bytes]) -> Script:
    frames = amr_frames()
    aligned = "a=fmtp:97 octet-align=1\r\n" if pack is octets else ""
    payloads = []
    for number in range(0, len(frames), AMR_EACH):
        time = number * 160
        payloads.append(rtp.Payload(time / 8000, time, pack(frames[number : number + AMR_EACH]), marker=not number))
    media = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 AMR/8000/1\r\n{aligned}"
    return encoded(rtp.Track("audio", media, payloads, clock=8000, payload_type=97, ssrc=5, control="audio"))


GROUP = ("239.255.77.1", 41_000)
CASES: dict[str, tuple[Script, str]] = {
    "rubbish between frames": (camera(wire=rubbish), ""),
    "good-bye of somebody else": (with_reports(foreign_bye), ""),
    "reports of other kinds, or none": (with_reports(rubbish_reports, extended_reports), ""),
    "long words": (camera(video=picture(packetise=long_words("h264"))), ""),
    "h265: long words": (camera(video=picture("h265", packetise=long_words("h265"))), ""),
    "zero words": (cut(stuffed), ""),
    "packets of whole units": (whole_units("h264"), ""),
    "h265: packets of whole units": (whole_units("h265"), ""),
    "in fields at one time": (in_fields(0), ""),
    "in fields": (in_fields(1800), ""),
    "another size": (another_size(), ""),
    "the second set in the description alone": (sets_told(0, 1, left_out=(8,)), ""),
    "the first set in the description alone": (sets_told(0, left_out=(7,)), ""),
    "no empty session": (camera(no_empty_session), ""),
    "a password in its base": (camera(with_password), ""),
    "a password in its controls": (described(controls_with_password), ""),
    "a description of 40 kB": (described(lambda text: text + "a=x:" + "y" * 40_000 + "\r\n"), ""),
    "ports that it does not use": (camera(other_ports, options={"transport": "udp"}), ""),
    "to a group when asked": (camera(only("multicast"), group=GROUP), "TCP; UDP is tried"),
    "to a group unasked": (camera(only("client_port"), group=("239.255.77.2", 41_010)), "TCP; UDP is tried"),
    "to a group, as it is set": (
        camera(only("multicast"), group=("239.255.77.3", 41_020), options={"transport": "multicast"}),
        "",
    ),
    "unquoted": (camera(unquoted, login="user:secret@"), ""),
    "an empty password": (camera(empty_password, login="admin:@"), ""),
    "Basic without a realm": (camera(bare_basic, login="user:secret@"), ""),
    "a realm for each track": (camera(other_realms, login="user:secret@"), ""),
    "MD5-sess first": (camera(sess, login="user:secret@"), "login by Digest MD5-SESS is refused though offered"),
    "AAC of sizes alone": (
        aac_sdp(
            lambda text: (
                text.replace("a=fmtp:97 ", "a=fmtp: 97 ")
                .replace(";indexlength=3;indexdeltalength=3", "")
                .replace("streamtype=5", "streamtype=3")
            ),
            only_sizes,
        ),
        "",
    ),
    "AAC in pieces": (aac_sdp(lambda text: text, pieces), ""),
    "LATM without a config": (latm("cpresent=0;config=", lambda unit: [latm_unit(unit)], 40), ""),
    "G.711 at 16 kHz": (pcm("pcm_alaw", "PCMA", 16_000, 1), ""),
    "linear sound in stereo": (pcm("pcm_s16be", "L16", 48_000, 2), ""),
    "AMR": (amr(octets), ""),
    "AMR of few bits": (amr(few_bits), ""),
}
FURTHER: dict[str, Script] = {
    "a frame written twice, once in part": camera(wire=half_written(True)),
    "a frame written in part": camera(wire=half_written(False)),
    "a picture hours ago": far_times(-9800),
    "a picture hours ahead": far_times(37_600),
    "sound alone": Script([sound()]),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    scripts = {name: script for name, (script, _) in CASES.items()}
    return await watched_together(tmp_path_factory, "field_further", scripts | FURTHER)


@pytest.mark.parametrize("name", CASES)
def test_it_plays_and_what_is_odd_is_told(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], CASES[name][1]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes, one.camera.methods())
    assert one.steps() == {40}
    assert one.heard > one.lasting - (0.7 if ENCODED in one.notes else 0.4), one.notes
    assert one.apart < 0.2 + one.late
    notes = [note for note in one.notes if note != ENCODED]
    assert bool(notes) == bool(odd), notes
    assert any(odd in note for note in notes) == bool(odd), notes
    assert "hidden-word" not in str([*notes, *one.reasons])


def test_who_sends_to_a_group_is_told_of(watched: dict[str, Watched]) -> None:
    assert any("UDP; MULTICAST is tried" in note for note in watched["to a group when asked"].notes)
    assert any("a group (multicast), which is listened to" in note for note in watched["to a group unasked"].notes)


@pytest.mark.parametrize("name", [name for name in FURTHER if "written" in name])
def test_what_was_written_in_part_ends_nothing(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert "RTCP BYE" in one.reasons[0], one.reasons
    # The picture is right again with the next group.
    assert one.numbers[-36:] == list(range(24, FRAMES)), one.numbers


@pytest.mark.parametrize("name", [name for name in FURTHER if "hours" in name])
def test_a_picture_with_a_time_hours_off_moves_none_by_more_than_itself(name: str, watched: dict[str, Watched]) -> None:
    one = watched[name]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes)
    begin = (one.numbers[0] or 0) + 12
    shown = [picture for picture in one.seen.pictures if (picture.number or 0) >= begin]
    moved = [picture.time - (picture.number or 0) / clips.FPS for picture in shown]
    assert max(moved) - min(moved) < 0.06 + 2 * one.late, moved
    assert one.apart < 0.2 + one.late


def test_sound_alone_is_heard(watched: dict[str, Watched]) -> None:
    one = watched["sound alone"]
    assert not one.seen.pictures
    assert one.heard > SECONDS - 0.4, one.notes
