"""Compressed audio that only ever gets decoded here: one table, one parser."""

from __future__ import annotations

from functools import partial

from camcast.bitstream.plain_audio import PlainAudioParser
from camcast.pyav import audio_kind

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
    ("aac_latm", "AAC in LATM", ()),
    ("truehd", "Dolby TrueHD", ()),
    ("wavpack", "WavPack", ()),
    ("nellymoser", "Nellymoser", ()),
    ("gsm", "GSM full rate", ("gsm_fr",)),
    ("adpcm_ms", "ADPCM of Microsoft's", ()),
    ("adpcm_ima_qt", "ADPCM of QuickTime's (IMA)", ()),
    ("adpcm_swf", "ADPCM of Flash's", ()),
)


KINDS = tuple(
    audio_kind(name, title, partial(PlainAudioParser, name), aliases=aliases) for name, title, aliases in _TABLE
)
