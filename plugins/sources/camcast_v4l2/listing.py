"""Lists this machine's cameras and what they offer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from camcast.errors import SourceError
from camcast.kinds import Device
from camcast_v4l2 import kernel
from camcast_v4l2.device import KernelDevice, Opener, VideoDevice, explained
from camcast_v4l2.offers import ask


def list_devices(paths: Iterable[str] | None = None, opener: Opener = KernelDevice) -> Sequence[Device]:
    """Every video device that captures, in order; one that cannot be opened is listed with the reason."""
    if paths is None:
        paths = sorted(map(str, Path("/dev").glob("video*")), key=lambda path: int(re.sub(r"\D", "", path) or 0))
    found = []
    for path in paths:
        try:
            device = opener(path)
        except OSError as error:
            found.append(Device(path, "?", (str(explained(path, error)),)))
            continue
        try:
            name, kind = check(path, device)
            offers = tuple(map(str, ask(device, kind)))
            found.append(Device(path, name, offers or ("no format that camcast can use",)))
        except SourceError:
            # Not a camera: a metadata node, an encoder or a radio.
            continue
        except OSError as error:
            found.append(Device(path, "?", (str(explained(path, error)),)))
        finally:
            device.close()
    return found


def check(path: str, device: VideoDevice) -> tuple[str, int]:
    """A camera's name and its type of buffers.

    Raises `SourceError` when the device is none, `OSError` when it fails.
    """
    capability = kernel.Capability()
    device.ioctl(kernel.QUERYCAP, capability)
    caps = capability.capabilities
    if caps & kernel.CAP_DEVICE_CAPS:
        caps = capability.device_caps
    if not caps & (kernel.CAP_CAPTURE | kernel.CAP_CAPTURE_PLANES) or not caps & kernel.CAP_STREAMING:
        raise SourceError(f"{path}: not a camera: it does not capture video by streaming", fatal=True)
    card: bytes = capability.card
    kind = kernel.CAPTURE if caps & kernel.CAP_CAPTURE else kernel.CAPTURE_PLANES
    return card.decode("utf-8", "replace"), kind
