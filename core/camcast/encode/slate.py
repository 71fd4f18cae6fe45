"""The still picture while a source is gone, with silence, in the stream's own codec, size and rate.

It is encoded on a thread of its own. The feed switches to it, and away from it, at keyframes; its timestamps
run on the loop's clock and are put on the stream's timeline like any source's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from camcast.config import EncoderConfig, SlateConfig
from camcast.contracts import Encoder, EncoderSettings, Handover
from camcast.encode.beat import Beat
from camcast.encode.card import card, image
from camcast.encode.choice import open_best
from camcast.encode.silence import Silence
from camcast.encode.thread import EncoderThread
from camcast.encode.transcoding import video_bitrate
from camcast.errors import CamcastError, EncoderError
from camcast.host import PluginHost
from camcast.media import NS_PER_S, Frame, Packet, Track

if TYPE_CHECKING:
    import av

DEFAULT_RATE = 25.0
BITRATE_SHARE = 4
"""A still needs a fraction of what the stream does."""


class Slate:
    """One showing, from `start` to `stop`. All calls on the loop."""

    def __init__(
        self,
        config: SlateConfig,
        video: Track,
        audio: Track | None,
        group: Sequence[Packet],
        host: PluginHost,
        handover: Handover,
        encoder: EncoderConfig,
        *,
        name: str,
        label: str,
        on_packet: Callable[[Packet], object],
        on_error: Callable[[CamcastError], object],
    ) -> None:
        """`video` and `audio` are the stream's tracks to imitate; `group` the last pictures seen, for "last"."""
        self._rate = video.frame_rate or DEFAULT_RATE
        self._on_packet = on_packet
        self._silence: Silence | None = None
        if audio is not None and host.codec(audio.codec).silence is not None:
            self._silence = Silence(host.codec(audio.codec), audio.sample_rate, audio.channels)
        self._process = _Still(config, video, tuple(group), host, encoder, name)
        self._thread = EncoderThread(
            self._process,
            handover,
            host,
            name=f"{label}-slate",
            on_packet=self._deliver,
            on_error=on_error,
            on_drop=lambda kind, count: None,
        )
        self._track = video
        self._started = 0
        self._beat = Beat(self._rate, 0.0)
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin to send pictures."""
        self._started = time.monotonic_ns()
        self._tick()

    def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._thread.stop()

    def _tick(self) -> None:
        number, wait = self._beat.tick((time.monotonic_ns() - self._started) / NS_PER_S)
        elapsed = round(number * NS_PER_S / self._rate)
        blank = Frame(self._track, elapsed, None, arrival=self._started + elapsed)  # type: ignore[arg-type]
        self._thread.put(blank)
        self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _deliver(self, packet: Packet) -> None:
        if self._stopped:
            return
        packet.arrival = time.monotonic_ns()
        if self._silence is not None:
            for silent in self._silence.until(packet.dts, packet.arrival):
                self._on_packet(silent)
        self._on_packet(packet)


class _Still:
    """Paints and encodes, on its thread: a blank frame in, packets out."""

    def __init__(
        self,
        config: SlateConfig,
        track: Track,
        group: Sequence[Packet],
        host: PluginHost,
        encoder: EncoderConfig,
        name: str,
    ) -> None:
        self._config = config
        self._track = track
        self._group = group
        self._host = host
        self._settings = encoder
        self._name = name
        self._encoder: Encoder | None = None
        self._picture: av.VideoFrame | None = None
        self._second = -1
        self._gone_since = time.strftime("%H:%M:%S")

    def step(self, item: Frame | Packet) -> Sequence[Packet]:
        assert isinstance(item, Frame)
        if self._encoder is None:
            self._encoder = self._open()
        return self._encoder.encode(attrs.evolve(item, data=self._paint()))

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()

    def _paint(self) -> av.VideoFrame:
        """The picture; a card is painted anew each second, as it shows the time."""
        second = int(time.time())
        wanted = self._config.picture
        if self._picture is None and wanted == "last":
            self._picture = self._last()
        if self._picture is None and wanted == "image" and self._config.image:
            self._picture = image(self._config.image, self._track.width, self._track.height)
        if self._picture is None or (wanted == "card" and second != self._second):
            lines = (f"no picture since {self._gone_since}", time.strftime("%Y-%m-%d %H:%M:%S"))
            self._picture = card(self._track.width, self._track.height, self._name, lines)
        self._second = second
        return self._picture

    def _last(self) -> av.VideoFrame | None:
        """The last picture seen, or None where it cannot be decoded."""
        kind = self._host.codec(self._track.codec)
        if kind.decoder is None or not self._group:
            return None
        decoder = kind.decoder(self._track)
        try:
            frames = [frame for packet in self._group for frame in decoder.decode(packet)] + decoder.flush()
        finally:
            decoder.close()
        data = frames[-1].data if frames else None
        return data.reformat(self._track.width, self._track.height, "yuv420p") if data is not None else None  # type: ignore[union-attr]

    def _open(self) -> Encoder:
        track = self._track
        if not (track.width and track.height):
            raise EncoderError("the slate needs the picture's size, and no picture has been seen yet")
        full = self._settings.bitrate_kbps * 1000 or video_bitrate(track.width, track.height, track.frame_rate)
        rate = max(full // BITRATE_SHARE, 100_000)
        settings = EncoderSettings(
            width=track.width,
            height=track.height,
            frame_rate=track.frame_rate or DEFAULT_RATE,
            bitrate=rate,
            max_bitrate=rate,
            gop=self._settings.gop,
        )
        host, implementation = self._host, self._settings.implementation
        return open_best(host.encoders, track.codec, implementation, settings, faults=host.faults).encoder
