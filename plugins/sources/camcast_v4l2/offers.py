"""What a camera offers, and which of it fits best what is wanted. Choosing is pure; asking needs a device."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from camcast.errors import SourceError
from camcast_v4l2 import kernel
from camcast_v4l2.device import VideoDevice

MAX_ENTRIES = 256
"""A driver that never ends its lists is not believed any longer."""
DEFAULT_SIZE, DEFAULT_RATE = (1280, 720), 30.0
_SLOWER = 0.9
"""A rate below this part of the wanted one counts as too slow."""

PACKETS = {"H264": "h264", "HEVC": "h265", "H265": "h265"}
"""Encoded by the camera: the codec's name by FOURCC."""
JPEG = ("MJPG", "JPEG")
PICTURES = ("NV12", "YU12", "YUYV", "UYVY", "NV21", "BGR3", "RGB3", "GREY")
"""Raw formats, those nearest to what encoders take first."""
_RANK = {name: rank for rank, name in enumerate((*PICTURES, *JPEG, *PACKETS))}


@attrs.frozen
class Span:
    """Sizes between two limits in steps, for devices that scale."""

    low: tuple[int, int]
    high: tuple[int, int]
    step: tuple[int, int]

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        found = []
        for want, low, high, step in zip(size, self.low, self.high, self.step, strict=True):
            want = min(max(want, low), high)
            found.append(low + (want - low) // max(1, step) * max(1, step))
        return found[0], found[1]


@attrs.frozen
class Offer:
    """One format, with the frame rates of each size; no rates = the driver does not say."""

    fourcc: str
    description: str
    sizes: tuple[tuple[tuple[int, int], tuple[float, ...]], ...]
    span: Span | None = None

    def __str__(self) -> str:
        shown = [
            f"{width}x{height}" + (f" {'/'.join(f'{rate:g}' for rate in rates)} fps" if rates else "")
            for (width, height), rates in self.sizes
        ]
        if self.span is not None:
            (low_w, low_h), (high_w, high_h) = self.span.low, self.span.high
            shown.append(f"{low_w}x{low_h} to {high_w}x{high_h}")
        return f"{self.fourcc} ({self.description}): {', '.join(shown) or 'sizes not told'}"


@attrs.frozen
class Choice:
    fourcc: str
    size: tuple[int, int]
    rate: float


def ask(device: VideoDevice, kind: int) -> list[Offer]:
    """All formats that camcast can use of those the device has, by its type of buffers. Raises `OSError`."""
    offers = []
    for description in _listed(device, kernel.ENUM_FORMATS, lambda index: kernel.FormatDescription(
        index=index, type=kind
    )):  # fmt: skip
        name = kernel.fourcc(description.pixelformat)
        if name in _RANK:
            offers.append(_offer(device, name, description.pixelformat, description.description.decode("latin-1")))
    return offers


def choose(offers: Sequence[Offer], format: str, size: tuple[int, int], rate: float) -> Choice:
    """The offer that fits best: the size first, then the rate, then the format. Raises `SourceError`."""
    wanted = [
        offer for offer in offers if format.lower() in ("auto", offer.fourcc.lower(), PACKETS.get(offer.fourcc, ""))
    ]
    if not wanted:
        known = "; ".join(map(str, offers)) or "nothing that camcast can use"
        raise SourceError(f'the camera has no format "{format}"; it offers {known}', fatal=True)
    size, rate = size if all(size) else DEFAULT_SIZE, rate or DEFAULT_RATE
    candidates = [
        Choice(offer.fourcc, found, _best_rate(rates, rate))
        for offer in wanted
        for found, rates in (*offer.sizes, *(((offer.span.nearest(size), ()),) if offer.span else ()))
    ] or [Choice(offer.fourcc, size, rate) for offer in wanted]

    def cost(choice: Choice) -> tuple[object, ...]:
        width, height = choice.size
        smaller = width < size[0] or height < size[1]
        area = abs(width * height - size[0] * size[1])
        encoded = choice.fourcc in PACKETS
        slow = choice.rate < rate * _SLOWER
        return encoded, smaller, area, slow, -choice.rate if slow else 0.0, _RANK[choice.fourcc]

    return min(candidates, key=cost)


def _best_rate(rates: Sequence[float], wanted: float) -> float:
    """The lowest that is enough, else the highest."""
    enough = [rate for rate in rates if rate >= wanted * 0.999]
    return min(enough) if enough else max(rates, default=wanted)


def _offer(device: VideoDevice, name: str, code: int, description: str) -> Offer:
    sizes: list[tuple[tuple[int, int], tuple[float, ...]]] = []
    for entry in _listed(device, kernel.ENUM_SIZES, lambda index: kernel.FrameSize(index=index, pixelformat=code)):
        if entry.type != kernel.DISCRETE:
            limits = entry.size.range
            span = Span(
                (limits.min_width, limits.min_height),
                (limits.max_width, limits.max_height),
                (limits.step_width, limits.step_height),
            )
            return Offer(name, description, (), span)
        size = (entry.size.discrete.width, entry.size.discrete.height)
        sizes.append((size, _rates(device, code, size)))
    return Offer(name, description, tuple(sizes))


def _rates(device: VideoDevice, code: int, size: tuple[int, int]) -> tuple[float, ...]:
    rates = set()
    for entry in _listed(device, kernel.ENUM_INTERVALS, lambda index: kernel.FrameInterval(
        index=index, pixelformat=code, width=size[0], height=size[1]
    )):  # fmt: skip
        limits = entry.interval
        for one in [limits.discrete] if entry.type == kernel.DISCRETE else [limits.range.min, limits.range.max]:
            if one.numerator:
                rates.add(round(one.denominator / one.numerator, 3))
        if entry.type != kernel.DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


def _listed(device: VideoDevice, request: int, entry: Any) -> Iterator[Any]:
    """A driver's list: ask by index until it says that there is no more, or that it keeps no such list."""
    for index in range(MAX_ENTRIES):
        item = entry(index)
        try:
            device.ioctl(request, item)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield item
