"""Limits of file descriptors: told before they are met, and in one line when they are."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator

import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast import descriptors
from camcast.engine import Engine
from camcast.events import AttemptFailed, SourceChanged, SourceState

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
