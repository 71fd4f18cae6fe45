"""The rules of an encoder: settings honoured, packets that are normal and in order, orders obeyed while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import EncoderError, MissingDependency
from camcast.host import PluginHost
from camcast.kinds import CodecKind, EncoderKind
from camcast.media import NS_PER_MS, NS_PER_S, Frame, MediaKind, Packet
from camcast.testing.conformance import base
from camcast.testing.conformance.media import frames_for, pictures, settings_for, size_of, sound
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import descriptors, threads

RULES: Rules[EncoderBench] = Rules()


class EncoderBench:
    """An encoder and its codec. What it makes with plain settings is made once and shared by rules."""

    def __init__(
        self,
        host: PluginHost,
        kind: EncoderKind,
        options: Mapping[str, Any] | None = None,
        memo: dict[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.kind = kind
        self.codec: CodecKind = host.codec(kind.codec)
        self.video = self.codec.media is MediaKind.VIDEO
        self.options = host.structure_options(kind, dict(options or {}), "options")
        self._memo = {} if memo is None else memo

    def settings(self, **changes: Any) -> EncoderSettings:
        return settings_for(self.codec, options=self.options, **changes)

    def open(self, **changes: Any) -> Encoder:
        return self.kind.open(self.settings(**changes))

    def encode(self, frames: Sequence[Frame], act: Callable[[Encoder, int], object], **changes: Any) -> list[Packet]:
        """Everything of `frames`; `act(encoder, number)` before each."""
        encoder = self.open(**changes)
        packets: list[Packet] = []
        try:
            for number, frame in enumerate(frames):
                act(encoder, number)
                packets += encoder.encode(frame)
            packets += encoder.flush()
        finally:
            encoder.close()
        expect(packets, "the encoder made nothing")
        return packets

    def plain(self) -> list[Packet]:
        """Two seconds with plain settings."""
        if "plain" not in self._memo:
            self._memo["plain"] = self.encode(self.frames, lambda encoder, number: None)
        packets: list[Packet] = self._memo["plain"]
        return packets

    @property
    def frames(self) -> list[Frame]:
        """What `plain` is made of."""
        if "frames" not in self._memo:
            self._memo["frames"] = list(frames_for(self.codec))
        frames: list[Frame] = self._memo["frames"]
        return frames


@RULES.add
def lists_without_loading(bench: EncoderBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def probes(bench: EncoderBench) -> None:
    """`probe` opens the encoder for real and leaves nothing; where it cannot, `EncoderError` or `MissingDependency`."""
    try:
        bench.kind.probe()
    except (EncoderError, MissingDependency) as error:
        broken(f"the encoder does not work here, so it cannot be checked: {error}")
    except Exception as error:  # noqa: BLE001
        broken(f"probe() raised {type(error).__name__}: expected EncoderError or MissingDependency")


@RULES.add
def honours_format(bench: EncoderBench) -> None:
    """Packets are of the kind's codec, and their track has the size and rate, or the sampling rate, of the settings."""
    track, wanted = bench.plain()[0].track, bench.settings()
    expect(track.codec == bench.codec.name, f"the track's codec is {track.codec!r}: expected {bench.codec.name!r}")
    if bench.video:
        expect(
            (track.width, track.height) == (wanted.width, wanted.height), f"the track is {track.width}x{track.height}"
        )
        expect(abs(track.frame_rate - wanted.frame_rate) < 0.01, f"the track has {track.frame_rate} frames per second")
    else:
        expect((track.sample_rate, track.channels) == (wanted.sample_rate, wanted.channels), f"the track is {track}")


@RULES.add
def honours_bitrate(bench: EncoderBench) -> None:
    """Over two seconds the bitrate is near what was asked for; sound may need less."""
    packets, wanted = bench.plain(), bench.settings().bitrate
    got = sum(size_of(packet) for packet in packets) * 8 * NS_PER_S / (bench.frames[-1].pts or 1)
    least = 0.5 if bench.video else 0.02
    expect(least * wanted < got < 1.6 * wanted, f"asked for {wanted} bit/s, got {got:.0f}")


@RULES.add
def honours_gop(bench: EncoderBench) -> None:
    """There is a keyframe at the start and after each `gop` seconds, and for sound always."""
    packets = bench.plain()
    keys = [packet.pts for packet in packets if packet.keyframe]
    expect(packets[0].keyframe, "the first packet is no keyframe")
    if bench.video:
        gaps = [second - first for first, second in pairwise([*keys, bench.frames[-1].pts])]
        limit = (bench.settings().gop + 0.05) * NS_PER_S
        expect(max(gaps) <= limit, f"{max(gaps) / 1e9:.2f} s without a keyframe: asked for {bench.settings().gop:g}")
        expect(len(keys) <= 4, f"{len(keys)} keyframes in two seconds, one a second was asked for")
    else:
        expect(len(keys) == len(packets), "a packet of sound is no keyframe")


@RULES.add
def keyframe_on_request(bench: EncoderBench) -> None:
    """After `request_keyframe` the next frame is a keyframe, and only that."""
    if not bench.video:
        bench.open().request_keyframe()
        return
    frames = list(pictures(0.8))
    at = 10

    def ask(encoder: Encoder, number: int) -> None:
        if number == at:
            encoder.request_keyframe()

    packets = bench.encode(frames, ask)
    keys = {packet.pts for packet in packets if packet.keyframe}
    expect(frames[at].pts in keys, "the frame after request_keyframe() is no keyframe")
    expect(frames[at + 1].pts not in keys, "request_keyframe() made more than one keyframe")


@RULES.add
def follows_bitrate(bench: EncoderBench) -> None:
    """`set_bitrate` takes effect within a group of pictures, without a gap; a nonsense value is an `EncoderError`."""
    if not bench.video:
        bench.open().set_bitrate(64_000)
        return
    frames = list(pictures(4.0))
    turn = len(frames) // 2

    def lower(encoder: Encoder, number: int) -> None:
        if number == turn:
            encoder.set_bitrate(300_000)

    packets = bench.encode(
        frames,
        lower,
        bitrate=1_500_000,
        max_bitrate=1_500_000,
    )
    expect(len(packets) == len(frames), f"{len(frames)} frames became {len(packets)} packets with a change of bitrate")
    sizes = [size_of(packet) for packet in sorted(packets, key=lambda packet: packet.pts)]
    before, after = sum(sizes[turn // 2 : turn]), sum(sizes[-turn // 2 :])
    expect(after < 0.6 * before, f"a second took {before} bytes before set_bitrate() to a fifth, and {after} after it")


@RULES.add
def times_in_order(bench: EncoderBench) -> None:
    """Decode times rise, display times are not before them, and pictures keep the very times of their frames."""
    packets = bench.plain()
    expect(all(first.dts < second.dts for first, second in pairwise(packets)), "decode times do not rise")
    expect(all(packet.dts <= packet.pts for packet in packets), "a packet is shown before it is decoded")
    if bench.video:
        shown = sorted(packet.pts for packet in packets)
        expect(shown == [frame.pts for frame in bench.frames], "packets' display times are not those of the frames")
    else:
        jumps = [second.dts - first.dts for first, second in pairwise(packets)]
        expect(max(jumps) - min(jumps) <= NS_PER_MS, "packets of sound are not one after another")


@RULES.add
def carries_arrival(bench: EncoderBench) -> None:
    """A packet's `arrival` is that of the frame shown in it."""
    packets = bench.plain()
    known = {frame.pts: frame.arrival for frame in bench.frames}
    if bench.video:
        wrong = [packet for packet in packets if known.get(packet.pts) != packet.arrival]
    else:
        wrong = [packet for packet in packets if packet.arrival not in known.values()]
    expect(not wrong, f"{len(wrong)} of {len(packets)} packets have another arrival than their frame")


@RULES.add
def makes_normal_packets(bench: EncoderBench) -> None:
    """Packets are what the codec's own parser makes: parsed again they stay as they are, and carry one track."""
    packets = bench.plain()
    expect(len({id(packet.track) for packet in packets}) == 1, "packets carry different tracks though nothing changed")
    parser = bench.codec.parser(packets[0].track.config)
    for packet in packets:
        again = parser.parse(packet.payload, packet.dts, packet.pts)
        same = again is not None and (again.payload, again.keyframe) == (packet.payload, packet.keyframe)
        expect(same, "the codec's parser makes something else of a packet")


@RULES.add
def closes_twice(bench: EncoderBench) -> None:
    """`close` may be called again; after it `flush` gives nothing and `encode` raises `EncoderError`."""
    encoder = bench.open()
    frame = next(iter(frames_for(bench.codec, 0.1)))
    encoder.encode(frame)
    for _ in range(2):
        try:
            encoder.close()
        except Exception as error:  # noqa: BLE001
            broken(f"close() of a closed encoder raised {type(error).__name__}")
    expect(encoder.flush() == [], "flush() of a closed encoder gave packets")
    try:
        encoder.encode(frame)
    except EncoderError:
        return
    except Exception as error:  # noqa: BLE001
        broken(f"encode() of a closed encoder raised {type(error).__name__}: expected EncoderError")
    broken("encode() of a closed encoder went well: expected EncoderError")


@RULES.add
def errors_are_encoder_errors(bench: EncoderBench) -> None:
    """Frames of the wrong kind and settings that cannot be are an `EncoderError`."""
    wrong = next(iter(sound(0.1) if bench.video else pictures(0.1)))
    right = next(iter(frames_for(bench.codec, 0.1)))
    absurd: dict[str, Any] = {"width": 1 << 17, "height": 1 << 17} if bench.video else {"sample_rate": 1, "channels": 1}

    def encode_wrong() -> None:
        encoder = bench.open()
        try:
            encoder.encode(wrong)
        finally:
            encoder.close()

    def open_absurd() -> None:
        encoder = bench.open(**absurd)
        try:
            encoder.encode(right)
        finally:
            encoder.close()

    for what, doing in (("a frame of another kind", encode_wrong), (f"settings {absurd}", open_absurd)):
        try:
            doing()
        except EncoderError:
            continue
        except Exception as error:  # noqa: BLE001
            broken(f"{what} raised {type(error).__name__}: expected EncoderError")
        expect(doing is not encode_wrong, "a frame of another kind was encoded")


@RULES.add
def leaves_nothing(bench: EncoderBench) -> None:
    """After `close` no thread of the plugin's and no descriptor is left."""
    bench.plain()
    before_threads, before = threads(), len(descriptors())
    bench.encode(list(frames_for(bench.codec, 0.2)), lambda encoder, number: None)
    left = [thread.name for thread in threads() - before_threads]
    expect(not left, f"threads left: {left}")
    expect(len(descriptors()) <= before, "descriptors were left open")
