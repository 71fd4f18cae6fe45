"""A configuration as it is tried out beside what runs: nobody is told of it, and no port is taken."""

from __future__ import annotations

import attrs

from camcast.config import Config, StreamConfig
from camcast.config.session import ALWAYS_ON


def quiet(config: Config) -> Config:
    """The same without services, and in this process alone."""
    return attrs.evolve(config, services=(), system=attrs.evolve(config.system, workers=1))


def always_on(config: Config) -> Config:
    """The same without schedules: what is tried out now is published now."""

    def stream(one: StreamConfig) -> StreamConfig:
        return attrs.evolve(one, sessions=tuple(each.evolve(schedule=ALWAYS_ON) for each in one.sessions))

    cameras = (attrs.evolve(one, streams=tuple(map(stream, one.streams))) for one in config.cameras)
    return attrs.evolve(config, cameras=tuple(cameras))
