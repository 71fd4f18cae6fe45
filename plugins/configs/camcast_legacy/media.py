"""The original's `venc.json` and `vi.json`.

Of the encoder only the main stream was configured: `{"venc1": {"name": "H265_CBR", "w": …, "h": …, "fr": …,
"bitrate": …}}`, bitrate in kbit/s; the name was bare ("H265") before 2024. Sub was always 704×576 at 1000 kbit/s, of
the same codec and rate. The device still encodes, so what is written here is an expectation of what comes.
`vi.json` names the sensor; before 2024 with its size and rate, which the encoder's size made meaningless here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from camcast import EncoderConfig
from camcast.config import CameraConfig
from camcast.errors import ConfigError
from camcast.kinds import Fate, Remark

SUB_WIDTH, SUB_HEIGHT, SUB_BITRATE = 704, 576, 1000

_NAME = re.compile(r"(H264|H265)(?:_(CBR|AVBR|VBR))?")
_ATTRIBUTES = {"bitrate": "bitrate_kbps"}
_KEYS = {"w": "width", "h": "height", "fr": "framerate", "bitrate": "bitrate"}


@attrs.frozen
class Encoder:
    """An encoder block of today."""

    written: Mapping[str, Any]

    @property
    def reached_rtmp(self) -> bool:
        """The original pushed H.264 only."""
        return str(self.written["type"]).startswith("H264")


def read_encoder(venc: Any) -> tuple[Encoder | None, Sequence[Remark]]:
    """The main stream's encoder; None where the file says nothing of use."""
    if venc is None:
        return None, ()
    block = venc.get("venc1") if isinstance(venc, Mapping) else None
    if not isinstance(block, Mapping):
        return None, [Remark(Fate.LEFT, "venc.json", "has no object venc1: both streams are taken as they come")]
    found: list[Remark] = [
        Remark(Fate.LEFT, f"venc.json {key}", "the second encoder of a device is no stream that it pushed")
        for key in sorted(map(str, venc))
        if re.fullmatch(r"venc[2-9]", key)
    ]
    name = block.get("name")
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        text = "expected H264 or H265 with _CBR or _AVBR: both streams are taken as they come"
        return None, [*found, Remark(Fate.LEFT, "venc.json venc1.name", text)]
    written: dict[str, Any] = {"type": f"{match[1]}_{match[2] or 'CBR'}"}
    if match[2] is None:
        found.append(Remark(Fate.CHANGED, "venc.json venc1.name", "names no rate control; CBR is assumed"))
    for old, new in _KEYS.items():
        if old in block and _fits(
            EncoderConfig, _ATTRIBUTES.get(new, new), block[old], f"venc.json venc1.{old}", found
        ):
            written[new] = _whole(block[old])
    if ("width" in written) != ("height" in written):
        written.pop("width", None), written.pop("height", None)
        found.append(Remark(Fate.LEFT, "venc.json venc1", "w and h go together"))
    found.append(
        Remark(Fate.KEPT, "venc.json venc1", "as what the main stream is expected to be; the device still encodes it")
    )
    if match[1] != "H264":
        text = (
            "main is H.265, which the original never pushed by RTMP; now it is, in the Enhanced RTMP form: for a "
            'server that does not know it set "hevc": "legacy", or "transcode": true with an H264 encoder'
        )
        found.append(Remark(Fate.CHANGED, "venc.json venc1.name", text))
    return Encoder(written), found


def sub_encoder(main: Encoder) -> tuple[Encoder, Sequence[Remark]]:
    """The sub stream as the original always made it."""
    written = {**main.written, "width": SUB_WIDTH, "height": SUB_HEIGHT, "bitrate": SUB_BITRATE}
    text = f"always {SUB_WIDTH}x{SUB_HEIGHT} at {SUB_BITRATE} kbit/s in the original; kept as what is expected"
    return Encoder(written), [Remark(Fate.KEPT, "sub", text)]


def read_sensor(vi: Any) -> tuple[str, Sequence[Remark]]:
    """The sensor's name, which becomes the camera's; "" where there is none."""
    if vi is None:
        return "", ()
    block = vi.get("sensor1") if isinstance(vi, Mapping) else None
    name = block.get("name") if isinstance(block, Mapping) else None
    if name in (None, "") or not isinstance(block, Mapping):
        return "", [Remark(Fate.LEFT, "vi.json", "has no sensor1.name: the camera has no name")]
    found: list[Remark] = []
    fits = _fits(CameraConfig, "name", name, "vi.json sensor1.name", found)
    if fits:
        found.append(Remark(Fate.KEPT, "vi.json sensor1.name", "as the camera's name"))
    if len(block) > 1:
        text = "all but the name: the device sets its sensor up itself"
        found.append(Remark(Fate.LEFT, "vi.json sensor1", text))
    return name if fits else "", found


def _fits(model: Any, attribute: str, value: Any, key: str, found: list[Remark]) -> bool:
    """Whether today's configuration takes an old value. What it does not is told: only an expectation is lost."""
    try:
        model(**{attribute: value})
    except ConfigError as error:
        found.append(Remark(Fate.LEFT, key, error.issues[0].message))
        return False
    return True


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
