"""The V4L2 source: USB and CSI cameras on Linux, raw, MJPEG, or already encoded by the camera."""

from __future__ import annotations

import os
from collections.abc import Sequence

from camcast.contracts import Source, SourceContext
from camcast.hooks import hookimpl
from camcast.kinds import Device, Gives, SourceKind, importing
from camcast_v4l2.options import V4l2Options


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [
        SourceKind(
            name="v4l2",
            title="A USB or CSI camera (Video4Linux)",
            build=_build,
            load=importing("camcast_v4l2.source"),
            options=V4l2Options,
            gives=Gives.EITHER,
            one_reader=True,
            place=_place,
            takes=_takes,
            present=_present,
            devices=_devices,
        )
    ]


def _build(context: SourceContext) -> Source:
    from camcast_v4l2.source import V4l2Source

    return V4l2Source(context)


def _takes(text: str) -> bool:
    return text.startswith("/dev/")


def _present(url: str) -> None:
    from camcast_v4l2.device import device_path

    path = device_path(url)
    if not os.path.exists(path):
        raise ValueError(f"there is no device {path}; camcast sources --probe lists those that are there")


def _place(url: str) -> str:
    from camcast_v4l2.device import device_place

    return device_place(url)


def _devices() -> Sequence[Device]:
    from camcast_v4l2.listing import list_devices

    return list_devices()
