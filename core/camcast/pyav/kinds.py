"""Kinds of what FFmpeg decodes and encodes, for plugins that add no more than names, a parser and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from camcast.contracts import CodecParser, Decoder, Encoder, EncoderSettings
from camcast.kinds import CodecKind, EncoderKind, FlvForm, NoOptions
from camcast.media import MediaKind, Track
from camcast.pyav.audio import AudioEncoding, AvAudioEncoder
from camcast.pyav.decoder import AvDecoder
from camcast.pyav.video import AvVideoEncoder, VideoEncoding, probe_video

_PROBE_RATE, _PROBE_CHANNELS = 48_000, 2


def audio_kind(
    name: str,
    title: str,
    parser: Callable[[bytes], CodecParser],
    *,
    aliases: tuple[str, ...] = (),
    decoder: str = "",
    flv: Mapping[str, FlvForm] | None = None,
    silence: Callable[[int, int], tuple[Track, bytes, int]] | None = None,
) -> CodecKind:
    """A sound format that FFmpeg decodes. `decoder` is FFmpeg's name for it where `name` is not.

    `silence`: as `CodecKind.silence`.
    """

    def open_decoder(track: Track) -> Decoder:
        return AvDecoder(track, decoder or name)

    return CodecKind(
        name=name,
        media=MediaKind.AUDIO,
        title=title,
        aliases=aliases,
        parser=parser,
        flv=flv or {},
        decoder=open_decoder,
        silence=silence,
    )


def audio_encoder_kind(
    encoding: AudioEncoding, codec: str, title: str, *, priority: int = 0, options: type = NoOptions
) -> EncoderKind:
    """The kind that opens `encoding`, and probes it by opening it for stereo, at 48 kHz where it takes that."""

    def open_encoder(settings: EncoderSettings) -> Encoder:
        return AvAudioEncoder(encoding, settings)

    def probe() -> None:
        open_encoder(EncoderSettings(sample_rate=_PROBE_RATE, channels=_PROBE_CHANNELS)).close()

    return EncoderKind(
        name=encoding.name,
        codec=codec,
        title=title,
        priority=priority,
        options=options,
        probe=probe,
        open=open_encoder,
    )


def encoder_kind(
    encoding: VideoEncoding,
    codec: str,
    title: str,
    priority: int,
    options: type,
    *,
    hardware: bool = False,
    encoder: Callable[[VideoEncoding, EncoderSettings], Encoder] = AvVideoEncoder,
) -> EncoderKind:
    """The kind that opens and probes `encoding`. `encoder`: a class derived from `AvVideoEncoder`, if need be."""

    def probe() -> None:
        probe_video(encoding, opened=encoder)

    def open_encoder(settings: EncoderSettings) -> Encoder:
        return encoder(encoding, settings)

    return EncoderKind(
        name=encoding.name,
        codec=codec,
        title=title,
        priority=priority,
        options=options,
        hardware=hardware,
        probe=probe,
        open=open_encoder,
    )
