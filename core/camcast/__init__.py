"""camcast pushes many cameras' live video to many servers and keeps it there.

The names below are the public ones; everything is loaded when first used, so that `import camcast` is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camcast.camera.instance import CameraInstance
    from camcast.camera.manager import CameraManager
    from camcast.config import (
        CameraConfig,
        Config,
        EncoderConfig,
        RetryPolicy,
        SessionConfig,
        SourceConfig,
        StreamConfig,
        SystemConfig,
        TargetConfig,
    )
    from camcast.engine import Engine, EngineThread, Stats
    from camcast.errors import CamcastError, ConfigError
    from camcast.hooks import hookimpl
    from camcast.host import PluginHost
    from camcast.session.connection import ConnectionManager
    from camcast.session.pool import SessionPool
    from camcast.session.session_manager import SessionManager
    from camcast.url_template import UrlTemplate

_HOMES = {
    "CamcastError": "camcast.errors",
    "CameraConfig": "camcast.config",
    "CameraInstance": "camcast.camera.instance",
    "CameraManager": "camcast.camera.manager",
    "Config": "camcast.config",
    "ConfigError": "camcast.errors",
    "ConnectionManager": "camcast.session.connection",
    "EncoderConfig": "camcast.config",
    "Engine": "camcast.engine",
    "EngineThread": "camcast.engine",
    "PluginHost": "camcast.host",
    "RetryPolicy": "camcast.config",
    "SessionConfig": "camcast.config",
    "SessionManager": "camcast.session.session_manager",
    "SessionPool": "camcast.session.pool",
    "SourceConfig": "camcast.config",
    "Stats": "camcast.engine",
    "StreamConfig": "camcast.config",
    "SystemConfig": "camcast.config",
    "TargetConfig": "camcast.config",
    "UrlTemplate": "camcast.url_template",
    "hookimpl": "camcast.hooks",
}

__all__ = [
    "CamcastError",
    "CameraConfig",
    "CameraInstance",
    "CameraManager",
    "Config",
    "ConfigError",
    "ConnectionManager",
    "EncoderConfig",
    "Engine",
    "EngineThread",
    "PluginHost",
    "RetryPolicy",
    "SessionConfig",
    "SessionManager",
    "SessionPool",
    "SourceConfig",
    "Stats",
    "StreamConfig",
    "SystemConfig",
    "TargetConfig",
    "UrlTemplate",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
