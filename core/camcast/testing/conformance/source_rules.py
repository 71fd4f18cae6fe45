"""The rules of a source: what it brings, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import time
import traceback

from camcast.errors import CamcastError, SourceError
from camcast.kinds import Gives
from camcast.media import NS_PER_MS, Frame, MediaKind, Packet
from camcast.redaction import url_secrets
from camcast.testing.conformance import base
from camcast.testing.conformance.attempt import logged
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.running import ENOUGH, Sink, SourceBench
from camcast.testing.conformance.stepping import cut
from camcast.testing.conformance.watch import Before, Sampler, Ticker, abandoned, shortest, strays, until

RULES: Rules[SourceBench] = Rules()

_MAX_AWAITS = 40
_SHOW_PACE = 6
"""Packets or frames of one kind that show how their times grow."""
_LEAST_STEP = NS_PER_MS
"""ns: nothing comes a thousand times a second. Times in ms or s are far below."""
_MAX_PRESENT = 5.0
"""Seconds for a look at what is on this machine."""
_MAX_HELD = 0.3
"""The part of the time that a source may hold the event loop."""


@RULES.add
def lists_without_loading(bench: SourceBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
async def announces_tracks_first(bench: SourceBench) -> None:
    """`tracks` comes before the first packet or frame, with at most one track of each kind, and knows all that come."""
    sink = await bench.recorded()
    known: set[tuple[MediaKind, str]] = set()
    for name, value in sink.calls:
        if name == "tracks":
            kinds = [track.kind for track in value]
            expect(value and len(set(kinds)) == len(kinds), f"tracks() was told {kinds}: expected one of a kind")
            known = {(track.kind, track.codec) for track in value}
        elif name in ("packet", "frame"):
            track = value.track
            expect((track.kind, track.codec) in known, f"a {name} of {track.codec} came that tracks() had not told")


@RULES.add
async def gives_what_it_says(bench: SourceBench) -> None:
    """A kind that gives packets gives no frames, and the other way round; packets are of known codecs."""
    sink = await bench.recorded()
    gives = bench.kind.gives
    for media in sink.media:
        expect(gives is not Gives.PACKETS or isinstance(media, Packet), "a frame came from a kind that gives packets")
        expect(gives is not Gives.FRAMES or isinstance(media, Frame), "a packet came from a kind that gives frames")
        if isinstance(media, Packet):
            codec = bench.host.codecs.get(media.track.codec)
            expect(codec is not None, f"packets name {media.track.codec!r}, which is no codec kind's name")
            expect(media.payload and codec and codec.media is media.track.kind, "a packet is empty or of another kind")


@RULES.add
async def times_go_on(bench: SourceBench) -> None:
    """Times are ns and grow with the media; decode times never fall within a track, unless `discontinuity` was told."""
    sink = await bench.recorded()
    last: dict[MediaKind, int] = {}
    for name, value in sink.calls:
        if name == "discontinuity":
            last.clear()
        elif name in ("packet", "frame"):
            at = value.dts if isinstance(value, Packet) else value.pts
            before = last.get(value.track.kind, at)
            fell = f"{value.track.kind.value} times fell by {(before - at) / 1e6:.1f} ms without discontinuity()"
            expect(type(at) is int and at >= before, fell)
            last[value.track.kind] = at
    for kind, media in _unbroken(sink).items():
        for name in ("pts", "dts"):
            times = [getattr(one, name) for one in media if hasattr(one, name)]
            if len(times) < _SHOW_PACE:
                continue
            grew = max(times) - min(times)
            stood = f"{kind.value} {name} grew by {grew} ns in {len(times)} packets or frames"
            expect(grew >= (len(times) - 1) * _LEAST_STEP, f"{stood}: expected each one's own time, in ns")


def _unbroken(sink: Sink) -> dict[MediaKind, list[Packet | Frame]]:
    """The media of each kind after the last break."""
    found: dict[MediaKind, list[Packet | Frame]] = {}
    for name, value in sink.calls:
        if name == "discontinuity":
            found.clear()
        elif name in ("packet", "frame"):
            found.setdefault(value.track.kind, []).append(value)
    return found


@RULES.add
async def stamps_arrival(bench: SourceBench) -> None:
    """Each packet's and frame's `arrival` is `time.monotonic_ns()` of when it was handed over, or a little before."""
    sink = await bench.recorded()
    for media, taken in zip(sink.media, sink.taken_at, strict=True):
        age = (taken - media.arrival) / 1e9
        expect(
            0 <= age < 5, f"arrival is {age:.1f} s before the media came: expected time.monotonic_ns() of its arrival"
        )


@RULES.add
async def stays_on_the_loop(bench: SourceBench) -> None:
    """The sink is called on the event loop only; other threads hand over."""
    sink = await bench.recorded()
    expect(not sink.strangers, f"the sink was called on thread {sink.strangers[:1]}")


@RULES.add
async def keeps_the_loop_free(bench: SourceBench) -> None:
    """Neither opening nor running holds up the event loop."""
    await bench.warm()

    held = []

    async def measure() -> float:
        with Sampler() as seen:
            async with Ticker() as ticker, bench.running() as run:
                await run.media(2 * ENOUGH)
        held.append(seen.held)
        return ticker.longest

    longest = await shortest(measure, bench.bounds.blocked)
    advice = "what blocks belongs on a thread (camcast.threaded)"
    expect(longest <= bench.bounds.blocked, f"the loop stood still for {longest:.2f} s: {advice}")
    expect(min(held) <= _MAX_HELD, f"the loop was held for {min(held):.0%} of the time: {advice}")


@RULES.add
async def stops_in_time(bench: SourceBench) -> None:
    """Cancelled at once, at any of its first awaits or while media flows, `run` ends within 2 s."""
    limit, slack = bench.bounds.close, bench.bounds.slack

    async def measure() -> float:
        async with bench.running() as run:
            await run.media()
            return await run.stop(limit)

    took = await shortest(measure, limit + slack)
    expect(took <= limit + slack, f"run() took {took:.1f} s to end while media flowed: expected {limit:g} s")
    for at in range(1, _MAX_AWAITS):
        run = bench.run()
        began = time.monotonic()
        ended = await cut(run.source.run(run.sink), at, patience=0.2)
        took = time.monotonic() - began
        expect(ended.heard or took <= limit + slack, f"run() took over {limit:g} s to end at its await {at}")
        if not ended.reached or len(run.sink.media) >= 2:
            return


@RULES.add
async def hears_cancellation(bench: SourceBench) -> None:
    """Cancelled, `run` raises `CancelledError`, and nothing comes from it after that."""
    async with bench.running() as run:
        await run.media()
        await run.stop(bench.bounds.close)
        task, count = run.task, len(run.sink.calls)
        assert task is not None
        expect(task.cancelled(), "run() was cancelled and returned as if its media had ended")
        await asyncio.sleep(0.15)
        expect(len(run.sink.calls) == count, "the sink was called after run() had ended")


@RULES.add
async def leaves_nothing(bench: SourceBench) -> None:
    """After `run` no task, thread or descriptor is left, whether it was stopped at once, later, or could not begin."""
    await bench.warm()
    before = Before()
    with strays() as found:
        for at in (1, 2, 3):
            run = bench.run()
            await cut(run.source.run(run.sink), at, patience=0.2)
        async with bench.running() as run:
            await run.media()
        del run
        await _fails(bench)
        left = await before.left() or abandoned(found)
    expect(not left, f"left open: {left}")


@RULES.add
async def bad_url_is_a_source_error(bench: SourceBench) -> None:
    """A URL that cannot work ends `run` with a `SourceError`; a source that needs no URL may run all the same."""
    error, _shown = await _fails(bench)
    if error is None:
        expect(not bench.kind.needs_url, "run() with a URL that cannot work neither failed nor ended within 5 s")
    else:
        expect(isinstance(error, SourceError), f"run() raised {type(error).__name__}: expected SourceError")


async def _fails(bench: SourceBench) -> tuple[BaseException | None, str]:
    """What a source does with a URL that cannot work: its error, and its repr."""
    try:
        run = bench.run(bench.bad_url)
    except Exception as error:  # noqa: BLE001  the rule says which are right
        return error, ""
    task = asyncio.create_task(run.source.run(run.sink))
    await until(lambda: task.done() or run.sink.media, 5.0 if bench.kind.needs_url else 0.5)
    if task.done() and not task.cancelled():
        return task.exception(), repr(run.source)
    task.cancel()
    await asyncio.wait([task], timeout=bench.bounds.close)
    return None, repr(run.source)


@RULES.add
async def present_says_what_is_missing(bench: SourceBench) -> None:
    """`SourceKind.present` takes the URL that works, and raises nothing but readable errors for any other, soon."""
    for url in (
        bench.url,
        bench.bad_url,
        "",
        "?",
        "no/such/file",
        "http://camera.invalid:0/%zz",
        "/dev/none",
        "x" * 9000,
    ):
        began = time.monotonic()
        try:
            await asyncio.to_thread(bench.kind.present, url)
        except (ValueError, OSError, CamcastError) as error:
            expect(url != bench.url, f"present() refuses the URL that works: {error}")
            expect(str(error).strip(), f"present() raised {type(error).__name__} without a text for {url[:40]!r}")
        except Exception as error:  # noqa: BLE001
            broken(f"present() raised {type(error).__name__} for {url[:40]!r}: expected ValueError or OSError")
        took = time.monotonic() - began
        expect(took <= _MAX_PRESENT, f"present() took {took:.1f} s: expected a look at this machine, and no connection")


@RULES.add
async def hides_secrets(bench: SourceBench) -> None:
    """Neither repr, errors nor logs hold the URL's password or last part."""
    with logged() as lines:
        error, shown = await _fails(bench)
    texts = [shown, *lines]
    if error is not None:
        texts.append("".join(traceback.format_exception(error)))
    for secret in url_secrets(bench.bad_url):
        lines_with = [line for text in texts for line in text.splitlines() if secret in line]
        expect(not lines_with, f"a secret shows in: {''.join(lines_with[:1]).replace(secret, '<secret>')[:200]}")


@RULES.add
async def answers_keyframe_requests(bench: SourceBench) -> None:
    """`request_keyframe` answers True or False, before, while and after the source runs."""
    answers = []
    async with bench.running() as run:
        answers.append(run.source.request_keyframe())
        await run.media()
        answers.append(run.source.request_keyframe())
    answers.append(run.source.request_keyframe())
    expect(all(isinstance(answer, bool) for answer in answers), f"request_keyframe() said {answers}")


@RULES.add
async def raises_nothing_aside(bench: SourceBench) -> None:
    """No exception goes uncaught in a task, a callback or a thread."""
    with strays() as found:
        async with bench.running() as run:
            await run.media()
        del run
        await asyncio.sleep(0.1)
        await Before().left()
    expect(not found, f"nobody caught: {found[0]}" if found else "")
