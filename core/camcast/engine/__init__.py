"""The engine: cameras and sessions put together and run."""

from camcast.camera.stats import Stats
from camcast.engine.engine import Engine
from camcast.engine.threads import EngineThread

__all__ = ["Engine", "EngineThread", "Stats"]
