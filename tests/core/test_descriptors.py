"""Limits of file descriptors: told before they are met, and in one line when they are."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast import descriptors
from camcast.engine import Engine
from camcast.errors import ErrorClass, NetworkError, SourceError
from camcast.events import AttemptFailed, SourceChanged, SourceState
from camcast.net.dial import dial

FULL = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """The limits as they are, put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_to_the_hard_one(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    assert descriptors.limit() == 200
    descriptors.raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.parametrize(
    ("sources", "sessions", "workers", "wanted"),
    [(10, 10, 1, 124), (100, 200, 1, 864), (100, 200, 4, 273), (0, 0, 1, 64)],
)
def test_what_is_needed_grows_with_what_runs_in_one_process(
    monkeypatch: pytest.MonkeyPatch, sources: int, sessions: int, workers: int, wanted: int
) -> None:
    monkeypatch.setattr(descriptors, "limit", lambda: wanted)
    assert descriptors.shortfall(sources, sessions, workers) == ""
    monkeypatch.setattr(descriptors, "limit", lambda: wanted - 1)
    told = descriptors.shortfall(sources, sessions, workers)
    assert f"about {wanted} file descriptors" in told
    assert f"LimitNOFILE={wanted}" in told


def test_only_an_exhausted_limit_is_one() -> None:
    assert descriptors.exhausted(FULL).startswith("no file descriptor is left: this process may have")
    assert descriptors.exhausted(OSError(errno.ENFILE, "")) == "the system has no file descriptors left"
    assert descriptors.exhausted(ConnectionRefusedError()) == descriptors.exhausted(None) == ""


def translated(error: Exception, *, cause: bool) -> Exception:
    """As a plugin has translated it."""
    try:
        try:
            raise error
        except OSError as before:
            raise SourceError("cannot connect to 10.0.0.1", fatal=True) from (before if cause else None)
    except SourceError as after:
        return after


@pytest.mark.parametrize("cause", [True, False])
def test_it_is_one_also_where_a_plugin_took_it_for_something_else(cause: bool) -> None:
    assert descriptors.exhausted(translated(FULL, cause=cause)).startswith("no file descriptor is left")
    assert descriptors.exhausted(translated(ConnectionRefusedError(), cause=cause)) == ""
    endless = ValueError()
    endless.__context__ = other = KeyError()
    other.__context__ = endless
    assert descriptors.exhausted(endless) == ""


@pytest.mark.parametrize("hosts", [1, 2])
async def test_a_host_is_not_blamed_for_it(monkeypatch: pytest.MonkeyPatch, hosts: int) -> None:
    def full(*arguments: object) -> Never:
        raise FULL

    monkeypatch.setattr(socket, "socket", full)
    with pytest.raises(NetworkError, match="no file descriptor is left"):
        await dial([(socket.AF_INET, (f"127.0.0.{number}", 9)) for number in range(1, hosts + 1)], timeout=5.0)


async def test_a_source_that_calls_it_hopeless_is_tried_again(world: World) -> None:
    await world.start()
    assert world.source is not None
    world.source.end.set_exception(translated(FULL, cause=False))
    await until(lambda: [event for event in world.of(SourceChanged) if event.new is SourceState.WAITING])
    assert "no file descriptor is left" in world.of(SourceChanged)[-1].reason


async def test_a_secret_that_cannot_be_opened_for_it_is_no_mistake_of_the_configuration(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> Never:
        raise FULL

    wanted = chain("a")
    wanted = wanted.evolve(targets=[attrs.evolve(wanted.targets[0], stream_key="file:/run/key")])
    monkeypatch.setattr(Path, "open", full)
    await world.start(wanted)
    await until(lambda: world.of(AttemptFailed))
    (first, *_) = world.of(AttemptFailed)
    assert isinstance(first, AttemptFailed)
    assert (first.error_class, first.error[:26]) == (ErrorClass.NETWORK, "no file descriptor is left")


async def test_an_exhausted_limit_is_a_line_and_no_trace(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def full(step: str, host: str) -> None:
        raise FULL

    world.servers.step = full  # type: ignore[method-assign]
    await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    (first, *_) = world.of(AttemptFailed)
    assert isinstance(first, AttemptFailed)
    assert first.error.startswith("no file descriptor is left")
    assert "Traceback" not in caplog.text


async def test_the_same_for_a_source(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.start()
    assert world.source is not None
    world.source.end.set_exception(FULL)
    await until(lambda: [event for event in world.of(SourceChanged) if event.new is SourceState.WAITING])
    assert "no file descriptor is left" in world.of(SourceChanged)[-1].reason
    assert "Traceback" not in caplog.text


async def test_an_engine_tells_at_its_start_and_leaves_the_limit_alone(
    world: World, caplog: pytest.LogCaptureFixture, limits: tuple[int, int]
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    config = world.config(*(chain(f"h{n}", output=f"o{n}") for n in range(100)))
    async with Engine(config, host=world.host):
        assert "1 sources and 100 sessions may need about 268 file descriptors" in caplog.text
    assert descriptors.limit() == 256
