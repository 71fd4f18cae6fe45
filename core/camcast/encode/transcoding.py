"""One track transcoded: decoder and encoder found among the plugins, run by a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from camcast.contracts import Decoder, Encoder, EncoderSettings, Handover
from camcast.encode.choice import open_best
from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.encode.thread import EncoderThread, Transcode
from camcast.errors import CamcastError, EncoderError
from camcast.host import PluginHost
from camcast.media import Frame, MediaKind, Packet

BITS_PER_PIXEL = 0.1
"""For a fallback without a bitrate of its own: 4 Mbit/s at 1080p20."""
MIN_VIDEO_BITRATE = 300_000
AUDIO_BITRATE = 128_000
MIN_SAMPLE_RATE, USUAL_SAMPLE_RATE = 32_000, 48_000
"""Sound below the first is transcoded at the second: platforms want it, and a codec's blocks are shorter there, so
telephone sound does not come a third of a second after its picture."""


def video_bitrate(width: int, height: int, frame_rate: float) -> int:
    """A sensible rate in bit/s where none is given."""
    return max(MIN_VIDEO_BITRATE, int(width * height * (frame_rate or 25) * BITS_PER_PIXEL))


class Transcoder:
    """Decodes one track's packets and encodes them as `codec`."""

    def __init__(
        self,
        host: PluginHost,
        codec: str,
        handover: Handover,
        *,
        name: str,
        bitrate: int,
        implementation: str,
        on_packet: Callable[[Packet], object],
        on_error: Callable[[CamcastError], object],
        on_drop: Callable[[MediaKind, str, int], object],
        note: Callable[[str, str], object],
    ) -> None:
        self._host = host
        self._codec = codec
        self._bitrate = self._limit = bitrate
        self._smaller = AS_IT_IS
        self._opened = 0
        """What the encoder may be asked for at most, bit/s; 0 = it is not open yet."""
        self._implementation = implementation
        self._note = note
        self._handover = handover
        self._process = Transcode(
            self._open_decoder,
            self._open_encoder,
            lambda packet: handover.call(on_drop, packet.track.kind, "damaged", 1),
        )
        self._thread = EncoderThread(
            self._process,
            handover,
            host,
            name=name,
            on_packet=on_packet,
            on_error=on_error,
            on_drop=lambda kind, count: on_drop(kind, "transcoder behind", count),
            on_slow=lambda: on_error(
                EncoderError(f"transcoding to {codec} is slower than real time here, so it was stopped")
            ),
        )

    def put(self, packet: Packet) -> None:
        self._thread.put(packet)

    def prime(self, group: Sequence[Packet]) -> None:
        """Begin with the last picture of a group, of which the others have gone by. Before the first `put`."""
        packets = tuple(group)
        self._thread.command(lambda: self._process.prime(packets))
        self._thread.put(packets[-1])

    def request_keyframe(self) -> None:
        self._command(lambda encoder: encoder.request_keyframe())

    def set_bitrate(self, bitrate: int) -> None:
        """bit/s for the picture; at most what it is configured with."""
        self._bitrate = bitrate = min(bitrate, self._limit or bitrate)
        # As promised by `EncoderSettings.max_bitrate`; one that is to be opened anew for more may not have been yet.
        self._command(lambda encoder: encoder.set_bitrate(min(bitrate, self._opened)))

    def adopt(self, bitrate: int) -> None:
        """Be configured with so many bit/s from now on; 0 = chosen by the size."""
        self._bitrate = self._limit = bitrate
        if 0 < bitrate <= self._opened:
            self._command(lambda encoder: encoder.set_bitrate(bitrate))
        else:
            # An encoder is opened for what it may be asked for at most.
            self._thread.command(self._process.anew)

    def make(self, smaller: Smaller) -> None:
        """Make the picture no larger than this from its next keyframe on, which is soon."""
        if smaller != self._smaller:
            self._smaller = smaller
            self._thread.command(self._process.anew)

    def close(self) -> None:
        self._thread.stop()

    def _command(self, call: Callable[[Encoder], object]) -> None:
        def run() -> None:
            if self._process.encoder is not None:
                call(self._process.encoder)

        self._thread.command(run)

    def _open_decoder(self, packet: Packet) -> Decoder:
        kind = self._host.codec(packet.track.codec)
        if kind.decoder is None:
            raise EncoderError(f"{kind.title} cannot be decoded here, so it cannot be transcoded")
        return kind.decoder(packet.track)

    def _open_encoder(self, frame: Frame) -> Encoder:
        track = frame.track
        if track.kind is MediaKind.VIDEO:
            limit = self._opened = self._limit or video_bitrate(track.width, track.height, track.frame_rate)
            smaller = self._smaller
            width, height = smaller.size(track.width, track.height)
            self._process.sparse.rate = smaller.frame_rate
            settings = EncoderSettings(
                width=width,
                height=height,
                frame_rate=smaller.rate(track.frame_rate),
                bitrate=min(self._bitrate or limit, limit),
                max_bitrate=limit,
            )
        else:
            channels = min(track.channels, 2)
            rate = track.sample_rate if track.sample_rate >= MIN_SAMPLE_RATE else USUAL_SAMPLE_RATE
            settings = EncoderSettings(sample_rate=rate, channels=channels, bitrate=AUDIO_BITRATE * channels // 2)
        host = self._host
        chosen = open_best(host.encoders, self._codec, self._implementation, settings, faults=host.faults)
        self._handover.call(self._note, "encoder_chosen", chosen.report)
        return chosen.encoder
