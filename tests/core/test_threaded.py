"""The base for sources that block: order, bounds, ends and stops, with threads that do as they are told."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import av
import pytest
from tests.plugins.source_kit import Sink, context, until

from camcast import threaded
from camcast.engine.handover import LoopHandover
from camcast.errors import MediaError, SourceError
from camcast.media import RAW, Frame, MediaKind, Packet, Track
from camcast.threaded import ThreadedSource

VIDEO = Track(kind=MediaKind.VIDEO, codec="made-up", width=64, height=48)
SOUND = Track(kind=MediaKind.AUDIO, codec="made-up", sample_rate=48_000, channels=1)
PICTURES = Track(kind=MediaKind.VIDEO, codec=RAW, width=64, height=48)


class Script(ThreadedSource):
    """Does in its thread what the test says."""

    name = "script"

    def __init__(self, act: Callable[[Script], object], handover: object = None, limit: int = 1000) -> None:
        super().__init__(
            context("script://user:hidden-word@hill/key-9", handover=handover or LoopHandover(running())), limit=limit
        )
        self.act = act
        self.interrupted = 0

    def work(self) -> None:
        self.act(self)

    def interrupt(self) -> None:
        self.interrupted += 1


class Held:
    """A hand-over whose calls the test carries out; refuses them while `full`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., object], tuple[object, ...]]] = []
        self.full = False

    def call(self, function: Callable[..., object], *args: object) -> bool:
        if not self.full:
            self.calls.append((function, args))
        return not self.full

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        return self.call(function, *args)

    def carry_out(self) -> None:
        calls, self.calls = self.calls, []
        for function, args in calls:
            function(*args)


def running() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def packet(
    number: int, size: int = 100, *, key: bool = False, disposable: bool = False, track: Track = VIDEO
) -> Packet:
    return Packet(track, number, number, key, bytes(size), disposable)


@contextmanager
def started(source: ThreadedSource, sink: Sink) -> Iterator[asyncio.Task[None]]:
    task = asyncio.create_task(source.run(sink))
    try:
        yield task
    finally:
        task.cancel()


async def done(task: asyncio.Task[None], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        await asyncio.wait([task])


async def test_all_that_was_delivered_arrives_before_the_end_and_on_the_loop() -> None:
    threads = set()

    def act(source: Script) -> None:
        source.announce(VIDEO, SOUND)
        for number in range(500):
            source.lose(MediaKind.AUDIO, "damaged", number % 2)
            assert source.deliver(packet(number, 10, key=True), packet(number, 5, key=True, track=SOUND))

    sink = Sink()
    sink.on_media = lambda: threads.add(threading.current_thread())
    await asyncio.wait_for(Script(act, limit=1 << 20).run(sink), 10)
    assert sink.announced == [[VIDEO, SOUND]]
    assert (
        [one.dts for one in sink.of(MediaKind.VIDEO)] == [one.dts for one in sink.of(MediaKind.AUDIO)] == [*range(500)]
    )
    assert sink.drops == {(MediaKind.AUDIO, "damaged"): 250}
    assert threads == {threading.current_thread()}
    assert all(one.arrival for one in sink.packets)


async def test_frames_count_as_much_as_their_planes_hold() -> None:
    handover = Held()
    answers: list[bool] = []

    def act(source: Script) -> None:
        source.announce(PICTURES)
        picture = av.VideoFrame(64, 48, "yuv420p")
        size = sum(plane.buffer_size for plane in picture.planes)
        source._limit = 2 * size
        answers.extend(source.deliver(Frame(PICTURES, number, picture, 7)) for number in range(4))

    sink = Sink()
    with started(Script(act, handover), sink) as task:
        await until(lambda: len(answers) == 4)
        assert answers == [True, True, False, False]
        await until(lambda: len(handover.calls) == 4)
        handover.carry_out()
        await done(task)
    assert [(frame.pts, frame.arrival) for frame in sink.frames] == [(0, 7), (1, 7)]
    assert sink.drops == {(MediaKind.VIDEO, "overflow"): 2}


async def test_above_the_bound_media_is_left_out_up_to_the_next_keyframe() -> None:
    handover, go = Held(), threading.Event()
    answers: list[bool] = []

    def act(source: Script) -> None:
        source.announce(VIDEO, SOUND)
        answers.append(source.deliver(packet(0, 900, key=True)))
        answers.append(source.deliver(packet(1, 50, disposable=True)))
        answers.append(source.deliver(packet(2, 90, disposable=True)))  # too much, and nothing refers to it
        answers.append(source.deliver(packet(3, 40)))
        answers.append(source.deliver(packet(4, 40)))  # too much
        go.wait(5)
        answers.append(source.deliver(packet(5, 40), packet(5, 10, track=SOUND, key=True)))  # it refers to number 4
        answers.append(source.deliver(packet(6, 40, key=True)))
        answers.append(source.deliver(packet(7, 40)))

    sink = Sink()
    with started(Script(act, handover), sink) as task:
        await until(lambda: len(answers) == 5)
        handover.carry_out()
        assert sink.drops == {(MediaKind.VIDEO, "overflow"): 1}
        go.set()
        await until(lambda: len(answers) == 8)
        await until(lambda: len(handover.calls) == 4)
        handover.carry_out()
        await done(task)
    assert answers == [True, True, False, True, False, False, True, True]
    assert [one.dts for one in sink.of(MediaKind.VIDEO)] == [0, 1, 3, 6, 7]
    assert [one.dts for one in sink.of(MediaKind.AUDIO)] == [5]
    assert sink.drops == {(MediaKind.VIDEO, "overflow"): 3}


async def test_one_delivery_may_be_as_large_as_it_likes() -> None:
    sink = Sink()

    def act(source: Script) -> None:
        source.announce(VIDEO)
        assert source.deliver(packet(0, 50_000, key=True))

    await asyncio.wait_for(Script(act).run(sink), 5)
    assert len(sink.packets[0].payload) == 50_000


async def test_tracks_breaks_and_counts_outlast_a_full_hand_over() -> None:
    handover, full, empty = Held(), threading.Event(), threading.Event()
    handover.full = True

    def act(source: Script) -> None:
        source.announce(VIDEO)
        source.discontinuity()
        assert not source.deliver(packet(0, key=True))
        full.set()
        assert empty.wait(5)
        assert source.deliver(packet(1, key=True))

    sink = Sink()
    with started(Script(act, handover), sink) as task:
        await until(full.is_set)
        handover.full = False
        empty.set()
        await until(lambda: len(handover.calls) == 2)
        handover.carry_out()
        await done(task)
    assert (sink.announced, sink.breaks, [one.dts for one in sink.packets]) == ([[VIDEO]], 1, [1])
    assert sink.drops == {(MediaKind.VIDEO, "overflow"): 1}


async def test_counts_are_told_where_no_media_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "_TELL_EVERY", 0.0)
    sink = Sink()

    def act(source: Script) -> None:
        source.lose(MediaKind.VIDEO, "damaged")
        source.wait(10)

    with started(Script(act), sink) as task:
        await until(lambda: sink.drops)
        task.cancel()
        await done(task)
    assert sink.drops == {(MediaKind.VIDEO, "damaged"): 1}


async def test_a_source_error_is_passed_on_and_others_are_explained_without_secrets() -> None:
    def fail(error: BaseException) -> Callable[[Script], object]:
        def act(source: Script) -> None:
            raise error

        return act

    own = SourceError("gone", fatal=True)
    with pytest.raises(SourceError) as caught:
        await Script(fail(own)).run(Sink())
    assert caught.value is own
    with pytest.raises(
        SourceError, match=r"cam0_main: OSError: no \*\*\* at .* \(at test_threaded\.py:\d+\)"
    ) as caught:
        await Script(fail(OSError("no hidden-word at script://user:hidden-word@hill/key-9"))).run(Sink())
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert not caught.value.fatal
    assert "key-9" not in str(caught.value)
    with pytest.raises(SourceError, match="SystemExit in the source's thread"):
        await Script(fail(SystemExit())).run(Sink())


async def test_an_explanation_that_fails_is_explained() -> None:
    class Confused(Script):
        def explain(self, error: Exception) -> Exception:
            raise LookupError("no idea")

    def act(source: Script) -> None:
        raise OSError("gone")

    with pytest.raises(SourceError, match=r"LookupError: .*no idea"):
        await asyncio.wait_for(Confused(act).run(Sink()), 5)


async def test_what_the_engine_refuses_ends_the_run_once_and_the_thread_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Refusing(Sink):
        refused = 0

        def packet(self, packet: Packet) -> None:
            self.refused += 1
            raise MediaError(f"a packet's dts is {packet.dts}")

    left = threading.Event()

    def act(source: Script) -> None:
        source.announce(VIDEO)
        while not source.wait(0.001):
            source.deliver(packet(7, key=True))
        left.set()

    source, sink = Script(act), Refusing()
    with pytest.raises(MediaError, match="a packet's dts is 7"):
        await asyncio.wait_for(source.run(sink), 5)
    assert sink.refused == 1
    assert left.is_set()
    assert source.left is None
    await asyncio.sleep(0.01)
    assert caplog.text == ""


@pytest.mark.parametrize("own", ["", "the camera is gone"])
async def test_what_the_engine_refuses_at_the_end_ends_the_run(own: str) -> None:
    class Refusing(Sink):
        def tracks(self, tracks: Sequence[Track]) -> None:
            raise MediaError("two pictures")

    handover = Held()

    def act(source: Script) -> None:
        handover.full = True
        source.announce(VIDEO, VIDEO)
        handover.full = False
        if own:
            raise SourceError(own)

    with started(Script(act, handover), Refusing()) as task:
        await until(lambda: handover.calls)
        handover.carry_out()
        # What the source says of its end comes first.
        with pytest.raises(SourceError if own else MediaError, match=own or "two pictures"):
            await asyncio.wait_for(task, 5)


async def test_a_thread_that_outlasts_a_refusal_is_known_to_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "STOP_DEADLINE", 0.05)
    leave = threading.Event()

    class Refusing(Sink):
        def packet(self, packet: Packet) -> None:
            raise MediaError("no")

    def act(source: Script) -> None:
        source.announce(VIDEO)
        source.deliver(packet(7, key=True))
        leave.wait(10)

    source = Script(act)
    with pytest.raises(MediaError):
        await asyncio.wait_for(source.run(Refusing()), 5)
    assert source.left is not None
    leave.set()
    await asyncio.wait_for(source.left, 5)


async def test_a_stopped_source_interrupts_its_thread_and_says_nothing_more() -> None:
    blocked, handover, sink = threading.Event(), Held(), Sink()

    class Blocking(Script):
        def interrupt(self) -> None:
            super().interrupt()
            blocked.set()

    def act(source: Script) -> None:
        source.announce(VIDEO)
        source.deliver(packet(0, key=True))
        blocked.wait(10)
        assert source.stopping
        assert source.wait(10)
        source.deliver(packet(1, key=True))

    source = Blocking(act, handover)
    with started(source, sink) as task:
        await until(lambda: len(handover.calls) == 2)
        task.cancel()
        await done(task, threaded.STOP_DEADLINE)
        assert task.cancelled()
        handover.carry_out()
    assert (source.interrupted, sink.announced, sink.packets) == (1, [], [])


async def test_a_thread_that_does_not_end_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threaded, "STOP_DEADLINE", 0.1)
    inside, leave, left, sink = threading.Event(), threading.Event(), threading.Event(), Sink()

    class Stubborn(Script):
        def interrupt(self) -> None:
            raise RuntimeError("cannot be interrupted")

    def act(source: Script) -> None:
        inside.set()
        leave.wait(10)
        source.announce(VIDEO)
        source.deliver(packet(0, key=True))
        left.set()

    with caplog.at_level(logging.WARNING), started(Stubborn(act), sink) as task:
        await until(inside.is_set)
        task.cancel()
        await done(task, 1.0)
        assert task.cancelled()
        leave.set()
        await until(left.is_set)
        await asyncio.sleep(0)
    assert "could not be interrupted" in caplog.text
    assert "cam0_main: the source did not stop; its thread is left behind" in caplog.text
    assert (sink.announced, sink.packets) == ([], [])


def test_a_loop_that_has_gone_is_no_trouble() -> None:
    inside, leave, thread = threading.Event(), threading.Event(), []

    def act(source: Script) -> None:
        thread.append(threading.current_thread())
        inside.set()
        leave.wait(10)

    async def begin() -> None:
        source = Script(act)
        with started(source, Sink()):
            await until(inside.is_set)

    # `asyncio.run` cancels what is left and closes the loop.
    leave_later = threading.Timer(0.2, leave.set)
    leave_later.start()
    asyncio.run(begin())
    thread[0].join(5)
    assert not thread[0].is_alive()
