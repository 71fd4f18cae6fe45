"""MPEG audio layers I to III. FLV carries layer III as sound format 2 at 44.1, 22.05 and 11.025 kHz.

Those are the only rates that FLV's two rate bits can tell (Adobe FLV 10.1, E.4.2.1).
"""

from __future__ import annotations

from collections import Counter

from camcast.errors import MediaError
from camcast.kinds import CodecKind, FlvForm
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import audio_kind
from camcast_mpegaudio.frame_header import FrameHeader, parse_header, silent_frame

_FLV_RATES = {44100: 3, 22050: 2, 11025: 1}
_SOUND_FORMAT = 2


class MpegAudioParser:
    """Passes frames on and takes the format from their headers."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._track: Track | None = None
        self._format: tuple[int, int, int] = (0, 0, 0)
        self.counts: Counter[str] = Counter()

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One frame; raises `MediaError` for a damaged header or a truncated frame."""
        payload = data if type(data) is bytes else bytes(data)
        header = parse_header(payload)
        if header.size > len(payload):
            raise MediaError(f"truncated MPEG audio frame: {header.size} bytes announced, {len(payload)} came")
        return Packet(self._follow(header), dts, pts, True, payload, False, arrival)

    def _follow(self, header: FrameHeader) -> Track:
        """The track of this header: the same as before while rate, channels and layer stay."""
        seen = (header.sample_rate, header.channels, header.layer)
        if self._track is None or seen != self._format:
            self._format = seen
            self._track = Track(
                kind=MediaKind.AUDIO,
                codec=self._codec,
                sample_rate=header.sample_rate,
                channels=header.channels,
                bitrate=header.bitrate,
                profile="layer " + "I" * header.layer,
            )
        return self._track


def _check(track: Track) -> None:
    if track.sample_rate not in _FLV_RATES:
        raise MediaError(f"MP3 at {track.sample_rate} Hz: FLV carries it at 44100, 22050 and 11025 Hz")


def _flv_head(track: Track, keyframe: bool, composition: int) -> bytes:
    rate = _FLV_RATES.get(track.sample_rate, 3)
    return bytes((_SOUND_FORMAT << 4 | rate << 2 | 0x02 | (track.channels > 1),))


def _kind(name: str, title: str, layer: int, flv: dict[str, FlvForm], *aliases: str) -> CodecKind:
    def silence(sample_rate: int, channels: int) -> tuple[Track, bytes, int]:
        frame = silent_frame(layer, sample_rate, channels)
        packet = MpegAudioParser(name).parse(frame, 0, 0)
        assert packet is not None
        return packet.track, frame, parse_header(frame).samples

    return audio_kind(name, title, lambda config: MpegAudioParser(name), aliases=aliases, flv=flv, silence=silence)


LEGACY = FlvForm(
    name="legacy",
    codec_id=_SOUND_FORMAT,
    header=lambda track: b"",
    head=_flv_head,
    check=_check,
)

KINDS = (
    _kind("mp3", "MP3 (MPEG audio layer III)", 3, {"legacy": LEGACY}, "mp3float", "libmp3lame", ".mp3"),
    _kind("mp2", "MP2 (MPEG audio layer II)", 2, {}, "MPA", "mp2float"),
    _kind("mp1", "MP1 (MPEG audio layer I)", 1, {}, "mp1float"),
)
