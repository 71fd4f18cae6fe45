"""What the log says of events: one line a happening, with camera, reason and next step."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until

from camcast.config import RetryPolicy
from camcast.engine import dead_hosts, event_log
from camcast.engine.dead_hosts import DeadHosts
from camcast.engine.event_log import EventLog
from camcast.errors import ErrorClass, NetworkError
from camcast.events import (
    AttemptFailed,
    AttemptStarted,
    Connected,
    Event,
    GaveUp,
    Moved,
    RetryScheduled,
    SessionState,
    SourceNote,
    StateChanged,
)

A, B = "toy://a/***", "toy://b/***"
NAMED: dict[str, Any] = {"label": "cam0_main", "key": KEY}
FAILED = AttemptFailed(**NAMED, attempt=0, target=A, error_class=ErrorClass.NETWORK, error="no route")
ERROR = StateChanged(**NAMED, old=SessionState.CONNECTING, new=SessionState.ERROR, reason="no route")
RETRY = RetryScheduled(**NAMED, attempt=1, delay=4, next_attempt_at=0)
FOUND = Connected(**NAMED, target=B, target_index=1)
LINE = f"Session cam0_main: {A}: network: no route"


async def told(caplog: pytest.LogCaptureFixture, *events: Event, name: str = "", level: str = "INFO") -> list[str]:
    """Lines of these events, which come at once."""
    log = EventLog(lambda camera: name)
    with caplog.at_level(level, "camcast"):
        for event in events:
            log.tell(event)
        log.close()
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ((FAILED, ERROR, RETRY), f"{LINE}; next try in 4 s"),
        ((FAILED, ERROR), LINE),
        (
            (FAILED, ERROR, GaveUp(**NAMED, attempts=2, error="no route", revive_at=700, time=400)),
            f"{LINE}; it gave up after 2 retries; tried again in 300 s",
        ),
        ((FAILED, GaveUp(**NAMED, attempts=0, error="no route")), f"{LINE}; it gave up after 0 retries"),
        ((FAILED, ERROR, AttemptStarted(**NAMED, attempt=0, target=B, target_index=1)), f"{LINE}; next: {B}"),
        ((AttemptStarted(**NAMED, attempt=0, target=B), FOUND), f"Session cam0_main connected to {B}"),
        (
            (FOUND, Moved(**NAMED, why="failover", old=A, new=B, gap=0.5)),
            f"Session cam0_main failover: {A} -> {B} (500 ms without a picture)",
        ),
        (
            (StateChanged(**NAMED, old=SessionState.CONNECTED, new=SessionState.DISCONNECTED, reason="stopped"),),
            "Session cam0_main: connected -> disconnected (stopped)",
        ),
    ],
)
async def test_a_happening_is_one_line(caplog: pytest.LogCaptureFixture, events: tuple[Event, ...], line: str) -> None:
    assert await told(caplog, *events) == [line]


async def test_who_debugs_sees_each_step(caplog: pytest.LogCaptureFixture) -> None:
    started = AttemptStarted(**NAMED, attempt=0, target=A)
    lines = await told(caplog, started, FAILED, ERROR, RETRY, level="DEBUG")
    assert lines == [started.text, ERROR.text, f"{LINE}; next try in 4 s"]


async def test_the_cameras_name_is_there_and_acts_on_no_terminal(caplog: pytest.LogCaptureFixture) -> None:
    note = SourceNote(label="cam0_main", camera_id=0, stream_id=0, code="odd", message="is \x1b[2J odd")
    assert await told(caplog, note, name="ga\nte") == [r"[ga\nte] Stream cam0_main: is \x1b[2J odd [odd]"]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert (vars(record)["events"], vars(record)["camera_name"]) == ((note,), "ga\nte")


async def test_what_follows_nothing_is_told_after_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(lambda camera: "")
    log.tell(FAILED)
    assert not caplog.records
    await until(lambda: bool(caplog.records))
    log.close()
    assert [record.getMessage() for record in caplog.records] == [LINE]


async def test_two_sessions_do_not_mix(caplog: pytest.LogCaptureFixture) -> None:
    other: dict[str, Any] = {"label": "cam1_main", "key": type(KEY)(1, 0, "rtmp")}
    retry = RetryScheduled(**other, attempt=1, delay=9, next_attempt_at=0)
    assert await told(caplog, FAILED, retry) == [retry.text, LINE]


async def test_a_session_that_fails_and_comes_back_is_told_in_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "camcast")
    world = World()
    world.servers.down["connect", "a"] = NetworkError("no route")
    policy = RetryPolicy(initial_delay=0.05, max_delay=0.05, max_attempts=None, jitter=0)
    engine = await world.start(chain("a", retry_policy=policy))
    session = engine.sessions.get(KEY)
    assert session is not None
    await until(lambda: session.metrics.failed_attempts >= 2)
    world.servers.down.clear()
    await until(lambda: session.state is SessionState.CONNECTED)
    await asyncio.sleep(0.15)
    failures = [record.getMessage() for record in caplog.records if "no route" in record.getMessage()]
    assert len(failures) == session.metrics.failed_attempts
    assert all(line.endswith("no route; next try in 0.05 s") for line in failures)
    assert [record.getMessage() for record in caplog.records if "connected to" in record.getMessage()]
    await world.close()
    assert not [record for record in caplog.records if "-> error" in record.getMessage()]


def dead(number: int, url: str = "rtmp://10.0.0.1/live/***", error: str = "refused", **more: Any) -> AttemptFailed:
    """Session `number` finds a host dead."""
    label, key = f"cam{number}_main", type(KEY)(number, 0, "rtmp")
    failed = AttemptFailed(
        label=label, key=key, attempt=0, target=url, error_class=ErrorClass.NETWORK, error=error, stage="connect"
    )
    return attrs.evolve(failed, **more)


def again(failed: AttemptFailed) -> RetryScheduled:
    return RetryScheduled(label=failed.label, key=failed.key, attempt=1, delay=2, next_attempt_at=0)


async def test_hundreds_of_sessions_that_find_a_host_dead_are_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    events = [event for _round in range(5) for one in range(100) for event in (dead(one), again(dead(one)))]
    first, second = await told(caplog, *events)
    assert first == "Session cam0_main: rtmp://10.0.0.1/live/***: network: refused; next try in 2 s"
    named = "cam1_main, cam2_main, cam3_main, cam4_main, cam5_main and 94 more"
    assert second == f"The same at 10.0.0.1 (network: refused) for 99 more: {named}"


async def test_errors_that_name_each_sessions_url_are_one_trouble(caplog: pytest.LogCaptureFixture) -> None:
    def one(number: int) -> AttemptFailed:
        url = f"rtmp://10.0.0.1/live/cam{number}"
        return dead(number, url=url, error=f"{url}: no answer in time")

    lines = await told(caplog, *(event for number in range(20) for event in (one(number), again(one(number)))))
    assert len(lines) == 2
    assert lines[1].startswith("The same at 10.0.0.1")


async def test_who_else_finds_it_dead_is_told_soon(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "OTHERS", 0.05)
    log = EventLog(lambda camera: "")
    for one in (dead(0), again(dead(0)), dead(1), again(dead(1))):
        log.tell(one)
    await until(lambda: len(caplog.records) == 2)
    assert caplog.records[1].getMessage() == "The same at 10.0.0.1 (network: refused) for 1 more: cam1_main"
    log.close()


@pytest.mark.parametrize(
    "other",
    [
        dead(1, url="rtmp://10.0.0.2/live/***"),
        dead(1, error="no route"),
        dead(1, error_class=ErrorClass.REFUSED),
        dead(1, stage="publish"),
    ],
    ids=["another host", "another reason", "a refusal", "a stream's own trouble"],
)
async def test_what_is_another_trouble_is_a_line_of_its_own(
    caplog: pytest.LogCaptureFixture, other: AttemptFailed
) -> None:
    lines = await told(caplog, dead(0), again(dead(0)), other, again(other))
    assert len(lines) == 2
    assert lines[1].startswith("Session cam1_main")


async def test_a_host_that_is_lost_anew_is_news(caplog: pytest.LogCaptureFixture) -> None:
    one = dead(0)
    found = Connected(label=one.label, key=one.key, target=one.target)
    lines = await told(caplog, one, again(one), one, again(one), found, one, again(one))
    assert [line.split()[2] for line in lines] == [
        "rtmp://10.0.0.1/live/***:",
        "connected",
        "rtmp://10.0.0.1/live/***:",
    ]


async def test_giving_up_is_told_although_the_trouble_is_known(caplog: pytest.LogCaptureFixture) -> None:
    one = dead(0)
    ended = GaveUp(label=one.label, key=one.key, attempts=10, error=one.error)
    lines = await told(caplog, one, again(one), one, ended, one, ended)
    assert len(lines) == 2
    assert lines[1].endswith("it gave up after 10 retries")


def test_what_is_known_of_hosts_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_hosts, "MOST", 10)
    hosts = DeadHosts()
    for number in range(100):
        assert hosts.see(dead(0, url=f"rtmp://host{number}/live/***"), None)[1]
    assert sum(map(len, hosts._known.values())) <= 10
