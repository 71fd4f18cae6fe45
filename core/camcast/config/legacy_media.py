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

from camcast.config.model import EncoderConfig
from camcast.config.rules import NAME, Rule, rule_of

Found = tuple[str, str, str]
"""(fate, old key, text)"""

SUB_WIDTH, SUB_HEIGHT, SUB_BITRATE = 704, 576, 1000

_NAME = re.compile(r"(H264|H265)(?:_(CBR|AVBR|VBR))?")
_KEYS = {"w": "width", "h": "height", "fr": "framerate", "bitrate": "bitrate"}


@attrs.frozen
class Encoder:
    """An encoder block of today."""

    written: Mapping[str, Any]

    @property
    def reached_rtmp(self) -> bool:
        """The original pushed H.264 only."""
        return str(self.written["type"]).startswith("H264")


def read_encoder(venc: Any) -> tuple[Encoder | None, Sequence[Found]]:
    """The main stream's encoder; None where the file says nothing of use."""
    if venc is None:
        return None, ()
    block = venc.get("venc1") if isinstance(venc, Mapping) else None
    if not isinstance(block, Mapping):
        return None, [("left out", "venc.json", "has no object venc1: both streams are taken as they come")]
    found: list[Found] = [
        ("left out", f"venc.json {key}", "the second encoder of a device is no stream that it pushed")
        for key in sorted(map(str, venc))
        if re.fullmatch(r"venc[2-9]", key)
    ]
    name = block.get("name")
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        text = "expected H264 or H265 with _CBR or _AVBR: both streams are taken as they come"
        return None, [*found, ("left out", "venc.json venc1.name", text)]
    written: dict[str, Any] = {"type": f"{match[1]}_{match[2] or 'CBR'}"}
    if match[2] is None:
        found.append(("changed", "venc.json venc1.name", "names no rate control; CBR is assumed"))
    fields = attrs.fields_dict(EncoderConfig)
    for old, new in _KEYS.items():
        rule = rule_of(fields[new].type)
        if old in block and rule is not None:
            _take(written, new, block[old], rule, f"venc.json venc1.{old}", found)
    if ("width" in written) != ("height" in written):
        written.pop("width", None), written.pop("height", None)
        found.append(("left out", "venc.json venc1", "w and h go together"))
    found.append(("kept", "venc.json venc1", "as what the main stream is expected to be; the device still encodes it"))
    if match[1] != "H264":
        text = (
            "main is H.265, which the original never pushed by RTMP; now it is, in the Enhanced RTMP form: for a "
            'server that does not know it set "hevc": "legacy", or "transcode": true with an H264 encoder'
        )
        found.append(("changed", "venc.json venc1.name", text))
    return Encoder(written), found


def sub_encoder(main: Encoder) -> tuple[Encoder, Sequence[Found]]:
    """The sub stream as the original always made it."""
    written = {**main.written, "width": SUB_WIDTH, "height": SUB_HEIGHT, "bitrate": SUB_BITRATE}
    text = f"always {SUB_WIDTH}x{SUB_HEIGHT} at {SUB_BITRATE} kbit/s in the original; kept as what is expected"
    return Encoder(written), [("kept", "sub", text)]


def read_sensor(vi: Any) -> tuple[str, Sequence[Found]]:
    """The sensor's name, which becomes the camera's; "" where there is none."""
    if vi is None:
        return "", ()
    block = vi.get("sensor1") if isinstance(vi, Mapping) else None
    name = block.get("name") if isinstance(block, Mapping) else None
    written: dict[str, Any] = {}
    found: list[Found] = []
    if name is None or not isinstance(block, Mapping):
        return "", [("left out", "vi.json", "has no sensor1.name: the camera has no name")]
    _take(written, "name", name, NAME, "vi.json sensor1.name", found)
    if written:
        found.append(("kept", "vi.json sensor1.name", "as the camera's name"))
    if len(block) > 1:
        found.append(("left out", "vi.json sensor1", "all but the name: the device sets its sensor up itself"))
    return str(written.get("name", "")), found


def _take(written: dict[str, Any], key: str, value: Any, rule: Rule, path: str, found: list[Found]) -> None:
    """An old value if the rule of today allows it; what it does not is told, and only an expectation is lost."""
    try:
        read = rule.read(value)
    except ValueError as error:
        found.append(("left out", path, str(error)))
        return
    if read:
        written[key] = int(read) if isinstance(read, float) and read.is_integer() else read
