"""Script data of a published stream: onMetaData, and the colour information of an Enhanced video track.

onMetaData is the string "onMetaData" and an ECMA array (Adobe FLV 10.1, E.5; Enhanced RTMP v2, "Enhancing
onMetaData"). A live connection puts the string "@setDataFrame" in front, a file does not: a metadata tag holds it
in its `head`. Rules: no key for a track that is absent (readers wait for a declared track), codec ids are numbers
even where they are FourCCs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from camcast.errors import MediaError
from camcast.flv import amf0
from camcast.flv.fourcc import FrameType, VideoPacketType, video_head
from camcast.kinds import FlvForm
from camcast.media import MediaKind, Tag, TagType, Track

COLOUR_INFO = "colour_info"
"""Key in `Track.details` of a mapping shaped as Enhanced RTMP's colorInfo object: `colorConfig`, `hdrCll`, `hdrMdcv`.

Present only where it tells more than the bitstream's usual colours (HDR)."""

_SET_DATA_FRAME = amf0.encode("@setDataFrame")
_ON_METADATA = "onMetaData"
_SAMPLE_SIZE = 16


def on_metadata(tracks: Sequence[Track], forms: Mapping[MediaKind, FlvForm], encoder: str = "camcast") -> bytes:
    """The body of an onMetaData tag for `tracks`; `forms` says by kind of media how each is carried."""
    values: dict[str, Any] = {"duration": 0.0}
    for track in sorted(tracks, key=lambda track: track.kind is MediaKind.AUDIO):
        form = forms[track.kind]
        values |= _video(track, form) if track.kind is MediaKind.VIDEO else _audio(track, form)
    values["encoder"] = encoder
    values["filesize"] = 0.0
    return amf0.encode(_ON_METADATA, amf0.EcmaArray(values))


def metadata_tag(
    tracks: Sequence[Track], forms: Mapping[MediaKind, FlvForm], time: int, encoder: str = "camcast"
) -> Tag:
    """The onMetaData tag: `head` is for live connections only, `body` alone is what a file holds."""
    return Tag(TagType.SCRIPT, time, _SET_DATA_FRAME, on_metadata(tracks, forms, encoder))


def read_metadata(body: bytes | memoryview) -> dict[str, Any] | None:
    """The values of an onMetaData body, with or without "@setDataFrame"; None for other script data.

    Raises `MediaError` for damaged AMF0.
    """
    values = amf0.decode(body)
    if values[:1] == ["@setDataFrame"]:
        del values[0]
    if values[:1] != [_ON_METADATA]:
        return None
    if len(values) < 2 or not isinstance(values[1], dict):
        raise MediaError("onMetaData holds no object: expected the name and one object or array")
    return values[1]


def colour_info(code: bytes, colour: Mapping[str, Any] | None) -> bytes:
    """The body of a metadata tag with `colour` (a colorInfo object) for the video codec of this FourCC.

    b"" for None. Enhanced RTMP v2, "Metadata Frame". The specification leaves the frame type open, but FFmpeg reads
    colours only behind frame type 5 and takes any other for a coded picture, after which it decodes nothing.
    """
    if colour is None:
        return b""
    return video_head(code, VideoPacketType.METADATA, FrameType.COMMAND) + amf0.encode("colorInfo", dict(colour))


def colour_reset(body: bytes) -> bytes:
    """The body that takes back what `body`, made by `colour_info`, has told."""
    return body[:5] + amf0.encode("colorInfo", {})


def _video(track: Track, form: FlvForm) -> dict[str, float]:
    values = {
        "width": track.width,
        "height": track.height,
        "videodatarate": track.bitrate / 1000,
        "framerate": track.frame_rate,
    }
    return {key: float(value) for key, value in values.items() if value} | {"videocodecid": float(form.codec_id)}


def _audio(track: Track, form: FlvForm) -> dict[str, Any]:
    values: dict[str, Any] = {"audiodatarate": track.bitrate / 1000, "audiosamplerate": float(track.sample_rate)}
    values = {key: value for key, value in values.items() if value}
    values["audiosamplesize"] = float(_SAMPLE_SIZE)
    if track.channels:
        values["stereo"] = track.channels > 1
    values["audiocodecid"] = float(form.codec_id)
    return values
