"""The rules of a codec: what its parser makes of good media and of bad, its record, its FLV forms, its decoder."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from camcast.contracts import CodecParser
from camcast.errors import EncoderError, MediaError
from camcast.host import PluginHost
from camcast.kinds import CodecKind, FlvForm
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast.testing.conformance import base
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.samples import Sample

RULES: Rules[CodecBench] = Rules()
_EXAMPLES = 60
_MAX_HEAD = 8


@attrs.define(eq=False)
class CodecBench:
    """A codec and a second of it."""

    host: PluginHost
    kind: CodecKind
    sample: Sample

    def parser(self) -> CodecParser:
        return self.kind.parser(self.sample.config)

    def packets(self) -> list[Packet]:
        packets = self.sample.parse(self.parser())
        expect(packets, "the parser made no packet of good media")
        return packets

    def damaged(self, seed: int = 7, count: int = 40) -> Iterator[bytes]:
        """Good units with some bytes changed, cut or added: the same ones each time."""
        dice = random.Random(seed)
        for number in range(count):
            data = bytearray(self.sample.units[number % len(self.sample.units)][0])
            match dice.randrange(4):
                case 0:
                    data = data[: dice.randrange(len(data))]
                case 1:
                    data[:16] = dice.randbytes(min(16, len(data)))
                case 2:
                    data = bytearray(dice.randbytes(dice.randrange(64)))
                case _:
                    for _ in range(8):
                        data[dice.randrange(min(len(data), 64))] = dice.randrange(256)
            yield bytes(data)
        yield b""


@RULES.add
def lists_without_loading(bench: CodecBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def describes_itself(bench: CodecBench) -> None:
    """The kind has a name and a title, other names that are its own, and FLV forms under their own names."""
    kind = bench.kind
    expect(
        kind.name and kind.title and kind.name != RAW, "name and title must not be empty, and the name not that of raw"
    )
    others = {
        name.lower()
        for other in bench.host.codecs.values()
        if other is not kind
        for name in (other.name, *other.aliases)
    }
    taken = sorted(others & {name.lower() for name in (kind.name, *kind.aliases)})
    expect(not taken, f"the names {taken} belong to other codecs")
    wrong = [name for name, form in kind.flv.items() if name != form.name]
    expect(not wrong, f"FLV forms {wrong} are listed under other names than their own")


@RULES.add
def parses_its_media(bench: CodecBench) -> None:
    """Good media becomes packets of this codec with the times they came with; they begin with a keyframe."""
    kind, packets = bench.kind, bench.packets()
    expect(
        len(packets) >= len(bench.sample.units) - 2, f"{len(bench.sample.units)} units became {len(packets)} packets"
    )
    times = {number + 1: (dts, pts) for number, (_, dts, pts) in enumerate(bench.sample.units)}
    for packet in packets:
        track = packet.track
        expect(track.codec == kind.name and track.kind is kind.media, f"a packet's track is {track.kind} {track.codec}")
        expect(type(packet.payload) is bytes and packet.payload, "a packet's payload is not bytes, or empty")
        expect(
            times.get(packet.arrival) == (packet.dts, packet.pts),
            "dts, pts and arrival were not passed on as they came",
        )
    expect(packets[0].keyframe, "the first packet is no keyframe")
    expect(
        kind.media is MediaKind.VIDEO or all(packet.keyframe for packet in packets), "audio packets are all keyframes"
    )
    track = packets[0].track
    if kind.media is MediaKind.VIDEO:
        expect(track.width > 0 and track.height > 0, f"the track has size {track.width}x{track.height}")
    elif kind.flv:
        expect(track.sample_rate and track.channels, f"{track.sample_rate} Hz with {track.channels} channels")


@RULES.add
def tracks_are_values(bench: CodecBench) -> None:
    """While parameters stay the same, packets carry the very same track, which is also the parser's `track`."""
    parser = bench.parser()
    packets = bench.sample.parse(parser)
    expect(len({id(packet.track) for packet in packets}) == 1, "packets carry different tracks though nothing changed")
    expect(parser.track is packets[-1].track, "the parser's track is another than its packets'")


@RULES.add
def counts_are_numbers(bench: CodecBench) -> None:
    """`counts` maps reasons to numbers, before and after parsing."""
    parser = bench.parser()
    for _ in range(2):
        wrong = [name for name, count in parser.counts.items() if type(name) is not str or type(count) is not int]
        expect(not wrong, f"counts has {wrong}: expected texts and ints")
        bench.sample.parse(parser)


@RULES.add
def damage_is_a_media_error(bench: CodecBench) -> None:
    """Whatever a parser or its maker is given, it raises `MediaError` or nothing."""
    units = [data for data, _, _ in bench.sample.units[:4]] + [bench.sample.config]

    @settings(max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(units), st.binary(max_size=24), st.integers(0, 200), st.booleans(), st.booleans())
    def attack(good: bytes, junk: bytes, at: int, cut: bool, as_config: bool) -> None:
        data = good[:at] + junk + (b"" if cut else good[at + len(junk) :])
        try:
            (bench.kind.parser(data) if as_config else bench.parser()).parse(data, 0, 0)
        except MediaError:
            return
        except Exception as error:  # noqa: BLE001
            broken(f"{type(error).__name__} for damaged data: expected MediaError ({error})")

    for data in bench.damaged():
        try:
            bench.parser().parse(data, 0, 0)
        except MediaError:
            continue
        except Exception as error:  # noqa: BLE001
            broken(f"{type(error).__name__} for damaged data: expected MediaError ({error})")
    attack()


@RULES.add
def usable_after_damage(bench: CodecBench) -> None:
    """After a `MediaError` the parser goes on: good media becomes the same packets as ever."""
    expected = [packet.payload for packet in bench.packets()]
    refused = [data for data in bench.damaged() if _refuses(bench.parser, data)]
    parser = bench.parser()
    for data in refused:
        _refuses(lambda: parser, data)
    payloads = [packet.payload for packet in bench.sample.parse(parser)]
    expect(
        payloads == expected,
        f"after {len(refused)} damaged units, good media became {len(payloads)} packets, or others",
    )


def _refuses(parser: Callable[[], CodecParser], data: bytes) -> bool:
    try:
        parser().parse(data, 0, 0)
    except MediaError:
        return True
    except Exception:  # noqa: BLE001  another rule's
        return False
    return False


@RULES.add
def config_round_trip(bench: CodecBench) -> None:
    """A parser made from a track's own record arrives at the same track."""
    track = bench.packets()[0].track
    if not track.config:
        return
    parser = bench.kind.parser(track.config)
    # Some records do not tell the size; then the first media does.
    again = parser.track or bench.sample.parse(parser)[0].track
    for name in ("config", "width", "height", "sample_rate", "channels", "profile", "reorder"):
        first, second = getattr(track, name), getattr(again, name)
        expect(first == second, f"a parser made from the track's own record says {name} = {second!r}, not {first!r}")


@RULES.add
def annexb_agrees(bench: CodecBench) -> None:
    """What `annexb` makes can be parsed without any record, and is the same media again."""
    if bench.kind.annexb is None:
        return
    packets = bench.packets()
    parser = bench.kind.parser(b"")
    for packet in packets:
        again = parser.parse(bench.kind.annexb(packet), packet.dts, packet.pts)
        expect(
            again is not None and again.payload == packet.payload, "the parser makes another packet of annexb's bytes"
        )
        assert again is not None
        expect(again.keyframe == packet.keyframe, "the parser sees another keyframe flag in annexb's bytes")
    track, again_track = packets[0].track, parser.track
    same = again_track is not None and (again_track.width, again_track.sample_rate) == (track.width, track.sample_rate)
    expect(same, "the parser knows another format from annexb's bytes")


@RULES.add
def flv_forms_hold(bench: CodecBench) -> None:
    """Heads have 1 to 8 bytes and depend on their arguments alone; a track with a record has a header that holds it."""
    track = bench.packets()[0].track
    for form in bench.kind.flv.values():
        try:
            form.check(track)
        except MediaError:
            continue
        header = form.header(track)
        expect(type(header) is bytes, f"form {form.name}: header() gave {type(header).__name__}")
        if track.config:
            expect(
                track.config in header and len(header) > len(track.config),
                f"form {form.name}: the header lacks the record",
            )
        for keyframe in (True, False):
            for composition in (0, 40, -40, 0x7FFFFF, -0x800000):
                _check_head(form, track, keyframe, composition)


def _check_head(form: FlvForm, track: Track, keyframe: bool, composition: int) -> None:
    try:
        head = form.head(track, keyframe, composition)
    except Exception as error:  # noqa: BLE001
        broken(f"form {form.name}: head() raised {type(error).__name__} for a composition time of {composition} ms")
    expect(
        type(head) is bytes and 1 <= len(head) <= _MAX_HEAD,
        f"form {form.name}: a head of {len(head)} bytes: expected 1 to 8",
    )
    expect(
        head == form.head(track, keyframe, composition),
        f"form {form.name}: head() says something else when asked again",
    )


@RULES.add
def decodes(bench: CodecBench) -> None:
    """The decoder gives frames with the packets' times and arrivals, of the track's format."""
    if bench.kind.decoder is None:
        return
    packets = bench.packets()
    decoder = bench.kind.decoder(packets[0].track)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    decoder.close()
    expect(len(frames) >= len(packets) / 2, f"{len(packets)} packets became {len(frames)} frames")
    track = packets[0].track
    times = {packet.pts: packet.arrival for packet in packets}
    for frame in frames:
        expect(frame.track.codec == RAW and frame.track.kind is track.kind, f"a frame's track is {frame.track.codec}")
    if track.kind is MediaKind.VIDEO:
        sizes = {(frame.track.width, frame.track.height) for frame in frames}
        expect(sizes == {(track.width, track.height)}, f"frames have {sizes}, the track {track.width}x{track.height}")
        carried = all(times.get(frame.pts) == frame.arrival for frame in frames)
        expect(carried, "frames lack their packets' pts or arrival")
    ordered = all(first.pts < second.pts for first, second in pairwise(frames))
    expect(ordered, "frames do not come in order of display")


@RULES.add
def decoder_survives_damage(bench: CodecBench) -> None:
    """A damaged packet raises `MediaError` or `EncoderError` or nothing, and the next keyframe decodes."""
    if bench.kind.decoder is None:
        return
    packets = bench.packets()
    decoder = bench.kind.decoder(packets[0].track)
    for data in filter(None, bench.damaged(count=12)):
        try:
            decoder.decode(Packet(packets[0].track, 0, 0, True, data))
        except (MediaError, EncoderError):
            continue
        except Exception as error:  # noqa: BLE001
            broken(f"the decoder raised {type(error).__name__} for a damaged packet")
    good: list[Frame] = []
    for packet in packets:
        late = attrs.evolve(packet, dts=packet.dts + NS_PER_S, pts=packet.pts + NS_PER_S)
        try:
            good += decoder.decode(late)
        except (MediaError, EncoderError):
            continue
    decoder.close()
    expect(good, "after damaged packets the decoder made nothing of good ones")


@RULES.add
def decoder_closes_twice(bench: CodecBench) -> None:
    """`close` may be called again, `flush` after it gives nothing, and `decode` after it raises `EncoderError`."""
    if bench.kind.decoder is None:
        return
    packet = bench.packets()[0]
    decoder = bench.kind.decoder(packet.track)
    for _ in range(2):
        try:
            decoder.close()
        except Exception as error:  # noqa: BLE001
            broken(f"close() of a closed decoder raised {type(error).__name__}")
    expect(decoder.flush() == [], "flush() of a closed decoder gave frames")
    try:
        decoder.decode(packet)
    except EncoderError:
        return
    except Exception as error:  # noqa: BLE001
        broken(f"decode() of a closed decoder raised {type(error).__name__}: expected EncoderError")
    broken("decode() of a closed decoder went well: expected EncoderError")


@RULES.add
def silence_is_silent(bench: CodecBench) -> None:
    """Silence is one packet of this codec that decodes to nothing loud; for formats it has not, `MediaError`."""
    silence: Any = bench.kind.silence
    if silence is None:
        return
    track, payload, samples = silence(48_000, 2)
    expect((track.codec, track.sample_rate, track.channels) == (bench.kind.name, 48_000, 2), f"its track is {track}")
    expect(payload and samples > 0, "a silent packet is empty, or has no duration")
    try:
        silence(12_345, 17)
    except MediaError:
        pass
    except Exception as error:  # noqa: BLE001
        broken(f"silence(12345, 17) raised {type(error).__name__}: expected MediaError")
    if bench.kind.decoder is None:
        return
    decoder = bench.kind.decoder(track)
    step = samples * NS_PER_S // 48_000
    packets = [Packet(track, number * step, number * step, True, payload) for number in range(4)]
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    decoder.close()
    expect(frames, "silence does not decode")
    loudest = max(_loudness(frame.data.to_ndarray()) for frame in frames)
    expect(loudest < 0.01, f"silence decodes to samples up to {loudest:g} of full scale")


def _loudness(samples: Any) -> float:
    """The largest sample, where 1 is full scale. Unsigned samples are silent in the middle."""
    import numpy as np

    if samples.dtype.kind == "f":
        return float(abs(samples).max())
    half = float(np.iinfo(samples.dtype).max // 2 + 1 if samples.dtype.kind == "u" else np.iinfo(samples.dtype).max)
    middle = half if samples.dtype.kind == "u" else 0.0
    return float(abs(samples.astype(float) - middle).max()) / half
