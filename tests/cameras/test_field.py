"""Further cameras of the field: each plays elsewhere, plays here, and what is odd about it is told once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from tests.cameras import clips, rtp
from tests.cameras.logins import asking, integrity, one_nonce_each
from tests.cameras.script import Asked, Reply, Rule, Script, framed, on, refused, with_header
from tests.cameras.shared import watched_together
from tests.cameras.usual import FRAMES, SECONDS, camera, picture
from tests.cameras.watch import Watched

pytestmark = pytest.mark.xdist_group("cameras-field")
"""What all tests here share is made once."""

ENCODED = "aac is encoded by aac"
"""What is told of sound that the viewer cannot take."""


def described(change: Callable[[str], str], *rules: Rule, **settings: Any) -> Script:
    script = camera(*rules, **settings)
    script.sdp = change(script.description())
    return script


def replaced(old: str, new: str) -> Script:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return described(change)


# --- words --------------------------------------------------------------------------------------------------


def spelt(change: Callable[[bytes], bytes]) -> Script:
    """What becomes of the bytes of every answer."""
    return camera(lambda asked, reply: attrs.evolve(reply, wire=change))


def lower(data: bytes) -> bytes:
    head, gap, body = data.partition(b"\r\n\r\n")
    first, line, rest = head.partition(b"\r\n")
    fields = [name.lower() + mark + value for name, mark, value in (f.partition(b":") for f in rest.split(b"\r\n"))]
    return first + line + b"\r\n".join(fields) + gap + body


def bare(data: bytes) -> bytes:
    """Bare line feeds, but for the empty line."""
    head, _, body = data.partition(b"\r\n\r\n")
    return head.replace(b"\r\n", b"\n") + b"\n\r\n" + body


def first_line(text: bytes) -> Callable[[bytes], bytes]:
    return lambda data: text + data[data.index(b"\r\n") :] if data.startswith(b"RTSP/1.0 200 OK") else data


def interim(asked: Asked, reply: Reply) -> Reply | None:
    """It says first that it is at it."""
    reply.before = f"RTSP/1.0 100 Continue\r\nCSeq: {asked.headers['cseq']}\r\n\r\n".encode()
    return reply


WORDS: dict[str, tuple[Script, str]] = {
    "headers in lower case": (spelt(lower), ""),
    "no reason": (spelt(first_line(b"RTSP/1.0 200")), ""),
    "a reason in capitals without a space": (spelt(first_line(b"RTSP/1.0 200OK")), ""),
    "version 2.0": (spelt(first_line(b"RTSP/2.0 200 OK")), ""),
    "an empty line of its own kind": (spelt(bare), ""),
    "blank lines between answers": (spelt(lambda data: data + b"\r\n\r\n"), ""),
    "folded headers": (spelt(lambda data: data.replace(b";unicast;", b";unicast;\r\n ")), ""),
    "answers that it is at it": (camera(interim), ""),
    "a session with spaces": (camera(on("SETUP", with_header("Session", " 8765 ; timeout = 60 "))), ""),
    "a session of no seconds": (camera(on("SETUP", with_header("Session", "8765;timeout=0"))), ""),
    "a length with a word": (spelt(lambda data: data.replace(b"\r\n\r\nv=0", b" bytes\r\n\r\nv=0")), ""),
    "a length below nothing": (camera(on("PLAY", with_header("Content-Length", "-1"))), ""),
    "RTP-Info that is wrong": (
        camera(on("PLAY", with_header("RTP-Info", "url=rtsp://x/video;seq=1;rtptime=1,url=;seq=x"))),
        "",
    ),
    "transports in a row": (
        camera(on("SETUP", with_header("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;unicast"), number=0)),
        "",
    ),
    "a range of the clock": (camera(on("PLAY", with_header("Range", "clock=20260101T000000Z-"))), ""),
}

# --- descriptions -------------------------------------------------------------------------------------------


def control_of(base: str, control: str) -> Script:
    """Its tracks are there only where the session's own control says."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if asked.method == "DESCRIBE":
            reply.headers.pop("Content-Base")
        right = asked.url in (f"{control}{track}" for track in ("video", "audio"))
        return reply if asked.method != "SETUP" or right else refused(404)(reply)

    return described(lambda text: text.replace("a=control:*", f"a=control:{control}"), rule)


def queried(asked: Asked, reply: Reply) -> Reply | None:
    """The base has a query, at which its controls hang (Dahua)."""
    if asked.method == "DESCRIBE":
        reply.headers["Content-Base"] = f"{asked.url}?channel=1&subtype=0/"
    wanted = f"?channel=1&subtype=0/{asked.url.rpartition('/')[2]}"
    return refused(404)(reply) if asked.method == "SETUP" and not asked.url.endswith(wanted) else reply


def hikvision() -> Script:
    """The sound's parameters are told of another payload type."""
    return replaced("a=fmtp:97 ", "a=fmtp:105 ")


def without_sizes() -> Script:
    return replaced("sizelength=13;indexlength=3;indexdeltalength=3;", "")


def bad_parameters() -> Script:
    """What it says of its parameter sets is rubbish; the stream brings its own."""
    return camera(video=picture(fmtp="packetization-mode=1; sprop-parameter-sets=6ek=,!!,aGk"))


def unpadded() -> Script:
    sets = ",".join(b64encode(nal).decode().rstrip("=") for nal in rtp.nals(clips.video("h264").units[0].data)[:2])
    return camera(video=picture(fmtp=f"PACKETIZATION-MODE = 1 ; Sprop-Parameter-Sets = {sets} ;"))


DESCRIPTIONS: dict[str, tuple[Script, str]] = {
    "controls behind the session's own": (control_of("", "rtsp://192.0.2.7/live/"), ""),
    "a query behind which controls stand": (camera(queried), ""),
    "a base that ends with a question mark": (
        camera(on("DESCRIBE", lambda r: with_header("Content-Base", r.headers["Content-Base"].rstrip("/") + "?")(r))),
        "",
    ),
    "parameters of another number": (hikvision(), ""),
    "no sizes of AAC": (without_sizes(), ""),
    "only the mode of AAC": (
        described(lambda text: text.partition("streamtype")[0] + "mode=AAC-hbr\r\na=control:audio\r\n"),
        "",
    ),
    "rubbish parameter sets": (bad_parameters(), ""),
    "parameter sets without padding": (unpadded(), ""),
    "no line end at its end": (described(lambda text: text.rstrip("\r\n")), ""),
    "no session lines": (described(lambda text: text[text.index("m=video") :]), ""),
    "a port below nothing": (replaced("m=video 0", "m=video -1353744643"), ""),
    "an application": (
        described(lambda text: text + "m=application/MERCURY 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 MERCURY/90000\r\n"),
        "",
    ),
    "metadata and a back channel": (
        described(
            lambda text: (
                text.replace("m=video 0 RTP/AVP 96\r\n", "m=video 0 RTP/AVP 96\r\na=recvonly\r\n")
                + "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=recvonly\r\n"
                "a=control:meta\r\nm=audio 0 RTP/AVP 0 8\r\na=sendonly\r\na=control:back\r\n"
            )
        ),
        "",
    ),
    "a clock rate of nothing": (replaced("H264/90000", "H264/0"), ""),
    "tabs": (replaced("a=rtpmap:96 H264", "a=rtpmap:96\tH264"), ""),
    "names in small letters": (replaced("H264/90000", "h264/90000"), ""),
    "the map of another number": (replaced("a=rtpmap:96 H264", "a=rtpmap:97 H264"), ""),
    "bytes that are no text": (
        camera(on("DESCRIBE", lambda r: attrs.evolve(r, body=r.body.replace(b"s=-", b"s=\xc9\xe3\xcf\xf1\xbb\xfa")))),
        "",
    ),
}

# --- the dialogue -------------------------------------------------------------------------------------------


def alone(asked: Asked, reply: Reply) -> Reply | None:
    """Each track is played by itself."""
    together = asked.method == "PLAY" and not asked.url.endswith(("video", "audio"))
    return refused(459, "Aggregate Operation Not Allowed")(reply) if together else reply


def hangs_up_at_sound(asked: Asked, reply: Reply) -> Reply | None:
    at_sound = asked.method == "SETUP" and asked.url.endswith("audio")
    return attrs.evolve(reply, close=True, silent=True) if at_sound else reply


def silent_at_sound(asked: Asked, reply: Reply) -> Reply | None:
    return None if asked.method == "SETUP" and asked.url.endswith("audio") else reply


def hangs_up_after_asking(asked: Asked, reply: Reply) -> Reply | None:
    """A 401 is the last word on a connection."""
    answer = asking('Digest realm="cam", nonce="n1", algorithm=MD5')(asked, reply)
    assert answer is not None
    return attrs.evolve(answer, close=answer.status == 401)


def asks(request: str, body: str = "") -> Script:
    """It asks something of its own while it plays, and hangs up where that is not answered."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    text = f"{request} rtsp://x/ RTSP/1.0\r\nCSeq: 9\r\n{length}\r\n{body}"
    return camera(on("PLAY", lambda reply: attrs.evolve(reply, after=text.encode())))


def options_want_a_password(asked: Asked, reply: Reply) -> Reply | None:
    if asked.method != "OPTIONS":
        return reply
    return attrs.evolve(refused(401)(reply), headers={**reply.headers, "WWW-Authenticate": 'Basic realm="x"'})


def good_bye_in_between(script: Script) -> Script:
    """RTCP BYE of all tracks, after which all goes on."""

    def mangle(packets: list[tuple[float, int, bytes]]) -> list[tuple[float, int, bytes]]:
        byes = [(1.0, 2 * number + 1, track.bye()) for number, track in enumerate(script.tracks)]
        return sorted([*packets, *byes], key=lambda packet: packet[0])

    script.mangle = mangle
    return script


def media_in_answers() -> Script:
    """Answers come while it plays, each cut by the packet that comes next, somewhere in its first lines."""
    waiting: list[bytes] = []

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if asked.method != "GET_PARAMETER":
            return reply
        waiting.append(reply.encode())
        return None

    def wire(channel: int, packet: bytes) -> bytes:
        if not waiting:
            return framed(channel, packet)
        answer = waiting.pop()
        return answer[:23] + framed(channel, packet) + answer[23:]

    # It wants a sign of life every second.
    return camera(on("SETUP", with_header("Session", "8765;timeout=3")), rule, wire=wire)


DIALOGUE: dict[str, tuple[Script, str]] = {
    "media in the middle of its answers": (media_in_answers(), "it sends media in the middle of its answers"),
    "tracks are played one by one": (camera(alone), "PLAY for all tracks together is refused (459)"),
    "it hangs up after asking for the password": (
        camera(hangs_up_after_asking, login="user:secret@"),
        "it hangs up after asking for the password",
    ),
    "OPTIONS wants a password that nothing else does": (camera(options_want_a_password), "OPTIONS is refused (401)"),
    "methods in several lines": (
        spelt(lambda data: data.replace(b"PLAY, TEARDOWN,", b"PLAY\r\nPublic: TEARDOWN,")),
        "",
    ),
    "it announces what it plays": (asks("ANNOUNCE"), "it sends ANNOUNCE while it plays"),
    "it redirects and goes on": (asks("REDIRECT"), "it sends REDIRECT while it plays"),
    "it sets a parameter": (asks("SET_PARAMETER", "x: y\r\n"), ""),
    "it says good-bye and goes on": (good_bye_in_between(camera()), "it says good-bye (RTCP BYE) and goes on"),
}

# --- logging in ---------------------------------------------------------------------------------------------


def asked(*rules: Rule) -> Script:
    return camera(*rules, login="user:secret@")


LOGIN: dict[str, tuple[Script, str]] = {
    "a realm in another alphabet": (asked(asking('Digest realm="\udcc9\udce3", nonce="n"')), ""),
    "a realm of UTF-8": (asked(asking('Digest realm="caméra 相机", nonce="n", opaque=""')), ""),
    "two ways to protect": (asked(asking('Digest realm="r", nonce="n", qop="auth,auth-int", opaque="5ccc"')), ""),
    "only what protects the body, too": (asked(integrity), ""),
    "a nonce for each answer": (asked(one_nonce_each), ""),
    "spaces and capitals": (asked(asking('DIGEST REALM = "r" , NONCE = "n" , Stale = "FALSE" , Domain = "/"')), ""),
    "Basic and Digest in one line": (asked(asking('Basic realm="r", Digest realm="r", nonce="n"')), ""),
    "a scheme that nobody knows first": (asked(asking('Negotiate, NTLM, Digest realm="r", nonce="n"')), ""),
}

# --- packets ------------------------------------------------------------------------------------------------

Change = Callable[[int, bytes], list[bytes]]
"""(the packet's place among its track's, an RTP packet) → what goes out instead."""


def changed(change: Change, *, ending: str = "bye") -> Script:
    """A camera whose picture's packets are changed."""
    script = camera(ending=ending)

    def mangle(packets: list[tuple[float, int, bytes]]) -> list[tuple[float, int, bytes]]:
        found, place = [], 0
        for at, which, data in packets:
            new = [data]
            if not which:
                new = change(place, data)
                place += 1
            found += [(at, which, piece) for piece in new]
        return found

    script.mangle = mangle
    return script


def header(data: bytes, first: int, behind: bytes) -> bytes:
    """With these bits set in its first byte, and this behind its header."""
    return bytes((data[0] | first,)) + data[1:12] + behind + data[12:]


def from_another(data: bytes, ssrc: int, numbers: int = 0) -> bytes:
    number = int.from_bytes(data[2:4], "big") + numbers & 0xFFFF
    return data[:2] + number.to_bytes(2, "big") + data[4:8] + ssrc.to_bytes(4, "big") + data[12:]


def behind(seconds: float) -> Callable[[bytes], bool]:
    base = picture().base
    return lambda data: int.from_bytes(data[4:8], "big") - base >= round(seconds * 90_000)


def old_viewer(place: int, data: bytes) -> list[bytes]:
    """Packets for a viewer that has gone come in between (live555 before 2017)."""
    stray = from_another(data, 0xDEAD, 20_000)
    return [data, stray] if place < 400 else [data]


GROUP = 24 / clips.FPS
"""Seconds at which a group begins."""

WRAPPED = attrs.evolve(picture(), sequence=65_500, base=2**32 - 45_000)

PACKETS: dict[str, tuple[Script, str]] = {
    "another name in the middle": (
        changed(lambda n, data: [from_another(data, 77) if behind(0.9)(data) else data], ending="close"),
        "",
    ),
    "begun anew at a keyframe": (
        changed(lambda n, data: [from_another(data, 77, 9000) if behind(GROUP)(data) else data], ending="close"),
        "",
    ),
    "padding": (changed(lambda n, data: [header(data, 0x20, b"") + b"\0\0\0\4"]), ""),
    "two-byte extensions": (changed(lambda n, data: [header(data, 0x10, b"\x10\0\0\2\1\2abcdef")]), ""),
    "an ONVIF extension": (changed(lambda n, data: [header(data, 0x10, b"\xab\xac\0\3" + bytes(12))]), ""),
    "sources that contributed": (changed(lambda n, data: [header(data, 0x02, bytes(8))]), ""),
    "numbers and times that wrap": (camera(video=WRAPPED), ""),
    "packets for a viewer that has gone": (changed(old_viewer), ""),
    "each packet twice": (changed(lambda n, data: [data, data]), ""),
}

# --- units --------------------------------------------------------------------------------------------------


def cut(make: Callable[[list[bytes]], list[bytes]], codec: str = "h264") -> Script:
    """A camera that makes these payloads of a picture's units."""
    return camera(video=picture(codec, packetise=lambda unit: make(rtp.nals(unit))))


def small_and_large(nals: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    return [nal for nal in nals if len(nal) < 300], [nal for nal in nals if len(nal) >= 300]


def stap_b(nals: list[bytes]) -> list[bytes]:
    small, large = small_and_large(nals)
    packets = [b"\x79\0\7" + rtp.stap_a(small)[1:]] if small else []
    for nal in large:
        first, *rest = rtp.fu_a(nal[0], nal[1:])
        # Only the first fragment is an FU-B; what follows its header is the unit's number.
        packets += [bytes((first[0] + 1,)) + first[1:2] + b"\0\7" + first[2:], *rest]
    return packets


def mtap(kind: int, offset: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def make(nals: list[bytes]) -> list[bytes]:
        small, large = small_and_large(nals)
        joined = b"".join(len(nal).to_bytes(2, "big") + b"\0" + offset + nal for nal in small)
        packets = [bytes((0x60 | kind,)) + b"\0\0" + joined] if small else []
        return packets + [piece for nal in large for piece in rtp.fu_a(nal[0], nal[1:])]

    return make


def one_fragment(nals: list[bytes]) -> list[bytes]:
    """Whatever fits is a fragment that begins and ends a unit, which none may be."""
    small, large = small_and_large(nals)
    whole = [bytes((nal[0] & 0xE0 | 28, 0xC0 | nal[0] & 0x1F)) + nal[1:] for nal in small]
    return whole + [piece for nal in large for piece in rtp.fu_a(nal[0], nal[1:])]


def one_fragment_of_265(nals: list[bytes]) -> list[bytes]:
    return [piece for nal in nals for piece in rtp.fu(nal[:2], nal[2:])]


def paci(nals: list[bytes]) -> list[bytes]:
    """Each packet in one that says something of it, which nobody needs."""
    made = []
    for packet in (piece for nal in nals for piece in ([nal] if len(nal) <= 500 else rtp.fu(nal[:2], nal[2:], 500))):
        fields = (packet[0] >> 7) << 15 | (packet[0] >> 1 & 0x3F) << 9 | 3 << 4 | 0b1000
        made.append(bytes((packet[0] & 1 | 50 << 1, packet[1])) + fields.to_bytes(2, "big") + b"abc" + packet[2:])
    return made


def numbered(nals: list[bytes]) -> list[bytes]:
    """H.265 with decoding order numbers: alone, in aggregates, in fragments."""
    small = [nal for nal in nals if len(nal) < 100]
    packets = []
    if len(small) > 1:
        joined = [(b"\0\1" if n == 0 else b"\0") + len(nal).to_bytes(2, "big") + nal for n, nal in enumerate(small)]
        packets.append(b"\x60\x01" + b"".join(joined))
    else:
        packets += [nal[:2] + b"\0\1" + nal[2:] for nal in small]
    for nal in nals:
        if nal not in small:
            first, *rest = rtp.fu(nal[:2], nal[2:])
            packets += [first[:3] + b"\0\1" + first[3:], *rest]
    return packets


def dressed(nals: list[bytes]) -> list[bytes]:
    """A delimiter in front; a filler, an end of sequence and a vendor's unit behind."""
    packets = [b"\x09\xf0", b"\x06\x05\x02ab\x80"]
    packets += [piece for nal in nals for piece in ([nal] if len(nal) <= 500 else rtp.fu_a(nal[0], nal[1:]))]
    return [*packets, b"\x0c\xff\xff\x80", b"\x0a", b"\x1e\x01\x02", b"\x18\0\1\x0b"]


def apart(codec: str) -> Script:
    """Parameter sets with the time of the picture before, each marked as if it were one (Reolink)."""
    video = picture(codec)
    sets = (7, 8) if codec == "h264" else (32, 33, 34)
    payloads: list[rtp.Payload] = []
    for payload in video.payloads:
        kind = payload.data[0] & 0x1F if codec == "h264" else payload.data[0] >> 1 & 0x3F
        if kind in sets and payload.at:
            payload = attrs.evolve(payload, time=payload.time - 3600, marker=True)
        payloads.append(payload)
    return camera(video=attrs.evolve(video, payloads=payloads))


def words_alone() -> Script:
    """Between pictures come units of their own that hold none, with times of their own."""
    video = picture()
    payloads = []
    for number, payload in enumerate(video.payloads):
        payloads.append(payload)
        if payload.marker and number % 3 == 0:
            payloads.append(rtp.Payload(payload.at, payload.time + 900, b"\x06\x05\x02ab\x80"))
    return camera(video=attrs.evolve(video, payloads=payloads))


def two_sets(nals: list[bytes]) -> list[bytes]:
    """A second parameter set of another name beside the one in use: the same bits but for its number."""
    plain = [piece for nal in nals for piece in ([nal] if len(nal) <= 500 else rtp.fu_a(nal[0], nal[1:]))]
    if nals[0][0] & 0x1F != 7:
        return plain
    # pps_id ue(v) 0 is "1"; 2 is "011". All that follows moves by two bits.
    bits = bin(int.from_bytes(b"\1" + nals[1][1:], "big"))[3:]
    other = "011" + bits[1:].rstrip("0")
    other += "0" * (-len(other) % 8)
    return [plain[0], nals[1][:1] + int(other, 2).to_bytes(len(other) // 8, "big"), *plain[1:]]


UNITS: dict[str, tuple[Script, str]] = {
    "STAP-B and FU-B": (cut(stap_b), ""),
    "MTAP16": (cut(mtap(26, b"\0\0")), ""),
    "MTAP24": (cut(mtap(27, b"\0\0\0")), ""),
    "fragments that begin and end": (cut(one_fragment), ""),
    "h265: fragments that begin and end": (cut(one_fragment_of_265, "h265"), ""),
    "h265: PACI": (cut(paci, "h265"), ""),
    "h265: numbered": (
        camera(video=picture("h265", packetise=lambda unit: numbered(rtp.nals(unit)), fmtp="sprop-max-don-diff=2")),
        "",
    ),
    "delimiters, fillers, ends": (cut(dressed), ""),
    "parameter sets apart": (apart("h264"), ""),
    "h265: parameter sets apart": (apart("h265"), ""),
    "units without a picture": (words_alone(), ""),
    "two parameter sets": (cut(two_sets), ""),
}

# --- sound --------------------------------------------------------------------------------------------------


def sounding(clip: clips.Clip, media: str, packetise: rtp.Packetise, clock: int, kind: int, *, each: int = 1) -> Script:
    """`each`: so many units in a packet."""
    payloads = []
    for number in range(0, len(clip.units) - each + 1, each):
        time = number * clip.samples
        data = b"".join(unit.data for unit in clip.units[number : number + each])
        payloads += [rtp.Payload(time / clip.rate, time * clock // clip.rate, piece) for piece in packetise(data)]
    track = rtp.Track("audio", media, payloads, clock=clock, payload_type=kind, ssrc=5, base=99, control="audio")
    # It is made another codec, and nobody sees the picture before that has begun.
    return camera(audio=track, beginning=0.9)


def several_aac(count: int) -> Script:
    """So many frames in a packet."""
    clip = clips.sound("aac", seconds=SECONDS)
    track = rtp.aac_track(clip)
    payloads = []
    for number in range(0, len(clip.units) - count + 1, count):
        some = [unit.data for unit in clip.units[number : number + count]]
        headers = b"".join((len(unit) << 3).to_bytes(2, "big") for unit in some)
        time = number * clip.samples
        data = (16 * count).to_bytes(2, "big") + headers + b"".join(some)
        payloads.append(rtp.Payload(time / clip.rate, time, data))
    return camera(audio=attrs.evolve(track, payloads=payloads))


def ninety() -> Script:
    """AAC whose clock runs at the picture's rate."""
    clip = clips.sound("aac", seconds=SECONDS)
    track = rtp.aac_track(clip)
    track.media = track.media.replace("MPEG4-GENERIC/48000", "MPEG4-GENERIC/90000")
    payloads = [attrs.evolve(payload, time=payload.time * 90 // 48) for payload in track.payloads]
    return camera(audio=attrs.evolve(track, payloads=payloads, clock=90_000))


def latm(unit: bytes) -> list[bytes]:
    """RFC 6416: the frame's size in bytes of 255, then the frame."""
    return [b"\xff" * (len(unit) // 255) + bytes((len(unit) % 255,)) + unit]


def speech(codec: str) -> clips.Clip:
    return clips.sound(codec, seconds=SECONDS, rate=8000, channels=1)


LATM = clips.sound("aac", seconds=SECONDS, rate=16_000, channels=1)
LATM_BITS = f"01{0:013b}{int.from_bytes(LATM.config[:2], 'big'):016b}000{0xFF:08b}000000"
"""StreamMuxConfig (ISO 14496-3 §1.7.3): one frame, program and layer; its AudioSpecificConfig; no more."""
SOUND: dict[str, tuple[Script, str]] = {
    "G.711 with 40 ms in a packet": (
        sounding(speech("pcm_alaw"), "m=audio 0 RTP/AVP 8\r\na=ptime:40\r\n", lambda p: [p], 8000, 8, each=2),
        "",
    ),
    "G.711 by a dynamic number": (
        sounding(
            speech("pcm_mulaw"),
            "m=audio 0 RTP/AVP 100\r\na=rtpmap:100 pcmu/8000/1\r\n",
            lambda p: [p],
            8000,
            100,
        ),
        "",
    ),
    "linear sound at 8 kHz": (
        sounding(
            speech("pcm_s16be"),
            "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 L16/8000\r\n",
            lambda p: [p],
            8000,
            98,
        ),
        "",
    ),
    "Opus": (
        sounding(
            clips.sound("libopus", seconds=SECONDS),
            "m=audio 0 RTP/AVP 99\r\na=rtpmap:99 opus/48000/2\r\na=fmtp:99 sprop-stereo=1\r\n",
            lambda p: [p],
            48_000,
            99,
        ),
        "",
    ),
    "LATM": (
        sounding(
            LATM,
            "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/16000\r\n"
            f"a=fmtp:97 profile-level-id=15; object=2; cpresent=0; config={int(LATM_BITS, 2):012x}\r\n",
            latm,
            16_000,
            97,
        ),
        "",
    ),
    "five frames of AAC in a packet": (several_aac(5), ""),
    "AAC with the picture's clock": (ninety(), ""),
}

WITHOUT = {
    "it hangs up when sound is asked for": (
        camera(hangs_up_at_sound),
        "the camera hangs up when its sound is asked for, which is left out",
    ),
    "it says nothing when sound is asked for": (
        camera(silent_at_sound, options={"connect_timeout": 2.0}),
        "the camera says nothing when its sound is asked for, which is left out",
    ),
    "its sound is encrypted": (
        described(
            lambda text: (
                text.replace("m=audio 0 RTP/AVP", "m=audio 0 RTP/SAVP")
                + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
            )
        ),
        "the camera's sound is left out: it is encrypted (SRTP)",
    ),
    "its sound is nothing that is known": (
        described(lambda text: text.replace("m=audio 0 RTP/AVP 97", "m=audio 0 RTP/AVP 18")),
        "the camera's sound is left out: G729 is not supported",
    ),
}
"""Of which only the picture comes."""
ALL = {**WORDS, **DESCRIPTIONS, **DIALOGUE, **LOGIN, **PACKETS, **UNITS, **SOUND}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    scripts = {name: script for name, (script, _) in (ALL | WITHOUT).items()}
    return await watched_together(tmp_path_factory, "field", scripts)


@pytest.mark.parametrize("name", ALL)
def test_it_plays_and_what_is_odd_is_told_once(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], ALL[name][1]
    assert one.whole(FRAMES), (one.numbers, one.reasons, one.notes, one.camera.methods())
    assert one.steps() == {40}
    # An encoder begins a moment later.
    assert one.heard > one.lasting - (0.7 if ENCODED in one.notes else 0.4), one.notes
    assert one.apart < 0.2 + one.late
    notes = [note for note in one.notes if note != ENCODED]
    assert [odd in note for note in notes] == [True] * bool(odd), notes


@pytest.mark.parametrize("name", WITHOUT)
def test_the_picture_comes_without_sound_and_why_is_told(name: str, watched: dict[str, Watched]) -> None:
    one, odd = watched[name], WITHOUT[name][1]
    # It waits a while for sound that its description names.
    assert one.numbers[-1] == FRAMES - 1, (one.numbers, one.reasons, one.notes)
    assert one.numbers == list(range(one.numbers[0] or 0, FRAMES))
    assert not one.seen.sound
    assert [odd in note for note in one.notes] == [True], one.notes
