"""Pacing, on a clock turned by hand: who is due when, and what happens to those who are late."""

from __future__ import annotations

import pytest
from tests.plugins.source_kit import HandClock, Sink

from camcast.errors import SourceError
from camcast.media import NS_PER_S, MediaKind, Packet, Track
from camcast_file.options import FileOptions
from camcast_file.pacer import TICK, Pacer
from camcast_file.player import AHEAD, Player

VIDEO = Track(kind=MediaKind.VIDEO, codec="made-up")
AUDIO = Track(kind=MediaKind.AUDIO, codec="made-up")


class ListFeed:
    """Packets from a list; None in the list is a moment in which nothing was there yet."""

    def __init__(self, packets: list[Packet | None], tracks: list[Track]) -> None:
        self.tracks = tracks
        self.error: BaseException | None = None
        self._packets = packets

    @property
    def ended(self) -> bool:
        return not self._packets

    def take(self) -> Packet | None:
        return self._packets.pop(0) if self._packets else None

    async def close(self) -> None: ...


def packets(*times: float, track: Track = VIDEO) -> list[Packet | None]:
    return [Packet(track, round(t * NS_PER_S), round(t * NS_PER_S), True, b"x") for t in times]


def begin(clock: HandClock, feed: ListFeed, **options: float) -> tuple[Player, Sink]:
    sink = Sink()
    player = Player(sink, Pacer(clock, clock.now), FileOptions(**options))  # type: ignore[arg-type]
    player.start(feed)  # type: ignore[arg-type]
    return player, sink


def arrivals(sink: Sink) -> list[float]:
    return [round((packet.arrival - 1_000_000_000) / NS_PER_S, 4) for packet in sink.packets]


async def test_each_packet_comes_at_its_time_and_at_most_a_tick_late() -> None:
    clock = HandClock()
    times = [5.0 + n * 1001 / 30000 for n in range(60)]
    player, sink = begin(clock, ListFeed(packets(*times), [VIDEO]))
    clock.advance(3)
    late = [got - (want - 5.0) for got, want in zip(arrivals(sink), times, strict=True)]
    assert all(0 <= lateness <= TICK / NS_PER_S + 1e-4 for lateness in late)
    await player.done


async def test_sound_goes_along_with_pictures_which_come_at_their_times() -> None:
    """Being woken costs more than a message, so a file's sound asks for no waking of its own."""
    clock = HandClock()
    pictures = [n * 1001 / 30000 for n in range(300)]
    sounds = [n * 1024 / 48000 for n in range(470)]
    both = [*packets(*pictures), *packets(*sounds, track=AUDIO)]
    both.sort(key=lambda packet: packet.dts)  # type: ignore[union-attr]
    player, sink = begin(clock, ListFeed(both, [VIDEO, AUDIO]))
    clock.advance(11)
    found = [
        (packet.track, at - packet.dts / NS_PER_S) for packet, at in zip(sink.packets, arrivals(sink), strict=True)
    ]
    tick = TICK / NS_PER_S + 1e-4
    assert all(0 <= late <= tick for track, late in found if track is VIDEO)
    assert all(-AHEAD / NS_PER_S - 1e-4 <= late <= tick for track, late in found if track is AUDIO)
    assert clock.wakes <= len(pictures) + 20
    await player.done


async def test_a_file_of_sound_alone_is_played_in_time() -> None:
    clock = HandClock()
    sounds = [n * 1024 / 48000 for n in range(470)]
    player, sink = begin(clock, ListFeed(packets(*sounds, track=AUDIO), [AUDIO]))
    clock.advance(11)
    early = [want - got for got, want in zip(arrivals(sink), sounds, strict=True)]
    assert all(-TICK / NS_PER_S - 1e-4 <= each <= AHEAD / NS_PER_S + 1e-4 for each in early)
    await player.done


async def test_speed_and_burst() -> None:
    clock = HandClock()
    _, double = begin(clock, ListFeed(packets(0, 1, 2, 3), [VIDEO]), speed=2.0)
    _, burst = begin(clock, ListFeed(packets(0, 1, 2, 3, 4), [VIDEO]), burst=2.5)
    clock.advance(10)
    assert [round(t, 2) for t in arrivals(double)] == [0, 0.5, 1.0, 1.5]
    assert [round(t, 1) for t in arrivals(burst)] == [0, 0, 0, 0.5, 1.5]


async def test_after_a_long_stall_it_plays_on_instead_of_bursting() -> None:
    clock = HandClock()
    player, sink = begin(clock, ListFeed([*packets(0, 0.04), None, *packets(0.08, 0.12, 0.16)], [VIDEO]))
    clock.advance(5)
    player.wake()
    clock.advance(1)
    assert [round(t, 2) for t in arrivals(sink)] == [0, 0.04, 5.0, 5.04, 5.08]
    assert player.behind == 1
    await player.done


async def test_sound_that_is_behind_the_picture_does_not_hold_it_up() -> None:
    """It pauses, and what belongs into the pause comes later: it is played at once, and the picture at its time."""
    clock = HandClock()
    seconds = range(30)
    late = packets(*(n + 0.5 for n in range(4, 12)), track=AUDIO)
    feed = ListFeed([*packets(*seconds[:16]), *late, *packets(*seconds[16:])], [VIDEO, AUDIO])
    player, sink = begin(clock, feed)
    clock.advance(40)
    pictures = [round(at) for at, packet in zip(arrivals(sink), sink.packets, strict=True) if packet.track is VIDEO]
    assert pictures == list(seconds)
    assert player.behind == 0
    assert sum(packet.track is AUDIO for packet in sink.packets) == 8


async def test_sound_that_pauses_for_long_is_no_break_in_the_file() -> None:
    clock = HandClock()
    sound = packets(0.5, 90.5, track=AUDIO)
    feed = ListFeed([*packets(0), sound[0], *packets(*range(1, 91)), sound[1], *packets(91)], [VIDEO, AUDIO])
    _, sink = begin(clock, feed)
    clock.advance(100)
    assert sink.breaks == 0
    assert [int(at) for at in arrivals(sink)][-3:] == [90, 90, 91]


async def test_a_break_in_the_file_is_announced_and_not_waited_for() -> None:
    clock = HandClock()
    _, sink = begin(clock, ListFeed(packets(0, 0.04, 100, 100.04, 3, 3.04), [VIDEO]))
    clock.advance(1)
    assert sink.breaks == 2
    assert [round(t, 2) for t in arrivals(sink)] == [0, 0.04, 0.04, 0.08, 0.08, 0.12]


async def test_a_track_that_appears_late_is_announced_before_its_packets() -> None:
    clock = HandClock()
    _, sink = begin(clock, ListFeed([*packets(0), *packets(0.01, track=AUDIO), *packets(0.04)], [VIDEO]))
    clock.advance(1)
    assert sink.announced == [[VIDEO], [VIDEO, AUDIO]]


async def test_what_was_read_before_an_error_is_played_first() -> None:
    clock = HandClock()
    feed = ListFeed(packets(0, 0.04), [VIDEO])
    feed.error = SourceError("the disk is gone")
    player, sink = begin(clock, feed)
    clock.advance(1)
    with pytest.raises(SourceError, match="the disk is gone"):
        await player.done
    assert len(sink.packets) == 2


async def test_many_sources_share_wake_ups() -> None:
    clock = HandClock()
    pacer = Pacer(clock, clock.now)  # type: ignore[arg-type]
    calls = [0] * 200

    def step_of(number: int) -> object:
        def step(now: int) -> int:
            calls[number] += 1
            return now + 33_000_000

        return step

    for number in range(200):
        pacer.add(clock.ns + number * 165_000, step_of(number))  # type: ignore[arg-type]
    clock.advance(2)
    assert all(50 <= count <= 62 for count in calls)
    assert clock.wakes <= 2 * NS_PER_S / TICK + 2


async def test_one_failing_step_harms_no_other_and_a_cancelled_one_is_not_called() -> None:
    clock = HandClock()
    pacer = Pacer(clock, clock.now)  # type: ignore[arg-type]
    seen: list[str] = []

    def bad(now: int) -> int:
        raise ZeroDivisionError

    def good(now: int) -> int:
        seen.append("good")
        return now + NS_PER_S

    cancelled = pacer.add(clock.ns + 5, lambda now: seen.append("cancelled"))
    pacer.add(clock.ns, bad)
    pacer.add(clock.ns + 10, good)
    cancelled.cancel()
    clock.advance(0.5)
    assert seen == ["good"]
    assert len(clock.failures) == 1
