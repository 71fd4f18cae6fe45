"""Compressed audio that only ever gets decoded here: one table, one parser."""

from __future__ import annotations

from camcast.bitstream.plain_audio import PlainAudioParser
from camcast.contracts import Decoder
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Track

# Name (also FFmpeg's decoder), title, aliases.
_TABLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ac3", "AC-3 (Dolby Digital)", ("ac-3",)),
    ("eac3", "E-AC-3 (Dolby Digital Plus)", ("ec-3",)),
    ("dca", "DTS", ("dts",)),
    ("flac", "FLAC", ()),
    ("alac", "ALAC (Apple Lossless)", ()),
    ("vorbis", "Vorbis", ()),
    ("speex", "Speex", ()),
    ("amrnb", "AMR narrow band", ("amr_nb", "AMR")),
    ("amrwb", "AMR wide band", ("amr_wb", "AMR-WB")),
)


def _kind(name: str, title: str, aliases: tuple[str, ...]) -> CodecKind:
    def decoder(track: Track) -> Decoder:
        from camcast.pyav import AvDecoder

        return AvDecoder(track, name)

    return CodecKind(
        name=name,
        media=MediaKind.AUDIO,
        title=title,
        aliases=aliases,
        parser=lambda config: PlainAudioParser(name, config),
        decoder=decoder,
    )


KINDS = tuple(_kind(*row) for row in _TABLE)
