"""What PAT and PMT say (ISO/IEC 13818-1 §2.4.4.3, §2.4.4.8): programmes, and what each is made of. Pure."""

from __future__ import annotations

import attrs

from camcast.media import MediaKind

_VIDEO, _AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
_FIRST_PID, _NULL_PID = 0x10, 0x1FFF
"""Those below and this one carry no media."""
_PRIVATE = 0x06
_REGISTRATION, _EXTENSION, _OPUS_CHANNELS = 0x05, 0x7F, 0x80

_TYPES: dict[int, tuple[MediaKind, str, str]] = {
    0x01: (_VIDEO, "", "MPEG-1 video"),
    0x02: (_VIDEO, "", "MPEG-2 video"),
    0x03: (_AUDIO, "", "MPEG-1 audio"),
    0x04: (_AUDIO, "", "MPEG-2 audio"),
    0x0F: (_AUDIO, "aac", "AAC"),
    0x10: (_VIDEO, "", "MPEG-4 part 2"),
    0x11: (_AUDIO, "", "AAC in LATM"),
    0x1B: (_VIDEO, "h264", "H.264"),
    0x21: (_VIDEO, "", "JPEG 2000"),
    0x24: (_VIDEO, "h265", "H.265"),
    0x33: (_VIDEO, "", "H.266"),
    0x81: (_AUDIO, "", "AC-3"),
    0x82: (_AUDIO, "", "DTS"),
    0x83: (_AUDIO, "", "TrueHD"),
    0x84: (_AUDIO, "", "E-AC-3"),
    0x87: (_AUDIO, "", "E-AC-3"),
    0xEA: (_VIDEO, "", "VC-1"),
}
"""By stream_type: kind, our codec ("" = not taken) and its usual name. What is not here is data."""
_REGISTERED: dict[bytes, tuple[MediaKind, str, str]] = {
    b"AC-3": (_AUDIO, "", "AC-3"),
    b"AV01": (_VIDEO, "", "AV1"),
    b"BSSD": (_AUDIO, "", "SMPTE 302M"),
    b"EAC3": (_AUDIO, "", "E-AC-3"),
    b"HEVC": (_VIDEO, "h265", "H.265"),
    b"Opus": (_AUDIO, "opus", "Opus"),
    b"VP09": (_VIDEO, "", "VP9"),
}
"""The same for private data, by its registration descriptor."""
_DESCRIBED = {0x6A: (_AUDIO, "", "AC-3"), 0x7A: (_AUDIO, "", "E-AC-3"), 0x7B: (_AUDIO, "", "DTS")}
"""The same by a descriptor of DVB's (ETSI EN 300 468 annex D)."""


@attrs.frozen
class Elementary:
    """One track of a programme."""

    pid: int
    kind: MediaKind
    codec: str
    """"" = it is not taken."""
    name: str
    """Of the codec, for people."""
    channels: int = 0
    """0 = not told."""


def programmes(pat: bytes) -> dict[int, int]:
    """PIDs of PMTs by programme, of a sound section; empty where it is none."""
    if pat[0] != 0x00:
        return {}
    found = {}
    for at in range(8, len(pat) - 7, 4):
        number, pid = int.from_bytes(pat[at : at + 2], "big"), int.from_bytes(pat[at + 2 : at + 4], "big") & 0x1FFF
        # Programme 0 is the network's table.
        if number and _FIRST_PID <= pid < _NULL_PID:
            found[number] = pid
    return found


def number_of(pmt: bytes) -> int:
    """The programme that a sound section describes; 0 = it is no PMT."""
    return int.from_bytes(pmt[3:5], "big") if pmt[0] == 0x02 else 0


def elements(pmt: bytes) -> list[Elementary]:
    """The tracks of a programme, of a sound section; those that a length leads out of it are left out."""
    found = []
    at, end = 12 + (int.from_bytes(pmt[10:12], "big") & 0x0FFF), len(pmt) - 4
    while at + 5 <= end:
        stream_type, pid = pmt[at], int.from_bytes(pmt[at + 1 : at + 3], "big") & 0x1FFF
        begin = at + 5
        at = begin + (int.from_bytes(pmt[begin - 2 : begin], "big") & 0x0FFF)
        if at > end:
            break
        known = _known(pid, stream_type, _descriptors(pmt[begin:at]))
        if known is not None and _FIRST_PID <= pid < _NULL_PID:
            found.append(known)
    return found


def _known(pid: int, stream_type: int, descriptors: list[tuple[int, bytes]]) -> Elementary | None:
    """None for data."""
    what = _TYPES.get(stream_type)
    channels = 0
    if stream_type == _PRIVATE:
        for tag, body in descriptors:
            if tag == _REGISTRATION:
                what = _REGISTERED.get(body[:4], what)
            elif tag == _EXTENSION and len(body) == 2 and body[0] == _OPUS_CHANNELS:
                channels = body[1]
            else:
                what = _DESCRIBED.get(tag, what)
    if what is None:
        return None
    kind, codec, name = what
    if codec == "opus" and channels > 2:
        return Elementary(pid, kind, "", f"Opus with {channels} channels")
    return Elementary(pid, kind, codec, name, channels)


def _descriptors(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + data[at + 1]
        found.append((data[at], data[at + 2 : end]))
        at = end
    return found
