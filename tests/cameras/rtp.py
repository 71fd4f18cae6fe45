"""A camera's side of RTP: units into payloads, payloads into packets, written for the tests alone. No I/O.

A `Track` is what a camera sends of one medium: payloads with the moment when each goes out and its RTP time.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from struct import pack

import attrs
import imageio_ffmpeg

from tests.cameras import kept
from tests.cameras.clips import Clip, Unit

MTU = 600
"""Small, so that keyframes come in fragments."""
NTP_1970 = 2_208_988_800


@attrs.frozen
class Payload:
    """One RTP payload. `at`: seconds after PLAY; `time`: RTP units from the track's beginning."""

    at: float
    time: int
    data: bytes = attrs.field(repr=False)
    marker: bool = True
    payload_type: int = -1
    """-1 = the track's."""


@attrs.define
class Track:
    """One medium of a camera. `media`: its `m=` line and attributes without control."""

    kind: str
    media: str
    payloads: Sequence[Payload] = attrs.field(repr=False)
    clock: int = 90_000
    payload_type: int = 96
    ssrc: int = 0x1234
    sequence: int = 1000
    base: int = 3_000_000
    """RTP time of the beginning."""
    reports: Sequence[float] = ()
    """When sender reports go out, seconds after PLAY."""
    wall: Callable[[float], float] = lambda at: 1_700_000_000 + at
    """The camera's wall clock (s since 1970) at a moment, for the reports."""
    control: str = ""

    def packets(self) -> Iterator[tuple[float, bytes]]:
        """(moment, RTP packet)."""
        for number, payload in enumerate(self.payloads):
            yield payload.at, self.packet(payload, number)

    def packet(self, payload: Payload, number: int) -> bytes:
        kind = self.payload_type if payload.payload_type < 0 else payload.payload_type
        second = kind | (0x80 if payload.marker else 0)
        head = pack(
            "!BBHII", 0x80, second, (self.sequence + number) & 0xFFFF, self.base + payload.time & 0xFFFFFFFF, self.ssrc
        )
        return head + payload.data

    def rtcp(self) -> Iterator[tuple[float, bytes]]:
        """(moment, sender report)."""
        for at in self.reports:
            yield at, self.report(at)

    def report(self, at: float) -> bytes:
        wall = self.wall(at) + NTP_1970
        seconds, fraction = int(wall), int(wall % 1 * 2**32)
        time = self.base + round(at * self.clock) & 0xFFFFFFFF
        return pack("!BBHIIIIII", 0x80, 200, 6, self.ssrc, seconds, fraction, time, 0, 0)

    def later(self, packet: bytes, seconds: float) -> bytes:
        """An RTP packet or sender report of this track as if it had been made so much later."""
        moved = round(seconds * self.clock)
        if packet[1] == 200:
            # Where there is no wall clock, it stays zero.
            known = int.from_bytes(packet[8:16], "big")
            wall = known + round(seconds * 2**32) if known else 0
            time = int.from_bytes(packet[16:20], "big") + moved & 0xFFFFFFFF
            return packet[:8] + wall.to_bytes(8, "big") + time.to_bytes(4, "big") + packet[20:]
        time = int.from_bytes(packet[4:8], "big") + moved & 0xFFFFFFFF
        return packet[:4] + time.to_bytes(4, "big") + packet[8:]

    def bye(self) -> bytes:
        return pack("!BBHIBBHI", 0x80, 201, 1, self.ssrc, 0x81, 203, 1, self.ssrc)


def nals(unit: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit."""
    return [piece.rstrip(b"\0") for piece in unit.split(b"\0\0\1") if piece.rstrip(b"\0")]


Packetise = Callable[[bytes], list[bytes]]
"""An access unit as payloads; the last one gets the marker."""


def h264(unit: bytes, mtu: int = MTU) -> list[bytes]:
    """RFC 6184 as most cameras do it: single units, and FU-A for what is larger."""
    found = []
    for nal in nals(unit):
        found += [nal] if len(nal) <= mtu else fu_a(nal[0], nal[1:], mtu)
    return found


def fu_a(header: int, data: bytes, mtu: int = MTU) -> list[bytes]:
    pieces = [data[at : at + mtu - 2] for at in range(0, len(data), mtu - 2)]
    last = len(pieces) - 1
    return [
        bytes((header & 0xE0 | 28, (number == 0) << 7 | (number == last) << 6 | header & 0x1F)) + piece
        for number, piece in enumerate(pieces)
    ]


def stap_a(units: Sequence[bytes]) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in units)


def h265(unit: bytes, mtu: int = MTU) -> list[bytes]:
    """RFC 7798: single units, and FU."""
    found = []
    for nal in nals(unit):
        found += [nal] if len(nal) <= mtu else fu(nal[:2], nal[2:], mtu)
    return found


def fu(header: bytes, data: bytes, mtu: int = MTU) -> list[bytes]:
    pieces = [data[at : at + mtu - 3] for at in range(0, len(data), mtu - 3)]
    last = len(pieces) - 1
    kind = header[0] >> 1 & 0x3F
    return [
        bytes((header[0] & 0x81 | 49 << 1, header[1], (number == 0) << 7 | (number == last) << 6 | kind)) + piece
        for number, piece in enumerate(pieces)
    ]


def aggregate(units: Sequence[bytes]) -> bytes:
    """RFC 7798 §4.4.2."""
    return b"\x60\x01" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in units)


def av1(unit: bytes, mtu: int = MTU) -> list[bytes]:
    """AOM's payload format: each OBU by itself and without its size, in pieces where it is large."""
    packets = []
    for obu in obus(unit):
        pieces = [obu[at : at + mtu - 1] for at in range(0, len(obu), mtu - 1)]
        last = len(pieces) - 1
        packets += [bytes(((n > 0) << 7 | (n < last) << 6 | 0x10,)) + piece for n, piece in enumerate(pieces)]
    return packets


def obus(unit: bytes) -> list[bytes]:
    """The OBUs of a temporal unit without their sizes (AV1 §5.3), all but the delimiter."""
    found, at = [], 0
    while at < len(unit):
        header = unit[at : at + (2 if unit[at] & 4 else 1)]
        at += len(header)
        size = shift = 0
        while True:
            size |= (unit[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not unit[at - 1] & 0x80:
                break
        if header[0] >> 3 != 2:
            found.append(bytes((header[0] & ~2,)) + header[1:] + unit[at : at + size])
        at += size
    return found


def payloads_of(units: Sequence[Unit], packetise: Packetise, clock: int = 90_000) -> list[Payload]:
    """Units sent at their decode times, with their display times."""
    made = []
    for unit in units:
        pieces = packetise(unit.data)
        for number, piece in enumerate(pieces):
            made.append(Payload(unit.dts / 1000, unit.pts * clock // 1000, piece, marker=number == len(pieces) - 1))
    return made


# --- tracks as cameras offer them ---------------------------------------------------------------------------


def video_track(clip: Clip, packetise: Packetise | None = None, *, fmtp: str = "", payload_type: int = 96) -> Track:
    name = {"h264": "H264", "h265": "H265", "av1": "AV1"}[clip.codec]
    media = f"m=video 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {name}/90000\r\n"
    if fmtp:
        media += f"a=fmtp:{payload_type} {fmtp}\r\n"
    made = payloads_of(clip.units, packetise or {"h264": h264, "h265": h265, "av1": av1}[clip.codec])
    return Track("video", media, made, payload_type=payload_type, control="video")


def aac(unit: bytes) -> list[bytes]:
    """RFC 3640, AAC-hbr: one AU header, one frame."""
    return [pack("!HH", 16, len(unit) << 3) + unit]


def aac_track(clip: Clip, packetise: Packetise = aac, *, payload_type: int = 97) -> Track:
    told = (
        f"streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
        f"config={clip.config.hex().upper()}"
    )
    media = (
        f"m=audio 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} MPEG4-GENERIC/{clip.rate}/{clip.channels}\r\n"
        f"a=fmtp:{payload_type} {told}\r\n"
    )
    return _sound_track(clip, media, packetise, clip.rate, payload_type)


def pcma_track(clip: Clip) -> Track:
    return _sound_track(clip, "m=audio 0 RTP/AVP 8\r\n", lambda unit: [unit], clip.rate, 8)


def _sound_track(clip: Clip, media: str, packetise: Packetise, clock: int, payload_type: int) -> Track:
    made = []
    for number, unit in enumerate(clip.units):
        time = number * clip.samples
        made += [Payload(time / clip.rate, time * clock // clip.rate, piece) for piece in packetise(unit.data)]
    return Track(
        "audio", media, made, clock=clock, payload_type=payload_type, ssrc=0x5678, base=77_000, control="audio"
    )


# --- packets that FFmpeg makes -------------------------------------------------------------------------------


_FIRST = 1000
"""The first packet's number, so that a missing one is seen."""
RATES = (8, 4, 1)
"""Times as fast as real time, one after the other until a busy machine loses nothing."""


def by_ffmpeg(
    clip_input: Sequence[str], pictures: bytes, arguments: Sequence[str], clock: int, last: float
) -> tuple[str, list[bytes]]:
    """What FFmpeg's RTP muxer sends of an input: the SDP, and the packets, all of them. An independent sender.

    `last`: seconds after the first packet's at which the last one's time must be, or later.
    """
    for rate in RATES:
        sdp, packets = _sent_by_ffmpeg(rate, clip_input, pictures, arguments)
        sequences = [int.from_bytes(packet[2:4], "big") for packet in packets]
        if sequences == [_FIRST + at for at in range(len(sequences))]:
            break
    else:
        raise AssertionError("packets were lost on the way")
    times = [int.from_bytes(packet[4:8], "big") for packet in packets]
    long = max(time - times[0] & 0xFFFFFFFF for time in times) / clock
    assert long >= last, f"it ends after {long:.3f} s, which should be {last:.3f} s or more"
    assert not pictures or packets[-1][1] & 0x80, "the last picture's end is missing"
    return sdp, packets


def _sent_by_ffmpeg(
    rate: int, clip_input: Sequence[str], pictures: bytes, arguments: Sequence[str]
) -> tuple[str, list[bytes]]:
    packets: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.5)
        port = sock.getsockname()[1]
        over = threading.Event()

        def receive() -> None:
            while True:
                try:
                    packet = sock.recv(65536)
                except TimeoutError:
                    packet = b""
                if packet:
                    packets.append(packet)
                elif over.is_set():
                    return

        # While it sends: the kernel keeps little.
        receiver = threading.Thread(target=receive)
        receiver.start()
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-readrate", str(rate), *clip_input]
        command += arguments
        command += ["-f", "rtp", "-seq", str(_FIRST), f"rtp://127.0.0.1:{port}?rtcpport={port + 1}&pkt_size={MTU}"]
        done = subprocess.run(command, input=pictures, capture_output=True, check=False, timeout=30)
        over.set()
        # An empty packet behind all others, so that it need not wait; it may be lost.
        sock.sendto(b"", sock.getsockname())
        receiver.join()
    assert packets, done.stderr.decode(errors="replace")[-500:]
    assert not done.returncode, done.stderr.decode(errors="replace")[-500:]
    return done.stdout.decode().replace("\r\n", "\n"), packets


def track_by_ffmpeg(
    kind: str, clip_input: Sequence[str], pictures: bytes, arguments: Sequence[str], clock: int = 90_000, *, last: float
) -> Track:
    """A camera's track whose packets FFmpeg made, sent at their RTP times. `last`: see `by_ffmpeg`."""
    asked = (clip_input, zlib.crc32(pictures), arguments, clock, last)
    sdp, packets = kept.value(asked, lambda: by_ffmpeg(clip_input, pictures, arguments, clock, last))
    _, _, media = sdp.partition("m=")
    lines = [line for line in ("m=" + media).splitlines() if line[:2] in ("m=", "a=") and "control" not in line]
    first = int.from_bytes(packets[0][4:8], "big")
    payloads = []
    for packet in packets:
        time = int.from_bytes(packet[4:8], "big") - first & 0xFFFFFFFF
        payloads.append(Payload(time / clock, time, packet[12:], bool(packet[1] & 0x80), payload_type=packet[1] & 0x7F))
    text = "".join(f"{line}\r\n" for line in lines)
    return Track(kind, text, payloads, clock=clock, payload_type=packets[0][1] & 0x7F, control=kind)
