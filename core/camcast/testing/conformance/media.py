"""Media for plugins under test, made by whatever codecs and encoders are installed: pictures, a tone, packets, tags."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from camcast.contracts import EncoderSettings
from camcast.errors import EncoderError
from camcast.flv.packer import TagPacker
from camcast.host import PluginHost
from camcast.kinds import Acceptance, CodecKind, Confidence, EncoderKind, FlvForm, Payload
from camcast.media import NS_PER_MS, NS_PER_S, RAW, Frame, MediaKind, Packet, Track, Unit

SECONDS = 2.0
SIZE = (320, 240)
RATE = 25
SAMPLES = 48_000


@attrs.frozen
class Media:
    """Tracks and their packets in order of decoding, from 0 on."""

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...] = attrs.field(repr=False)

    def units(self, host: PluginHost, payload: Payload, forms: Mapping[MediaKind, str]) -> list[Unit]:
        """What a transport is handed, headers first."""
        if payload is Payload.PACKETS:
            return list(self.packets)
        chosen: dict[MediaKind, FlvForm] = {}
        for track in self.tracks:
            known = host.codec(track.codec).flv
            chosen[track.kind] = known.get(forms.get(track.kind, "")) or next(iter(known.values()))
        packer = TagPacker(self.tracks, chosen)
        return [*packer.headers(0), *(packer.tag(packet) for packet in self.packets)]


def pictures(seconds: float = SECONDS, size: tuple[int, int] = SIZE, rate: float = RATE) -> Iterator[Frame]:
    """A moving picture with noise, so that it costs bits as a camera's does."""
    import av
    import numpy as np

    width, height = size
    track = Track(kind=MediaKind.VIDEO, codec=RAW, width=width, height=height, frame_rate=rate)
    noise = np.random.default_rng(1).integers(0, 40, (height + 64, width + 64), dtype=np.uint8)
    ramp = (np.arange(width, dtype=np.uint16)[None, :] + np.arange(height, dtype=np.uint16)[:, None]) % 160 + 16
    grey = np.full((height // 2, width), 128, dtype=np.uint8)
    for number in range(round(seconds * rate)):
        x, y = (number * 7) % 64, (number * 13) % 64
        luma = (np.roll(ramp, 3 * number, axis=1) + noise[y : y + height, x : x + width]).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(np.concatenate([luma, grey]), format="yuv420p")
        yield Frame(track, round(number * NS_PER_S / rate), picture, time.monotonic_ns())


def sound(seconds: float = SECONDS, rate: int = SAMPLES, channels: int = 2) -> Iterator[Frame]:
    """A tone in blocks of 20 ms."""
    import av
    import numpy as np

    track = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=rate, channels=channels)
    block = rate // 50
    for start in range(0, round(seconds * rate), block):
        at = (start + np.arange(block)) / rate
        wave = (np.sin(2 * np.pi * 440 * at) * 8000).astype(np.int16)
        layout = "mono" if channels == 1 else "stereo"
        data = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None, :], format="s16", layout=layout)
        data.sample_rate, data.pts, data.time_base = rate, start, Fraction(1, rate)
        yield Frame(track, start * NS_PER_S // rate, data, time.monotonic_ns())


def settings_for(codec: CodecKind, **changes: Any) -> EncoderSettings:
    """Small and quick."""
    if codec.media is MediaKind.VIDEO:
        width, height = SIZE
        plain = EncoderSettings(width=width, height=height, frame_rate=RATE, bitrate=800_000, gop=1.0)
    else:
        plain = EncoderSettings(sample_rate=SAMPLES, channels=2, bitrate=96_000)
    return attrs.evolve(plain, **changes)


def frames_for(codec: CodecKind, seconds: float = SECONDS) -> Iterator[Frame]:
    return pictures(seconds) if codec.media is MediaKind.VIDEO else sound(seconds)


def encode(codec: CodecKind, kind: EncoderKind, seconds: float = SECONDS, **changes: Any) -> list[Packet]:
    """Packets of a codec, by one of its encoders. Raises `EncoderError`."""
    encoder = kind.open(settings_for(codec, **changes))
    try:
        packets = [packet for frame in frames_for(codec, seconds) for packet in encoder.encode(frame)]
        return packets + encoder.flush()
    finally:
        encoder.close()


def software_encoders(host: PluginHost, codec: CodecKind) -> list[EncoderKind]:
    ours = [kind for kind in host.encoders.values() if kind.codec == codec.name and not kind.hardware]
    return sorted(ours, key=lambda kind: -kind.priority)


_made: dict[tuple[str, ...], Media] = {}


def media_for(host: PluginHost, acceptance: Acceptance, payload: Payload) -> tuple[Media, dict[MediaKind, str]]:
    """Media that a target takes, one track of each kind where an encoder for it is installed, and the FLV forms."""
    chosen: list[tuple[CodecKind, EncoderKind]] = []
    for kind in (MediaKind.VIDEO, MediaKind.AUDIO):
        found = _choose(host, acceptance, payload, kind)
        if found is not None:
            chosen.append(found)
    if not chosen:
        raise EncoderError("no installed encoder makes anything that this target accepts; bring media of your own")
    key = tuple(encoder.name for _, encoder in chosen)
    if key not in _made:
        packets = [packet for codec, encoder in chosen for packet in encode(codec, encoder)]
        first = min(packet.dts for packet in packets)
        for packet in packets:
            packet.dts -= first
            packet.pts -= first
        packets.sort(key=lambda packet: packet.dts)
        tracks = {packet.track.kind: packet.track for packet in reversed(packets)}
        _made[key] = Media(tuple(tracks.values()), tuple(packets))
    forms = {codec.media: acceptance.take(codec.name).form for codec, _ in chosen}
    return _made[key], forms


def _choose(
    host: PluginHost, acceptance: Acceptance, payload: Payload, kind: MediaKind
) -> tuple[CodecKind, EncoderKind] | None:
    fallback = acceptance.fallback.get(kind, "")
    ours = [codec for codec in host.codecs.values() if codec.media is kind]
    ours.sort(key=lambda codec: (codec.name != fallback, acceptance.take(codec.name).confidence is Confidence.UNKNOWN))
    best: tuple[int, CodecKind, EncoderKind] | None = None
    for codec in ours:
        if acceptance.take(codec.name).confidence is Confidence.NO or (payload is Payload.TAGS and not codec.flv):
            continue
        for encoder in software_encoders(host, codec):
            rank = encoder.priority + (1000 if codec.name == fallback else 0)
            if best is None or rank > best[0]:
                best = (rank, codec, encoder)
    return (best[1], best[2]) if best else None


def repeated(units: Sequence[Unit], media: Media) -> Iterator[tuple[Unit, int]]:
    """Units and the ms at which they are sent, without end: after the last comes the first packet again, later.

    Media is the same object each time; only the time that a transport is given goes on.
    """
    length = (max(packet.dts for packet in media.packets) + 40 * NS_PER_MS) // NS_PER_MS
    bodies = [unit for unit in units if isinstance(unit, Packet) or unit.packet is not None]
    heads = [unit for unit in units if not (isinstance(unit, Packet) or unit.packet is not None)]
    for head in heads:
        yield head, 0
    turn = 0
    while True:
        for unit in bodies:
            packet = unit if isinstance(unit, Packet) else unit.packet
            assert packet is not None
            yield unit, turn * length + packet.dts // NS_PER_MS
        turn += 1


def size_of(unit: Unit) -> int:
    """Bytes of media in a unit, without what a protocol adds."""
    return len(unit.payload) if isinstance(unit, Packet) else len(unit.body)
