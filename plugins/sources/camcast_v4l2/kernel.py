"""The kernel's structures and requests, as far as capturing needs them (linux/videodev2.h)."""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_long, c_uint8, c_uint16, c_uint32, c_ulong, c_void_p
from typing import Any

U32 = c_uint32

CAPTURE, CAPTURE_PLANES = 1, 9
"""Buffer types: video capture; the same for drivers that describe each picture as a list of planes."""
MMAP = 1
"""Buffers are the driver's, mapped into this process."""

CAP_CAPTURE, CAP_CAPTURE_PLANES = 0x1, 0x1000
CAP_STREAMING, CAP_DEVICE_CAPS = 0x04000000, 0x80000000
FORMAT_COMPRESSED = 0x1
FLAG_ERROR = 0x40
FLAG_CLOCK_MASK, FLAG_CLOCK_MONOTONIC = 0xE000, 0x2000
DISCRETE = 1
CAN_SET_RATE = 0x1000
ANY_FIELD = 0

CONTROL_KEYFRAME = 0x9909E5
CONTROL_BITRATE = 0x9909CF
CONTROL_REPEAT_HEADERS = 0x9909E2


class Capability(ctypes.Structure):
    _fields_ = [
        ("driver", c_char * 16), ("card", c_char * 32), ("bus_info", c_char * 32), ("version", U32),
        ("capabilities", U32), ("device_caps", U32), ("reserved", U32 * 3),
    ]  # fmt: skip


class FormatDescription(ctypes.Structure):
    _fields_ = [
        ("index", U32), ("type", U32), ("flags", U32), ("description", c_char * 32), ("pixelformat", U32),
        ("mbus_code", U32), ("reserved", U32 * 3),
    ]  # fmt: skip


class PixelFormat(ctypes.Structure):
    _fields_ = [
        ("width", U32), ("height", U32), ("pixelformat", U32), ("field", U32), ("bytesperline", U32),
        ("sizeimage", U32), ("colorspace", U32), ("priv", U32), ("flags", U32), ("ycbcr_enc", U32),
        ("quantization", U32), ("xfer_func", U32),
    ]  # fmt: skip


class PlaneFormat(ctypes.Structure):
    _fields_ = [("sizeimage", U32), ("bytesperline", U32), ("reserved", c_uint16 * 6)]


class PlanesFormat(ctypes.Structure):
    _fields_ = [
        ("width", U32), ("height", U32), ("pixelformat", U32), ("field", U32), ("colorspace", U32),
        ("planes", PlaneFormat * 8), ("num_planes", c_uint8), ("flags", c_uint8), ("ycbcr_enc", c_uint8),
        ("quantization", c_uint8), ("xfer_func", c_uint8), ("reserved", c_uint8 * 7),
    ]  # fmt: skip


class _FormatUnion(ctypes.Union):
    # The pointer gives the union the alignment that the kernel's has.
    _fields_ = [("pix", PixelFormat), ("planes", PlanesFormat), ("raw", c_uint8 * 200), ("align", c_void_p)]


class Format(ctypes.Structure):
    _fields_ = [("type", U32), ("fmt", _FormatUnion)]


class RequestBuffers(ctypes.Structure):
    _fields_ = [
        ("count", U32), ("type", U32), ("memory", U32), ("capabilities", U32), ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    ]  # fmt: skip


class _Time(ctypes.Structure):
    _fields_ = [("seconds", c_long), ("microseconds", c_long)]


class _Timecode(ctypes.Structure):
    _fields_ = [("type", U32), ("flags", U32), ("fields", c_uint8 * 8)]


class _Memory(ctypes.Union):
    _fields_ = [("offset", U32), ("userptr", c_ulong)]


class Plane(ctypes.Structure):
    _fields_ = [("bytesused", U32), ("length", U32), ("m", _Memory), ("data_offset", U32), ("reserved", U32 * 11)]


class _BufferMemory(ctypes.Union):
    _fields_ = [("offset", U32), ("userptr", c_ulong), ("planes", ctypes.POINTER(Plane))]


class Buffer(ctypes.Structure):
    _fields_ = [
        ("index", U32), ("type", U32), ("bytesused", U32), ("flags", U32), ("field", U32), ("timestamp", _Time),
        ("timecode", _Timecode), ("sequence", U32), ("memory", U32), ("m", _BufferMemory), ("length", U32),
        ("reserved2", U32), ("request_fd", U32),
    ]  # fmt: skip


class Fraction(ctypes.Structure):
    _fields_ = [("numerator", U32), ("denominator", U32)]


class CaptureParameters(ctypes.Structure):
    _fields_ = [
        ("capability", U32), ("capturemode", U32), ("timeperframe", Fraction), ("extendedmode", U32),
        ("readbuffers", U32), ("reserved", U32 * 4),
    ]  # fmt: skip


class _ParametersUnion(ctypes.Union):
    _fields_ = [("capture", CaptureParameters), ("raw", c_uint8 * 200)]


class StreamParameters(ctypes.Structure):
    _fields_ = [("type", U32), ("parm", _ParametersUnion)]


class _SizeRange(ctypes.Structure):
    _fields_ = [
        (name, U32) for name in ("min_width", "max_width", "step_width", "min_height", "max_height", "step_height")
    ]


class _Size(ctypes.Structure):
    _fields_ = [("width", U32), ("height", U32)]


class _SizeUnion(ctypes.Union):
    _fields_ = [("discrete", _Size), ("range", _SizeRange)]


class FrameSize(ctypes.Structure):
    _fields_ = [("index", U32), ("pixelformat", U32), ("type", U32), ("size", _SizeUnion), ("reserved", U32 * 2)]


class _IntervalRange(ctypes.Structure):
    _fields_ = [("min", Fraction), ("max", Fraction), ("step", Fraction)]


class _IntervalUnion(ctypes.Union):
    _fields_ = [("discrete", Fraction), ("range", _IntervalRange)]


class FrameInterval(ctypes.Structure):
    _fields_ = [
        ("index", U32), ("pixelformat", U32), ("width", U32), ("height", U32), ("type", U32),
        ("interval", _IntervalUnion), ("reserved", U32 * 2),
    ]  # fmt: skip


class Control(ctypes.Structure):
    _fields_ = [("id", U32), ("value", ctypes.c_int32)]


def _request(direction: int, number: int, structure: Any) -> int:
    """As `_IOC` in asm-generic/ioctl.h makes it."""
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


_WRITE, _READ = 1, 2
QUERYCAP = _request(_READ, 0, Capability)
ENUM_FORMATS = _request(_READ | _WRITE, 2, FormatDescription)
SET_FORMAT = _request(_READ | _WRITE, 5, Format)
REQUEST_BUFFERS = _request(_READ | _WRITE, 8, RequestBuffers)
QUERY_BUFFER = _request(_READ | _WRITE, 9, Buffer)
QUEUE = _request(_READ | _WRITE, 15, Buffer)
DEQUEUE = _request(_READ | _WRITE, 17, Buffer)
STREAM_ON = _request(_WRITE, 18, ctypes.c_int)
STREAM_OFF = _request(_WRITE, 19, ctypes.c_int)
SET_PARAMETERS = _request(_READ | _WRITE, 22, StreamParameters)
SET_CONTROL = _request(_READ | _WRITE, 28, Control)
ENUM_SIZES = _request(_READ | _WRITE, 74, FrameSize)
ENUM_INTERVALS = _request(_READ | _WRITE, 75, FrameInterval)


def fourcc(code: int) -> str:
    """0x56595559 is "YUYV"."""
    return (code & 0x7FFFFFFF).to_bytes(4, "little").decode("latin-1").rstrip()


def code_of(name: str) -> int:
    """The other way round."""
    return int.from_bytes(name.ljust(4).encode("latin-1")[:4], "little")
