"""The V4L2 source on a camera made up at the ioctl boundary."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.media import made
from tests.plugins.fake_camera import FakeCamera
from tests.plugins.source_kit import Sink, context, until

from camcast.engine.handover import LoopHandover
from camcast.errors import SourceError
from camcast.host import PluginHost
from camcast.media import RAW, MediaKind
from camcast_v4l2 import camcast_sources, kernel
from camcast_v4l2.device import device_path, device_place
from camcast_v4l2.listing import list_devices
from camcast_v4l2.offers import Offer, Span, choose
from camcast_v4l2.options import V4l2Options
from camcast_v4l2.source import ENOUGH_REFUSED, V4l2Source

VIDEO = MediaKind.VIDEO
WEBCAM: Any = {
    "YUYV": {(640, 480): (30.0, 15.0), (1280, 720): (10.0,)},
    "MJPG": {(640, 480): (30.0,), (1280, 720): (60.0, 30.0), (1920, 1080): (30.0,)},
}


def test_structures_and_requests_are_the_kernels() -> None:
    # Sizes and numbers as a C compiler finds them on 64-bit Linux.
    assert {
        "querycap": kernel.QUERYCAP, "formats": kernel.ENUM_FORMATS, "set": kernel.SET_FORMAT,
        "request": kernel.REQUEST_BUFFERS, "query": kernel.QUERY_BUFFER, "queue": kernel.QUEUE,
        "dequeue": kernel.DEQUEUE, "on": kernel.STREAM_ON, "off": kernel.STREAM_OFF,
        "parameters": kernel.SET_PARAMETERS, "control": kernel.SET_CONTROL, "sizes": kernel.ENUM_SIZES,
        "intervals": kernel.ENUM_INTERVALS,
    } == {
        "querycap": 0x80685600, "formats": 0xC0405602, "set": 0xC0D05605, "request": 0xC0145608, "query": 0xC0585609,
        "queue": 0xC058560F, "dequeue": 0xC0585611, "on": 0x40045612, "off": 0x40045613, "parameters": 0xC0CC5616,
        "control": 0xC008561C, "sizes": 0xC02C564A, "intervals": 0xC034564B,
    }  # fmt: skip
    assert (kernel.Format.fmt.offset, kernel.Capability.device_caps.offset) == (8, 88)
    assert [getattr(kernel.Buffer, name).offset for name in ("timestamp", "sequence", "m", "length")] == [
        24,
        56,
        64,
        72,
    ]
    assert (kernel.FrameSize.size.offset, kernel.FrameInterval.interval.offset) == (12, 20)
    sizes = [ctypes.sizeof(one) for one in (kernel.PixelFormat, kernel.PlanesFormat, kernel.PlaneFormat, kernel.Plane)]
    assert sizes == [48, 192, 20, 64]
    assert (kernel.PlanesFormat.num_planes.offset, kernel.Plane.m.offset, kernel.Plane.data_offset.offset) == (
        180,
        8,
        16,
    )
    assert (kernel.fourcc(0x56595559), kernel.code_of("YUYV")) == ("YUYV", 0x56595559)


@asynccontextmanager
async def running(
    camera: FakeCamera, options: V4l2Options | None = None, sink: Sink | None = None, **changes: Any
) -> AsyncIterator[tuple[V4l2Source, Sink]]:
    sink = sink or Sink()
    handover = LoopHandover(asyncio.get_running_loop())
    source = V4l2Source(context("/dev/video0", options or V4l2Options(), handover=handover, **changes), camera)
    task = asyncio.create_task(source.run(sink))
    try:
        await until(lambda: camera.streaming or task.done())
        if task.done():
            await task
        yield source, sink
    finally:
        started = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert time.monotonic() - started < 2
        handover.close()
    assert not camera.open, "the device was left open"
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("camcast-v4l2")])


@pytest.mark.parametrize("caps", [kernel.CAP_CAPTURE, kernel.CAP_CAPTURE_PLANES], ids=["plain", "planes"])
@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize(
    ("fourcc", "pixels"),
    [("YUYV", "yuyv422"), ("NV12", "nv12"), ("YU12", "yuv420p"), ("BGR3", "bgr24"), ("GREY", "gray")],
)
async def test_raw_pictures_arrive_pixel_for_pixel(fourcc: str, pixels: str, padding: int, caps: int) -> None:
    camera = FakeCamera({fourcc: {(64, 48): (30.0,)}}, padding=padding, caps=caps | kernel.CAP_STREAMING)
    rng = np.random.default_rng(3)
    picture = av.VideoFrame.from_ndarray(rng.integers(16, 235, (48, 64, 3), np.uint8), "bgr24").reformat(format=pixels)
    rows = []
    for index, plane in enumerate(picture.planes):
        lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        used = {"yuyv422": 128, "bgr24": 192}.get(pixels, 64) // (2 if pixels == "yuv420p" and index else 1)
        pad = padding // (2 if pixels == "yuv420p" and index else 1)
        rows.append(np.pad(lines[:, :used], ((0, 0), (0, pad))).tobytes())
    before = time.monotonic_ns()
    async with running(camera) as (_, sink):
        assert camera.format == (fourcc, 64, 48)
        assert camera.shoot(b"".join(rows))
        await until(lambda: sink.frames)
    (frame,) = sink.frames
    assert (frame.track.codec, frame.track.width, frame.track.height, frame.track.frame_rate) == (RAW, 64, 48, 30.0)
    assert sink.announced == [[frame.track]]
    assert before // 1000 <= frame.pts // 1000 <= frame.arrival // 1000
    assert np.array_equal(frame.data.to_ndarray(), picture.to_ndarray())


def jpeg(number: int) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 640, 480, "yuvj420p", Fraction(1, 30)
    frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), number * 40, np.uint8), "bgr24")
    return bytes(encoder.encode(frame.reformat(format="yuvj420p"))[0])


async def test_a_webcam_with_losses_and_damage_is_counted() -> None:
    camera = FakeCamera(WEBCAM)
    async with running(camera, V4l2Options(format="MJPG", size="640x480"), frame_rate=30.0) as (_, sink):
        camera.shoot(jpeg(1))
        await until(lambda: len(sink.frames) == 1)
        camera.shoot(jpeg(2), skip=3)
        camera.shoot(b"\xff\xd8 this is no picture", damaged=False)
        camera.shoot(jpeg(3), damaged=True)
        await until(lambda: not camera._filled)
        camera.shoot(jpeg(4))
        await until(lambda: len(sink.frames) == 3)
    assert [round(float(f.data.to_ndarray(format="gray").mean()) / 40) for f in sink.frames] == [1, 2, 4]  # type: ignore[call-arg]
    assert sink.drops == {(VIDEO, "lost by the driver"): 3, (VIDEO, "damaged"): 2}


async def test_a_webcam_of_which_no_picture_can_be_read_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    camera = FakeCamera(WEBCAM)
    async with running(camera, V4l2Options(format="MJPG", size="640x480")) as (_, sink):
        for _ in range(2 * ENOUGH_REFUSED):
            camera.shoot(b"\xff\xd8 this is no picture")
            await until(lambda: not camera._filled)
        await until(lambda: sink.drops[VIDEO, "damaged"] == 2 * ENOUGH_REFUSED)
    (told,) = [text for text in caplog.messages if "track_damaged" in text]
    assert "no picture of /dev/video0 can be used: a damaged JPEG picture" in told


async def test_a_camera_that_encodes_gives_packets(host: PluginHost) -> None:
    with av.open(str(made("h264_only"))) as container:
        annexb = av.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        units = [bytes(out) for packet in container.demux(video=0) if packet.size for out in annexb.filter(packet)]
    camera = FakeCamera({"H264": {(320, 240): (25.0,)}}, has_controls=True)
    options = V4l2Options(format="h264", bitrate=500)
    async with running(camera, options, codec=host.codec) as (source, sink):
        assert camera.controls == {kernel.CONTROL_REPEAT_HEADERS: 1, kernel.CONTROL_BITRATE: 500_000}
        for unit in units[:30]:
            # A driver loses what finds no free buffer; here none shall be lost.
            await until(lambda: camera._queued)
            assert camera.shoot(unit)
        await until(lambda: len(sink.packets) == 30)
        assert source.request_keyframe()
        await until(lambda: camera.controls.get(kernel.CONTROL_KEYFRAME) == 1)
    assert sink.packets[0].keyframe
    assert (sink.packets[0].track.codec, sink.packets[0].track.width) == ("h264", 320)
    assert all(p.payload[-100:] == unit[-100:] for p, unit in zip(sink.packets, units[:30], strict=True))
    assert [p.dts for p in sink.packets] == sorted(p.dts for p in sink.packets)


@pytest.fixture
def host() -> PluginHost:
    return PluginHost(allow=["h264"])


async def test_unplugged_while_streaming() -> None:
    camera = FakeCamera(WEBCAM)
    source = V4l2Source(context("/dev/video0", V4l2Options(), handover=_handover()), camera)
    task = asyncio.create_task(source.run(Sink()))
    await until(lambda: camera.streaming)
    camera.break_down(errno.ENODEV)
    with pytest.raises(SourceError, match="the camera is not there") as caught:
        await asyncio.wait_for(task, 10)
    assert not caught.value.fatal
    assert not camera.open


async def test_a_silent_camera_is_noticed() -> None:
    source = V4l2Source(
        context("/dev/video0", V4l2Options(no_data_timeout=0.5), handover=_handover()), FakeCamera(WEBCAM)
    )
    with pytest.raises(SourceError, match=r"/dev/video0: no picture for 0.5 s"):
        async with asyncio.timeout(10):
            await source.run(Sink())


@pytest.mark.parametrize(
    ("camera", "options", "text", "fatal"),
    [
        (FakeCamera(WEBCAM, fail={kernel.QUERYCAP: errno.EACCES}), {}, 'add this user to the group "video"', False),
        (FakeCamera(WEBCAM, fail={kernel.QUERYCAP: errno.ENOENT}), {}, "unplugged", False),
        (FakeCamera(WEBCAM, fail={kernel.SET_FORMAT: errno.EBUSY}), {}, "in use by another program", False),
        (FakeCamera(WEBCAM, fail={kernel.STREAM_ON: errno.ENOSPC}), {}, "the USB bus has no room", False),
        (FakeCamera(WEBCAM, caps=kernel.CAP_STREAMING), {}, "not a camera", True),
        (FakeCamera(WEBCAM, fail={kernel.STREAM_ON: errno.EIO}), {}, r"errno 5\)", False),
        (
            FakeCamera(WEBCAM, caps=kernel.CAP_CAPTURE_PLANES | kernel.CAP_STREAMING, pieces=2),
            {},
            "MJPG comes in 2 pieces of memory; only one is supported",
            True,
        ),
        (FakeCamera(WEBCAM), {"format": "H264"}, r'no format "H264"; it offers YUYV \(YUYV pictures\): 640x480', True),
        (FakeCamera(WEBCAM, gives="YUYV"), {"format": "MJPG"}, "asked for MJPG, the camera gives YUYV", True),
        (FakeCamera({"XYZ1": {}}), {}, "it offers nothing that camcast can use", True),
    ],
)
async def test_what_is_wrong_is_said(camera: FakeCamera, options: dict[str, Any], text: str, fatal: bool) -> None:
    source = V4l2Source(context("/dev/video0", V4l2Options(**options), handover=_handover()), camera)
    with pytest.raises(SourceError, match=text) as caught:
        await source.run(Sink())
    assert caught.value.fatal is fatal
    assert not camera.streaming


def test_the_size_counts_first_then_the_rate_then_the_format() -> None:
    offers = [Offer(name, name, tuple(sizes.items())) for name, sizes in WEBCAM.items()]
    offers.append(Offer("H264", "H264", (((1920, 1080), (30.0,)),)))

    def chosen(format: str, size: tuple[int, int], rate: float) -> tuple[str, tuple[int, int], float]:
        choice = choose(offers, format, size, rate)
        return choice.fourcc, choice.size, choice.rate

    assert chosen("auto", (640, 480), 25) == ("YUYV", (640, 480), 30)
    assert chosen("auto", (640, 480), 15) == ("YUYV", (640, 480), 15)
    assert chosen("auto", (1280, 720), 30) == ("MJPG", (1280, 720), 30)
    assert chosen("auto", (0, 0), 0) == ("MJPG", (1280, 720), 30)
    assert chosen("auto", (1920, 1080), 60) == ("MJPG", (1920, 1080), 30)
    assert chosen("yuyv", (1920, 1080), 30) == ("YUYV", (1280, 720), 10)
    assert chosen("h264", (640, 480), 30) == ("H264", (1920, 1080), 30)
    assert chosen("auto", (800, 600), 30) == ("MJPG", (1280, 720), 30)
    only = [Offer("H264", "", ()), Offer("NV12", "", (), Span((32, 32), (4096, 2160), (32, 2)))]
    assert choose(only, "auto", (1290, 721), 30).size == (1280, 720)
    assert choose(only[:1], "auto", (640, 480), 30).fourcc == "H264"


def test_devices_are_listed_with_what_they_offer() -> None:
    cameras = {
        "/dev/video0": FakeCamera(WEBCAM),
        "/dev/video1": FakeCamera({}, caps=kernel.CAP_STREAMING),
        "/dev/video2": FakeCamera(WEBCAM, fail={kernel.QUERYCAP: errno.EACCES}),
        "/dev/video3": FakeCamera(
            {"NV12": {}},
            name="CSI",
            caps=kernel.CAP_CAPTURE_PLANES | kernel.CAP_STREAMING,
            span=((32, 32), (1920, 1080), (2, 2)),
        ),
        "/dev/video4": FakeCamera({"H264": {(640, 480): (29.97,)}}, name="Enc"),
    }
    found = list_devices(cameras, lambda path: cameras[path](path))
    assert [(device.url, device.name) for device in found] == [
        ("/dev/video0", "Made-up Camera"), ("/dev/video2", "?"), ("/dev/video3", "CSI"), ("/dev/video4", "Enc"),
    ]  # fmt: skip
    assert found[0].offers == (
        "YUYV (YUYV pictures): 640x480 30/15 fps, 1280x720 10 fps",
        "MJPG (MJPG pictures): 640x480 30 fps, 1280x720 60/30 fps, 1920x1080 30 fps",
    )
    assert 'group "video"' in found[1].offers[0]
    assert found[2].offers == ("NV12 (NV12 pictures): 32x32 to 1920x1080",)
    assert found[3].offers == ("H264 (H264 pictures): 640x480 29.97 fps",)
    assert not any(camera.open for path, camera in cameras.items() if path != "/dev/video2")


def test_the_kind_lists_this_machines_devices() -> None:
    (kind,) = camcast_sources()
    assert kind.devices is not None
    assert isinstance(list(kind.devices()), list)


async def test_no_device_file() -> None:
    (kind,) = camcast_sources()
    with pytest.raises(SourceError, match="/dev/video250: the camera is not there"):
        await kind.build(context("/dev/video250", V4l2Options(), handover=_handover())).run(Sink())


def test_one_device_has_one_place_however_it_is_named(tmp_path: Path) -> None:
    link = tmp_path / "usb-Some_Camera-index0"
    link.symlink_to("/dev/video0")
    assert {device_place(url) for url in ("0", "/dev/video0", "v4l2:///dev/video0", str(link))} == {"/dev/video0"}
    assert device_place("1") != device_place("0")
    assert device_place("http://is/none") == "http://is/none"


def test_names_of_devices() -> None:
    assert device_path("0") == device_path("/dev/video0") == device_path("v4l2:///dev/video0") == "/dev/video0"
    with pytest.raises(SourceError, match="named by its device"):
        device_path("rtsp://camera")
    with pytest.raises(ValueError, match='must be like "1280x720"'):
        V4l2Options(size="big")


def _handover() -> LoopHandover:
    return LoopHandover(asyncio.get_running_loop())
