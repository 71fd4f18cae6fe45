"""AMF0, the typed values of FLV script tags and RTMP commands (Adobe "Action Message Format -- AMF 0").

Rules: an object and an ECMA array are read alike, always up to the end marker (the count of an ECMA array is
advisory, writers get it wrong). A strict array's count is checked against the bytes left. Depth and number of
values are bounded, so a hostile peer costs no more than its own bytes. Text that is not UTF-8 is kept readable
by escapes: some servers describe errors in their local charset. AMF3 and references are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from camcast.errors import MediaError

MAX_DEPTH = 16
MAX_VALUES = 20_000
_END = b"\x00\x00\x09"


class _Marker:
    """First byte of each value (AMF0 §2.1)."""

    NUMBER = 0x00
    BOOLEAN = 0x01
    STRING = 0x02
    OBJECT = 0x03
    NULL = 0x05
    UNDEFINED = 0x06
    ECMA_ARRAY = 0x08
    STRICT_ARRAY = 0x0A
    DATE = 0x0B
    LONG_STRING = 0x0C
    UNSUPPORTED = 0x0D
    XML = 0x0F
    TYPED_OBJECT = 0x10


class EcmaArray(dict[str, Any]):
    """A dict that is written as an ECMA array, as onMetaData wants it."""


def encode(*values: Any) -> bytes:
    """`values` one after the other: bool, int, float, str, None, dict, `EcmaArray`, list, tuple.

    Raises `TypeError` for another type and `ValueError` for a key over 65535 bytes.
    """
    out = bytearray()
    for value in values:
        _write(out, value, 0)
    return bytes(out)


def decode(data: bytes | memoryview) -> list[Any]:
    """All values in `data`: float, bool, str, None, dict, `EcmaArray`, list. Raises `MediaError`.

    Null, undefined and "unsupported" become None; a date becomes its milliseconds since 1970.
    """
    reader = _Reader(bytes(data))
    values = []
    while reader.at < len(reader.data):
        values.append(reader.value(0))
    return values


def decode_some(data: bytes | memoryview, most: int = MAX_VALUES) -> tuple[list[Any], MediaError | None]:
    """The values in `data` up to the first that cannot be read, and what is wrong with that one; never raises.

    Of an object or array that breaks off, what stands before is there. At most `most` values, inner ones counted,
    are read. For what a peer says unasked.
    """
    reader = _Reader(bytes(data), most)
    values: list[Any] = []
    try:
        while reader.at < len(reader.data):
            values.append(reader.value(0))
    except MediaError as error:
        if reader.begun is not None:
            values.append(reader.begun)
        return values, error
    return values, None


def _write(out: bytearray, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"AMF0 values may be nested {MAX_DEPTH} deep at most")
    match value:
        case None:
            out.append(_Marker.NULL)
        case bool():
            out += bytes((_Marker.BOOLEAN, value))
        case int() | float():
            out += struct.pack(">Bd", _Marker.NUMBER, value)
        case str():
            text = value.encode("utf-8", "surrogatepass")
            if len(text) > 0xFFFF:
                out += struct.pack(">BI", _Marker.LONG_STRING, len(text))
            else:
                out += struct.pack(">BH", _Marker.STRING, len(text))
            out += text
        case EcmaArray():
            out += struct.pack(">BI", _Marker.ECMA_ARRAY, len(value))
            _write_pairs(out, value, depth)
        case Mapping():
            out.append(_Marker.OBJECT)
            _write_pairs(out, value, depth)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            out += struct.pack(">BI", _Marker.STRICT_ARRAY, len(value))
            for item in value:
                _write(out, item, depth + 1)
        case _:
            raise TypeError(f"AMF0 has no form for {type(value).__name__}")


def _write_pairs(out: bytearray, pairs: Mapping[str, Any], depth: int) -> None:
    for key, value in pairs.items():
        name = key.encode("utf-8", "surrogatepass")
        if len(name) > 0xFFFF:
            raise ValueError(f"an AMF0 key may have 65535 bytes, this one has {len(name)}")
        out += struct.pack(">H", len(name))
        out += name
        _write(out, value, depth + 1)
    out += _END


class _Reader:
    """A cursor over one message's values."""

    def __init__(self, data: bytes, most: int = MAX_VALUES) -> None:
        self.data = data
        self.at = 0
        self.values = 0
        self.most = most
        self.begun: Any = None
        """After an error: the object or array at the top that was being read, with what was read of it."""

    def value(self, depth: int) -> Any:
        self.values += 1
        if depth > MAX_DEPTH or self.values > self.most:
            raise MediaError(f"AMF0 data holds more than {self.most} values or is nested over {MAX_DEPTH} deep")
        match marker := self._take(1)[0]:
            case _Marker.NUMBER:
                return self._unpack(">d")
            case _Marker.BOOLEAN:
                return self._take(1) != b"\x00"
            case _Marker.STRING:
                return self._text(self._unpack(">H"))
            case _Marker.LONG_STRING | _Marker.XML:
                return self._text(self._unpack(">I"))
            case _Marker.NULL | _Marker.UNDEFINED | _Marker.UNSUPPORTED:
                return None
            case _Marker.OBJECT:
                return self._pairs({}, depth)
            case _Marker.ECMA_ARRAY:
                self._take(4)
                return self._pairs(EcmaArray(), depth)
            case _Marker.TYPED_OBJECT:
                self._take(self._unpack(">H"))
                return self._pairs({}, depth)
            case _Marker.STRICT_ARRAY:
                count = self._unpack(">I")
                if count > len(self.data) - self.at:
                    raise MediaError(f"AMF0 array claims {count} values, only {len(self.data) - self.at} bytes follow")
                return self._items([], count, depth)
            case _Marker.DATE:
                time = self._unpack(">d")
                self._take(2)
                return time
            case _:
                raise MediaError(f"AMF0 marker 0x{marker:02x} at byte {self.at - 1} is not supported")

    def _pairs(self, into: dict[str, Any], depth: int) -> dict[str, Any]:
        name = ""
        try:
            while not self.data.startswith(_END, self.at):
                name = self._text(self._unpack(">H"))
                into[name] = self.value(depth + 1)
        except MediaError:
            if self.begun is not None:
                into[name] = self.begun
            self.begun = into
            raise
        self.at += len(_END)
        return into

    def _items(self, into: list[Any], count: int, depth: int) -> list[Any]:
        try:
            for _ in range(count):
                into.append(self.value(depth + 1))  # noqa: PERF401  what was read before an error is kept
        except MediaError:
            if self.begun is not None:
                into.append(self.begun)
            self.begun = into
            raise
        return into

    def _text(self, size: int) -> str:
        return self._take(size).decode("utf-8", "backslashreplace")

    def _unpack(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, size: int) -> bytes:
        chunk = self.data[self.at : self.at + size]
        if len(chunk) < size:
            raise MediaError(f"AMF0 data ends early: {size} bytes expected at byte {self.at}, {len(chunk)} left")
        self.at += size
        return chunk
