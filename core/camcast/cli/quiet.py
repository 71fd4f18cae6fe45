"""A configuration as it is tried out beside what runs: nobody is told of it, and no port is taken."""

from __future__ import annotations

import attrs

from camcast.config import Config


def quiet(config: Config) -> Config:
    """The same without services, and in this process alone."""
    return attrs.evolve(config, services=(), system=attrs.evolve(config.system, workers=1))
