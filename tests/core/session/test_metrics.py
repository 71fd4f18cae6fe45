"""The figures of a session, against numbers worked out by hand, with a clock in hand."""

from __future__ import annotations

import attrs
import pytest
from tests.core.session.clock import Clock

from camcast.errors import ErrorClass
from camcast.events import SessionKey, SessionState
from camcast.media import MediaKind
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, dropped, total
from camcast.stream.flow import REASON_EARLY, REASON_UNHEARD


@pytest.fixture
def recorder(clock: Clock) -> Recorder:
    return Recorder(now=clock)


def second(recorder: Recorder, clock: Clock, *, size: int, pictures: int = 0) -> None:
    """A second in which so many bytes and pictures are sent."""
    clock.time += 1
    recorder.flow.bytes += size
    recorder.flow.sent.add(MediaKind.VIDEO, pictures)
    recorder.sample()


def snapshot(recorder: Recorder, state: SessionState = SessionState.CONNECTED) -> SessionMetrics:
    return recorder.snapshot(
        key=SessionKey(0, 0, "out"), label="cam0_main", state=state, health=Health.UNHEALTHY, target="",
        target_index=0, retries=0, next_attempt_at=None, on_air=None,
    )  # fmt: skip


def test_the_bitrate_is_bits_a_second_over_the_window(recorder: Recorder, clock: Clock) -> None:
    recorder.sample()
    for size, pictures in ((1000, 25), (3000, 25), (2000, 10)):
        second(recorder, clock, size=size, pictures=pictures)
    assert recorder.rate == (6000 * 8 / 3, 20.0)
    shown = snapshot(recorder)
    assert (shown.bitrate, shown.fps) == (16_000.0, 20.0)


def test_the_window_ends_after_some_seconds(recorder: Recorder, clock: Clock) -> None:
    second(recorder, clock, size=1_000_000)
    for _ in range(10):
        second(recorder, clock, size=1000)
    assert recorder.rate == (8000.0, 0.0)


def test_one_sample_is_no_rate(recorder: Recorder, clock: Clock) -> None:
    second(recorder, clock, size=1000)
    assert recorder.rate == (0.0, 0.0)
    assert recorder.peak == 0.0


def test_the_peak_is_the_best_second_ever(recorder: Recorder, clock: Clock) -> None:
    recorder.up()
    recorder.sample()
    for size in (1000, 9000, 2000, 3000):
        second(recorder, clock, size=size)
    assert recorder.peak == 72_000.0
    recorder.down()
    recorder.up()
    for size in (0, 5000):
        second(recorder, clock, size=size)
    assert snapshot(recorder).bitrate_peak == 72_000.0


def test_what_went_before_a_pause_is_no_rate_after_it(recorder: Recorder, clock: Clock) -> None:
    recorder.up()
    for _ in range(2):
        second(recorder, clock, size=1_000_000)
    assert recorder.rate[0] == 8_000_000.0
    recorder.down()
    assert recorder.rate == (0.0, 0.0), "nothing is sent"
    clock.time += 100
    recorder.up()
    recorder.sample()
    second(recorder, clock, size=1000)
    assert recorder.rate[0] == 8000.0


def test_the_average_counts_the_time_on_the_air_only(recorder: Recorder, clock: Clock) -> None:
    assert recorder.average == 0.0
    recorder.up()
    second(recorder, clock, size=3000)
    second(recorder, clock, size=1000)
    recorder.down()
    clock.time += 60
    assert recorder.average == 4000 * 8 / 2
    recorder.up()
    clock.time += 6
    assert snapshot(recorder).bitrate_average == 4000 * 8 / 8


def test_every_second_is_on_the_air_off_it_or_none_of_the_sessions(recorder: Recorder, clock: Clock) -> None:
    clock.time += 100  # no media yet: that is no outage
    recorder.down()
    clock.time += 3
    recorder.up()
    clock.time += 10
    recorder.up()  # told twice: nothing begins anew
    clock.time += 10
    assert (recorder.uptime, recorder.downtime, recorder.waiting) == (20.0, 3.0, 100.0)
    recorder.down()
    clock.time += 7
    recorder.down()
    assert (recorder.uptime, recorder.downtime) == (20.0, 10.0)
    recorder.rest()
    clock.time += 50
    recorder.up()
    clock.time += 1
    shown = snapshot(recorder)
    assert (shown.uptime, shown.downtime, shown.waiting) == (21.0, 10.0, 150.0)
    assert clock.time - 1000 == 181


@pytest.mark.parametrize("health", list(Health))
def test_healthy_is_one_of_several_words(recorder: Recorder, health: Health) -> None:
    assert attrs.evolve(snapshot(recorder), health=health).healthy is (health is Health.HEALTHY)


def test_failures_are_counted_by_class(recorder: Recorder) -> None:
    recorder.failure(ErrorClass.NETWORK, "first")
    recorder.failure(ErrorClass.NETWORK, "second")
    recorder.failure(ErrorClass.BUSY, "third")
    shown = snapshot(recorder)
    assert (shown.failed_attempts, shown.errors, shown.last_error) == (3, {"network": 2, "busy": 1}, "third")


def test_time_in_which_nothing_ran_was_not_on_the_air(recorder: Recorder, clock: Clock) -> None:
    recorder.up()
    for _ in range(3):
        second(recorder, clock, size=1000)
    clock.time += 60.5
    recorder.stood_still(60.0)
    assert (recorder.uptime, recorder.downtime, recorder.waiting) == (3.5, 60.0, 0.0)
    assert recorder.rate == (0.0, 0.0)
    recorder.rest()
    clock.time += 60.0
    recorder.stood_still(60.0)
    assert (recorder.uptime, recorder.downtime, recorder.waiting) == (3.5, 60.0, 60.0)


def test_drops_are_told_by_kind_and_reason(recorder: Recorder) -> None:
    recorder.flow.drop(MediaKind.VIDEO, "link behind", 3)
    recorder.flow.drop(MediaKind.AUDIO, "link behind", 2)
    recorder.flow.drop(MediaKind.VIDEO, "overload", 1)
    recorder.flow.drop(MediaKind.AUDIO, "overload", 0)
    assert dropped(recorder.flow) == {"audio: link behind": 2, "video: link behind": 3, "video: overload": 1}
    assert snapshot(recorder).frames_dropped == 6


def test_sound_that_has_no_picture_is_told_but_nobody_misses_it(recorder: Recorder) -> None:
    recorder.flow.drop(MediaKind.AUDIO, REASON_EARLY, 2)
    recorder.flow.drop(MediaKind.AUDIO, REASON_UNHEARD, 40)
    recorder.flow.drop(MediaKind.AUDIO, "link behind")
    shown = snapshot(recorder)
    assert shown.dropped == {
        "audio: before the first connection": 40,
        "audio: before the first picture": 2,
        "audio: link behind": 1,
    }
    assert shown.frames_dropped == 1


def some(recorder: Recorder, state: SessionState = SessionState.CONNECTED, **figures: float) -> SessionMetrics:
    return attrs.evolve(snapshot(recorder, state), **figures)  # type: ignore[arg-type]


def test_totals_add_up_all_and_keep_what_has_gone(recorder: Recorder) -> None:
    live = some(recorder, bytes_sent=10, frames_sent=3, frames_dropped=1, attempts=4, failed_attempts=2)
    idle = some(recorder, SessionState.ERROR, bytes_sent=100, frames_sent=30, attempts=1, failed_attempts=1)
    gone = some(recorder, bytes_sent=1000, frames_sent=300, frames_dropped=7, attempts=10, failed_attempts=5)
    found = total([live, idle], [gone])
    assert (found.sessions, found.active) == (2, 1)
    assert (found.bytes_sent, found.frames_sent, found.frames_dropped) == (1110, 333, 8)
    assert (found.attempts, found.failed_attempts) == (15, 8)


def test_the_present_bitrate_is_that_of_active_sessions(recorder: Recorder) -> None:
    one, other = some(recorder, bitrate=3e6), some(recorder, bitrate=1e6)
    resting = some(recorder, SessionState.ERROR, bitrate=5e6)
    assert total([one, other, resting], [some(recorder, bitrate=9e6)]).bitrate == 4e6


def test_the_average_latency_is_of_active_sessions_that_have_one(recorder: Recorder) -> None:
    measured = [some(recorder, latency=0.1), some(recorder, latency=0.3)]
    not_yet = some(recorder, latency=0.0)
    resting = some(recorder, SessionState.ERROR, latency=8.0)
    assert total([*measured, not_yet, resting]).average_latency == pytest.approx(0.2)
    assert total([not_yet, resting]).average_latency == 0.0
