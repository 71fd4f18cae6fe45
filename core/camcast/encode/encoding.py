"""The stream's own encoder: makes packets of a source's frames, or of packets in another codec."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from camcast.config import EncoderConfig
from camcast.config.defaults import AUDIO_CODEC, VIDEO_CODEC
from camcast.contracts import Encoder, EncoderSettings, Handover
from camcast.encode.choice import open_best
from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.encode.thread import Encode, EncoderThread
from camcast.encode.transcoding import AUDIO_BITRATE, Transcoder, video_bitrate
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.media import RAW, Frame, MediaKind, Packet, Track


class Encoding:
    """Encoders for the given tracks, a thread each."""

    def __init__(
        self,
        host: PluginHost,
        handover: Handover,
        config: EncoderConfig,
        tracks: Sequence[Track],
        *,
        label: str,
        on_packet: Callable[[Packet], object],
        on_error: Callable[[CamcastError], object],
        on_drop: Callable[[MediaKind, str, int], object],
        note: Callable[[str, str], object],
    ) -> None:
        self._host = host
        self._config = config
        self._note = note
        self._handover = handover
        self._bitrate = 0
        self._smaller = AS_IT_IS
        self._opened = 0
        """What the picture's encoder may be asked for at most, bit/s; 0 = it is not open yet."""
        self._threads: dict[MediaKind, EncoderThread] = {}
        self._encodes: dict[MediaKind, Encode] = {}
        self._transcoder: Transcoder | None = None
        for track in tracks:
            name = f"{label}-{track.kind.value}"
            if track.codec != RAW:
                self._transcoder = Transcoder(
                    host,
                    self.prediction(track, config).codec,
                    handover,
                    name=name,
                    bitrate=config.bitrate_kbps * 1000,
                    implementation=config.implementation,
                    on_packet=on_packet,
                    on_error=on_error,
                    on_drop=on_drop,
                    note=note,
                )
                continue
            encode = self._encodes[track.kind] = Encode(lambda track=track: self._open(track))  # type: ignore[misc]
            self._threads[track.kind] = EncoderThread(
                encode,
                handover,
                host,
                name=name,
                on_packet=on_packet,
                on_error=on_error,
                on_drop=lambda kind, count: on_drop(kind, "encoder behind", count),
                on_slow=lambda: note("encoder_slow", "encoding is slower than real time here; pictures are left out"),
            )

    @staticmethod
    def prediction(track: Track, config: EncoderConfig) -> Track:
        """The track that encoding `track` will give, as far as negotiation needs it."""
        if track.kind is MediaKind.AUDIO:
            return Track(kind=track.kind, codec=AUDIO_CODEC, sample_rate=track.sample_rate, channels=track.channels)
        return Track(
            kind=track.kind,
            codec=config.codec or VIDEO_CODEC,
            width=config.width or track.width,
            height=config.height or track.height,
            frame_rate=config.framerate or track.frame_rate,
            reorder=config.b_frames,
        )

    def wants(self, kind: MediaKind) -> bool:
        """Whether packets of this kind go through here."""
        return self._transcoder is not None and kind is MediaKind.VIDEO

    def put(self, item: Frame | Packet) -> None:
        if isinstance(item, Packet):
            if self._transcoder is not None:
                self._transcoder.put(item)
            return
        thread = self._threads.get(item.track.kind)
        if thread is not None:
            thread.put(item)

    def request_keyframe(self) -> bool:
        if self._transcoder is not None:
            self._transcoder.request_keyframe()
            return True
        return self._command(lambda encoder: encoder.request_keyframe())

    def set_bitrate(self, bitrate: int) -> bool:
        """bit/s for the picture; at most the configured one. False = there is none."""
        self._bitrate = bitrate = min(bitrate, self._config.bitrate_kbps * 1000 or bitrate)
        if self._transcoder is not None:
            self._transcoder.set_bitrate(bitrate)
            return True
        # As promised by `EncoderSettings.max_bitrate`; one that is to be opened anew for more may not have been yet.
        return self._command(lambda encoder: encoder.set_bitrate(min(bitrate, self._opened)))

    def adopt(self, config: EncoderConfig) -> None:
        """Be configured like this from now on; it differs in its bitrate only. No picture is lost."""
        self._config, self._bitrate = config, 0
        bitrate, encode = config.bitrate_kbps * 1000, self._encodes.get(MediaKind.VIDEO)
        if self._transcoder is not None:
            self._transcoder.adopt(bitrate)
        elif 0 < bitrate <= self._opened:
            self._command(lambda encoder: encoder.set_bitrate(bitrate))
        elif encode is not None:
            # An encoder is opened for what it may be asked for at most.
            self._threads[MediaKind.VIDEO].command(encode.anew)

    def make(self, smaller: Smaller) -> bool:
        """Make the picture no larger than this from its next keyframe on, which is soon. False = there is none."""
        encode = self._encodes.get(MediaKind.VIDEO)
        if self._transcoder is not None:
            self._transcoder.make(smaller)
        elif encode is None:
            return False
        elif smaller != self._smaller:
            self._smaller = smaller
            self._threads[MediaKind.VIDEO].command(encode.anew)
        return True

    def close(self) -> None:
        for thread in self._threads.values():
            thread.stop()
        if self._transcoder is not None:
            self._transcoder.close()

    def _command(self, call: Callable[[Encoder], object]) -> bool:
        thread, encode = self._threads.get(MediaKind.VIDEO), self._encodes.get(MediaKind.VIDEO)
        if thread is None or encode is None:
            return False
        thread.command(lambda: call(encode.encoder) if encode.encoder is not None else None)
        return True

    def _open(self, track: Track) -> Encoder:
        host, config = self._host, self._config
        wanted = self.prediction(track, config)
        if track.kind is MediaKind.AUDIO:
            settings = EncoderSettings(sample_rate=track.sample_rate, channels=track.channels, bitrate=AUDIO_BITRATE)
            chosen = open_best(host.encoders, wanted.codec, "auto", settings, faults=host.faults)
        else:
            rate = config.bitrate_kbps * 1000 or video_bitrate(wanted.width, wanted.height, wanted.frame_rate)
            self._opened, smaller = rate, self._smaller
            width, height = smaller.size(wanted.width, wanted.height)
            self._encodes[track.kind].sparse.rate = smaller.frame_rate
            settings = EncoderSettings(
                width=width,
                height=height,
                frame_rate=smaller.rate(wanted.frame_rate),
                bitrate=min(self._bitrate or rate, rate),
                max_bitrate=rate,
                rate_control=config.rate_control,
                gop=config.gop,
                b_frames=config.b_frames,
            )
            chosen = open_best(
                host.encoders,
                wanted.codec,
                config.implementation,
                settings,
                faults=host.faults,
                options=lambda kind: host.structure_options(kind, config.options, "encoder.options"),
            )
        self._handover.call(self._note, "encoder_chosen", chosen.report)
        return chosen.encoder
