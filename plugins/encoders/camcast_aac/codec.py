"""AAC as a codec: bare frames, one AudioSpecificConfig a track, sound format 10 in FLV.

FLV carries AAC as `AF 00` AudioSpecificConfig and `AF 01` frame, whatever rate and channels really are
(Adobe FLV 10.1, E.4.2.1). The Enhanced form (`mp4a`, Enhanced RTMP v2) is what a second sound in one connection is made
from; for the only one none needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.bitstream.audio_format import parse_audio_format
from camcast.errors import MediaError
from camcast.flv.fourcc import audio_form
from camcast.kinds import FlvForm
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import audio_kind
from camcast_aac import adts
from camcast_aac.config import AAC_LC, FREQUENCIES, build_config, parse_config
from camcast_aac.native import ParserState, extension

NAME = "aac"
FRAME_SAMPLES = 1024

# Raw data blocks of AAC-LC with no scale factor band at all: silence at any rate (ISO 14496-3 §4.4.2).
# A single channel element; a channel pair element with a common window. Each ends in ID_END and byte alignment.
_SILENCE = {1: bytes.fromhex("00000007"), 2: bytes.fromhex("21000000001C")}


def track_of(config: bytes) -> Track:
    """The track that an AudioSpecificConfig describes; raises `MediaError`."""
    parsed = parse_config(config)
    return Track(
        kind=MediaKind.AUDIO,
        codec=NAME,
        config=config,
        sample_rate=parsed.sample_rate,
        channels=parsed.channels,
        profile=parsed.profile,
    )


class AacParser(ParserState):
    """Takes raw frames of a known configuration, or ADTS frames, which bring their own."""

    def __init__(self, config: bytes) -> None:
        self._told = b"" if parse_audio_format(config) else config
        self._track: Track | None = track_of(self._told) if self._told else None
        self._fixed_header = b""
        """The ADTS header bits that describe the format, as last seen."""
        self._usual_header = -1
        """The whole fixed part of the last one, by which most frames are known at a glance."""
        self._headers = 0
        """ADTS headers taken off."""

    @property
    def counts(self) -> Mapping[str, int]:
        return {"adts": self._headers} if self._headers else {}

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One frame. Several ADTS frames in one block are refused: `adts.split` takes them apart."""
        payload = data if type(data) is bytes else bytes(data)
        if not payload:
            raise MediaError("empty AAC frame")
        if payload[0] == 0xFF and adts.is_adts(payload):
            if adts.repeats(payload, self._usual_header):
                payload = payload[adts.HEADER_SIZE :]
            else:
                frame = adts.strip(payload)
                self._follow(payload)
                self._usual_header = adts.fixed_part(payload)
                payload = frame
            self._headers += 1
        if self._track is None:
            raise MediaError("raw AAC without AudioSpecificConfig: the source has to bring it, or send ADTS")
        return Packet(self._track, dts, pts, True, payload, False, arrival)

    def _follow(self, frame: bytes) -> None:
        """Take the track from an ADTS header, unless it is as before."""
        fixed = bytes((frame[2] & 0xFD, frame[3] & 0xC0))
        if fixed == self._fixed_header:
            return
        if self._told and not frame[2] & 1 and not frame[3] >> 6 and not parse_config(self._told).channel_configuration:
            # The channels are described in both places, or only where it was told.
            config = self._told
        else:
            config = adts.config_of(frame)
        if self._told and not self._fixed_header and _agrees(self._told, config):
            # What was told may say more than ADTS can: HE-AAC.
            config = self._told
        if self._track is None or config != self._track.config:
            self._track = track_of(config)
        self._fixed_header = fixed


parse_in_python = AacParser.parse
"""The Python form, also where the C form runs, which leaves to it whatever is not ordinary."""

if extension is not None:
    extension.setup(parse_in_python)
    AacParser.parse = extension.ParserState.parse  # type: ignore[method-assign]


def _agrees(told: bytes, config: bytes) -> bool:
    first, second = parse_config(told), parse_config(config)
    return (first.object_type, first.core_rate, first.channel_configuration) == (
        second.object_type,
        second.core_rate,
        second.channel_configuration,
    )


def with_adts(packet: Packet) -> bytes:
    """The packet behind an ADTS header, as MPEG-TS wants it; raises `MediaError` where ADTS cannot tell the format."""
    config, payload = parse_config(packet.track.config), packet.payload
    if not config.channel_configuration and not adts.describes_channels(payload):
        # In each frame, as a receiver may begin with any.
        payload = adts.description(packet.track.config) + payload
    return adts.header(config, len(payload)) + payload


def silence(sample_rate: int, channels: int) -> tuple[Track, bytes, int]:
    """A silent AAC-LC frame of 1024 samples, mono or stereo; raises `MediaError` for other formats."""
    if sample_rate not in FREQUENCIES or channels not in _SILENCE:
        raise MediaError(
            f"no silent AAC at {sample_rate} Hz with {channels} channels: expected a standard rate, 1 or 2"
        )
    return track_of(build_config(AAC_LC, sample_rate, channels)), _SILENCE[channels], FRAME_SAMPLES


LEGACY = FlvForm(
    name="legacy",
    codec_id=10,
    header=lambda track: b"\xaf\x00" + track.config,
    head=lambda track, keyframe, composition: b"\xaf\x01",
)

ENHANCED = audio_form(b"mp4a", lambda track: track.config)

KIND = attrs.evolve(
    audio_kind(
        NAME,
        "AAC (Advanced Audio Coding)",
        AacParser,
        aliases=("mp4a", "mpeg4-generic"),
        flv={"legacy": LEGACY, "enhanced": ENHANCED},
    ),
    annexb=with_adts,
    silence=silence,
)
