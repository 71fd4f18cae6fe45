"""The blocking facade: started once, stopped as often as one likes, and errors that reach the caller."""

from __future__ import annotations

import threading

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World

from camcast.config import SystemConfig
from camcast.engine import EngineThread
from camcast.errors import ConfigError
from camcast.events import SourceState


def facade(world: World, **settings: object) -> EngineThread:
    return EngineThread(world.config(), host=world.host, **settings)  # type: ignore[arg-type]


def test_a_second_start_is_refused_and_the_first_goes_on():
    engine = facade(World())
    engine.start()
    with pytest.raises(RuntimeError, match="started once"):
        engine.start()
    assert engine.stats().sessions == ()
    engine.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "camcast-engine"]


def test_stopped_twice_and_used_afterwards():
    engine = facade(World())
    engine.start()
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError, match="not running"):
        engine.stats()
    with pytest.raises(RuntimeError, match="not running"):
        facade(World()).stats()


def test_a_start_that_fails_is_raised_and_ends_the_thread():
    world = World()
    config = world.config()
    both = attrs.evolve(
        config,
        cameras=(config.cameras[0], attrs.evolve(config.cameras[0], camera_id=1)),
        system=SystemConfig(max_cameras=1),
    )
    engine = EngineThread(both, host=world.host)
    with pytest.raises(ConfigError, match="max_cameras"):
        engine.start()
    engine.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "camcast-engine"]


def test_an_on_event_that_raises_hears_the_next_event_all_the_same():
    world, seen = World(), []

    def bad(event):
        seen.append(event)
        raise ValueError("bad watcher")

    with facade(world, on_event=bad) as engine:
        engine.create_session(chain("a"))
        engine.remove_camera(0)
    assert seen[0].new is SourceState.STARTING
    assert len(seen) >= 2
