"""The fallback to H.264: one transcoder for all who need it, in sync, gone with the last; and what stops it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from bench.fallback import Fallback

import camcast
from camcast import SessionConfig
from camcast.config import EncoderConfig, TargetConfig
from camcast.contracts import Decoder, Encoder, EncoderSettings
from camcast.encode import thread as worker
from camcast.encode.thread import MAX_DAMAGED, Transcode
from camcast.errors import EncoderError, MediaError
from camcast.events import SessionState, SourceNote
from camcast.host import PluginHost
from camcast.kinds import EncoderKind
from camcast.media import RAW, Frame, MediaKind, Packet, TagType, Track
from camcast.stream import renditions
from camcast_rtmp.receiver import Receiver
from tests.integration.air import FAST, of, on_air
from tests.integration.codec_clips import clip_of
from tests.integration.kit import camera, until
from tests.media import made


def takes_h264_only(url: str, output: str = "rtmp", **settings: Any) -> SessionConfig:
    target = TargetConfig(url=url, server="h264-aac", **settings)
    return SessionConfig(camera_id=0, output=output, targets=[target], retry_policy=FAST)


async def test_sound_and_picture_stay_together_over_one_transcoder_for_three_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.fallback.LINGER", 0.3)
    monkeypatch.setattr(renditions, "LINGER", 0.3)
    run = Fallback(14)
    await run.run()
    assert run.trouble == []
    assert run.transcoders == (1, 1, 1, 0)
    assert run.pairs >= 8


async def test_outputs_that_differ_in_sound_share_the_transcoded_picture() -> None:
    async with Receiver() as receiver:
        sessions = [
            takes_h264_only(receiver.url("live", sound), sound, audio=sound) for sound in ("copy", "none", "silent")
        ]
        async with on_air(camera(0, made("hevc_aac"), *sessions)) as (running, events):
            await until(lambda: len(receiver.recordings) == 3)
            await receiver.until(lambda: all(one.counts[TagType.VIDEO] > 40 for one in receiver.recordings))
            assert running.stats().streams[0].transcoders == 1
            assert running.stats().streams[0].renditions == 3
        assert [note.code for note in of(events, SourceNote)].count("encoder_chosen") == 1
    pictures = [{tag.body for tag in one.tags if tag.type is TagType.VIDEO} for one in receiver.recordings]
    assert all(len(pictures[0] & other) > 25 for other in pictures[1:])


async def test_an_output_that_joins_later_begins_with_a_keyframe_of_the_running_transcoder() -> None:
    async with Receiver() as receiver:
        one = takes_h264_only(receiver.url("live", "first"), "first", audio="none")
        async with on_air(camera(0, made("hevc_aac"), one)) as (running, _):
            await receiver.until(lambda: receiver.recordings and receiver.recordings[0].counts[TagType.VIDEO] > 10)
            await running.add_output(takes_h264_only(receiver.url("live", "later"), "later", audio="copy"))
            later = await receiver.recording("later")
            await receiver.until(lambda: later.counts[TagType.VIDEO] > 20)
            assert running.stats().streams[0].transcoders == 1
        host = PluginHost()
        frames = [frame for frame in later.frames(host.codecs.values()) if frame.type is TagType.VIDEO]
    assert frames[0].keyframe
    assert {frame.codec for frame in frames} == {"h264"}


async def test_a_camera_of_another_codec_than_declared_is_transcoded_for_everybody_when_asked() -> None:
    async with Receiver() as receiver:
        session = SessionConfig(camera_id=0, targets=[TargetConfig(url=receiver.url("live", "cam"), server="camcast")])
        config = camera(0, made("hevc_aac"), session)
        encoder = EncoderConfig(type="H264_CBR", bitrate_kbps=300, transcode=True)
        config = attrs.evolve(config, streams=(attrs.evolve(config.streams[0], encoder=encoder),))
        async with on_air(config) as (running, _):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 30)
            assert running.stats().streams[0].transcoders == 1
        frames = list(recording.frames(PluginHost().codecs.values()))
    assert {frame.codec for frame in frames} == {"h264", "aac"}


# --- what stops it ------------------------------------------------------------------------------------------


class Sluggish:
    """An encoder that takes `seconds` for each picture."""

    def __init__(self, inner: Encoder, seconds: float) -> None:
        self.inner, self.seconds = inner, seconds

    def encode(self, frame: Frame) -> list[Packet]:
        import time

        time.sleep(self.seconds)
        return self.inner.encode(frame)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def with_encoder(host: PluginHost, name: str, open_encoder: object) -> None:
    """Register an encoder that is preferred to all others."""
    kind = EncoderKind(name=name, codec="h264", title=name, priority=1000, open=open_encoder)  # type: ignore[arg-type]
    host.register(SimpleNamespace(camcast_encoders=camcast.hookimpl(lambda: [kind])), name)


async def test_a_transcoder_slower_than_real_time_stops_with_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.4)
    monkeypatch.setattr(worker, "MAX_INPUT", 20)
    host = PluginHost()
    quick = host.encoder("libx264").open
    with_encoder(host, "sluggish", lambda settings: Sluggish(quick(settings), 0.3))
    async with Receiver() as receiver:
        config = takes_h264_only(receiver.url("live", "cam"))
        good = SessionConfig(camera_id=0, output="good", targets=[TargetConfig(url=receiver.url("live", "good"))])
        async with on_air(camera(0, made("hevc_aac"), config, good), host=host) as (running, events):

            def told() -> bool:
                return any("slower than real time" in note.message for note in of(events, SourceNote))

            await until(told, 15)
            (session,) = running.sessions.find(output="rtmp")
            await until(lambda: session.metrics.failed_attempts)
            assert "slower than real time" in session.metrics.last_error
            # The output that is sent a copy has not noticed.
            (other,) = running.sessions.find(output="good")
            assert other.state is SessionState.CONNECTED
            assert other.metrics.frames_dropped == 0


async def test_an_encoder_that_fails_is_an_event_and_a_retry() -> None:
    host = PluginHost()
    good = host.encoder("libx264").open
    opened: list[int] = []

    class Failing(Sluggish):
        def encode(self, frame: Frame) -> list[Packet]:
            raise EncoderError("failing: the device is gone")

    def open_encoder(settings: EncoderSettings) -> Encoder:
        opened.append(1)
        return Failing(good(settings), 0) if len(opened) == 1 else good(settings)  # type: ignore[return-value]

    with_encoder(host, "failing", open_encoder)
    async with Receiver() as receiver:
        config = takes_h264_only(receiver.url("live", "cam"))
        async with on_air(camera(0, made("hevc_aac"), config), host=host) as (_, events):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 20)
        assert [note.message for note in of(events, SourceNote) if note.code == "rendition_failed"] == [
            "failing: the device is gone"
        ]


# --- one worker's step --------------------------------------------------------------------------------------

TRACK = Track(kind=MediaKind.VIDEO, codec="any", width=64, height=64)


class Picky(Decoder):
    """Every packet is a frame, but b"bad" ones are damaged. b"wide" ones are of another size."""

    def decode(self, packet: Packet) -> list[Frame]:
        if packet.payload == b"bad":
            raise MediaError("bad bits")
        raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=128 if packet.payload == b"wide" else 64, height=64)
        return [Frame(raw, packet.pts, packet.payload)]  # type: ignore[arg-type]

    def flush(self) -> list[Frame]:
        return []

    def close(self) -> None: ...


@attrs.define
class Remembering:
    """An encoder that keeps what it is given."""

    seen: list[Frame] = attrs.field(factory=list)

    def encode(self, frame: Frame) -> list[Packet]:
        self.seen.append(frame)
        return []

    def flush(self) -> list[Packet]:
        return []

    def close(self) -> None: ...


def transcode(damaged: list[Packet], encoders: list[Remembering]) -> Transcode:
    def open_encoder(frame: Frame) -> Encoder:
        encoders.append(Remembering())
        return encoders[-1]  # type: ignore[return-value]

    return Transcode(lambda packet: Picky(), open_encoder, damaged.append)


def packets(payloads: Sequence[bytes]) -> list[Packet]:
    return [Packet(TRACK, n, n, n == 0, payload) for n, payload in enumerate(payloads)]


def test_damaged_packets_are_counted_and_the_others_transcoded() -> None:
    damaged: list[Packet] = []
    encoders: list[Remembering] = []
    one = transcode(damaged, encoders)
    for packet in packets([b"a", b"bad", b"b", b"bad", b"c"]):
        one.step(packet)
    assert [frame.data for frame in encoders[0].seen] == [b"a", b"b", b"c"]  # type: ignore[comparison-overlap]
    assert [packet.pts for packet in damaged] == [1, 3]


def test_nothing_but_damage_is_an_error_at_last() -> None:
    damaged: list[Packet] = []
    one = transcode(damaged, [])
    with pytest.raises(EncoderError, match=f"none of {MAX_DAMAGED} packets in a row can be decoded: bad bits"):
        list(map(one.step, packets([b"bad"] * MAX_DAMAGED)))


def test_no_frame_is_given_to_two_encoders() -> None:
    encoders: list[Remembering] = []
    one = transcode([], encoders)
    for packet in packets([b"a", b"b", b"wide", b"wide", b"c"]):
        one.step(packet)
    assert [[frame.data for frame in encoder.seen] for encoder in encoders] == [  # type: ignore[comparison-overlap]
        [b"a", b"b"],
        [b"wide", b"wide"],
        [b"c"],
    ]
    everything = [id(frame.data) for encoder in encoders for frame in encoder.seen if frame.data != b"wide"]  # type: ignore[comparison-overlap]
    assert len(everything) == len(set(everything))


def test_beginning_in_the_middle_of_a_group_encodes_its_last_picture_only() -> None:
    encoders: list[Remembering] = []
    one = transcode([], encoders)
    group = packets([b"a", b"b", b"c", b"d"])
    one.prime(group)
    assert not encoders
    one.step(group[-1])
    one.step(Packet(TRACK, 4, 4, False, b"e"))
    assert [frame.data for frame in encoders[0].seen] == [b"d", b"e"]  # type: ignore[comparison-overlap]


# --- sound --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", ["opus", "g711a", "mp2", "pcm"])
async def test_sound_of_every_kind_becomes_aac_and_stays_with_the_picture(sound: str) -> None:
    async with Receiver() as receiver:
        config = takes_h264_only(receiver.url("live", "cam"))
        async with on_air(camera(0, clip_of("h264", sound), config)) as (running, _):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.AUDIO] > 20)
            assert running.stats().streams[0].transcoders == 1
        frames = list(recording.frames(PluginHost().codecs.values()))
    heard = [frame for frame in frames if frame.type is TagType.AUDIO]
    seen = [frame for frame in frames if frame.type is TagType.VIDEO]
    assert {(frame.codec, frame.form) for frame in heard} == {("aac", "legacy")}
    rate = recording.metadata[0]["audiosamplerate"]
    # The encoder's run-up, before the first picture's time, is sent at that time.
    steps = {after.time - before.time for before, after in itertools.pairwise(heard[2:])}
    assert steps <= {int(1024_000 / rate) - 1, int(1024_000 / rate), int(1024_000 / rate) + 1}
    assert abs(heard[-1].time - seen[-1].time) < 200


async def test_silence_beside_a_picture_without_sound_keeps_step() -> None:
    async with Receiver() as receiver:
        target = TargetConfig(url=receiver.url("live", "cam"), server="youtube")
        config = SessionConfig(camera_id=0, targets=[target])
        async with on_air(camera(0, made("h264_only"), config)):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 60)
        frames = list(recording.frames(PluginHost().codecs.values()))
    heard = [frame for frame in frames if frame.type is TagType.AUDIO]
    seen = [frame for frame in frames if frame.type is TagType.VIDEO]
    assert recording.metadata[0]["audiocodecid"] == 10
    assert len({frame.payload for frame in heard}) == 1
    # 44,100 Hz in blocks of 1,024: as many as the time that the picture shows needs.
    shown = seen[-1].time - heard[0].time
    assert abs(len(heard) - shown * 44.1 / 1024) <= 2
    assert abs(heard[-1].time - seen[-1].time) < 40
