"""A wrong object where a configuration is expected, and streams that are not there: errors of the one family."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.session.test_session import chain
from tests.core.world import World

from camcast import CameraConfig, Config, Engine, EngineThread, SessionConfig
from camcast.config import from_mapping
from camcast.errors import ConfigError, NotFound, OutOfRange

WRONG: list[tuple[Any, str]] = [
    (3, "3"),
    (0, "0"),
    ("system.json", "text"),
    ("", "empty text"),
    ({"cameras": []}, "an object"),
    ({}, "an object"),
    ([], "a list"),
    (SessionConfig(url="memory://a"), "a SessionConfig"),
    (CameraConfig, "a type"),
]


@pytest.mark.parametrize(("wrong", "got"), WRONG)
def test_an_engine_is_made_from_a_configuration(world: World, wrong: Any, got: str) -> None:
    for engine in (Engine, EngineThread):
        with pytest.raises(ConfigError, match=f"^expected a Config, got {got}; camcast.config.load reads a file"):
            engine(wrong, host=world.host)


@pytest.mark.parametrize(("wrong", "got"), [*WRONG, (None, "null")])
async def test_what_is_given_at_run_time_is_told_apart(world: World, wrong: Any, got: str) -> None:
    await world.start(chain("a"))
    engine = world.engine
    assert engine is not None
    with pytest.raises(ConfigError, match=f"^expected a Config, got {got}"):
        engine.plan(wrong)
    with pytest.raises(ConfigError, match=f"^expected a Config, got {got}"):
        await engine.reload(wrong)
    with pytest.raises(ConfigError, match=f"^expected a CameraConfig, got {got}"):
        await engine.add_camera(wrong)
    with pytest.raises(ConfigError, match=f"^expected a CameraConfig, got {got}"):
        engine.cameras.create(wrong)
    if not isinstance(wrong, SessionConfig):
        with pytest.raises(ConfigError, match=f"^expected a SessionConfig, got {got}"):
            await engine.create_session(wrong)
    assert (len(engine.cameras), len(engine.sessions)) == (1, 1)


def test_none_is_a_configuration_of_nothing(world: World) -> None:
    assert Engine(None, host=world.host).config == Engine(Config(), host=world.host).config


@pytest.mark.parametrize("wrong", [value for value, _ in WRONG if not isinstance(value, dict)])
def test_a_mapping_is_one(world: World, wrong: Any) -> None:
    with pytest.raises(ConfigError):
        from_mapping(wrong, world.host)


async def test_a_stream_that_is_not_there_is_told_with_those_that_are(world: World) -> None:
    await world.start(chain("a"))
    assert world.engine is not None
    camera = world.engine.cameras.require(0)
    with pytest.raises(NotFound, match=r"^camera 0 has no stream 9; known: 0$"):
        camera.request_keyframe(9)
    with pytest.raises(NotFound, match=r"^camera 0 has no stream 9; known: 0$"):
        camera.set_bitrate(9, 100)
    with pytest.raises(OutOfRange, match="at least 1"):
        camera.set_bitrate(0, 0)
