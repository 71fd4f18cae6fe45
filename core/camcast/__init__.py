"""camcast pushes many cameras' live video to many servers and keeps it there.

The names below are the public ones; everything is loaded when first used, so that `import camcast` is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from camcast.camera.handles import CameraHandle, StreamHandle
    from camcast.camera.instance import CameraInstance
    from camcast.camera.manager import CameraManager
    from camcast.camera.stats import Stats, StreamMetrics
    from camcast.config import (
        CameraConfig,
        Config,
        EncoderConfig,
        Limit,
        RetryPolicy,
        SessionConfig,
        SlateConfig,
        SourceConfig,
        StreamConfig,
        SystemConfig,
        TargetConfig,
    )
    from camcast.contracts import PushCounts, PushHandle
    from camcast.engine import Engine, EngineThread
    from camcast.errors import CamcastError, ConfigError, DeadlineError, NotFound, OutOfRange, WrongState
    from camcast.events import Event, SessionKey, SessionState, SourceState
    from camcast.hooks import hookimpl
    from camcast.host import PluginHost
    from camcast.session.connection import ConnectionManager
    from camcast.session.health import Health
    from camcast.session.metrics import SessionMetrics, Totals
    from camcast.session.pool import SessionPool
    from camcast.session.session_manager import MultiSessionManager, SessionHandle, SessionManager
    from camcast.url_template import UrlTemplate

_HOMES = {
    "CamcastError": "camcast.errors",
    "CameraConfig": "camcast.config",
    "CameraHandle": "camcast.camera.handles",
    "CameraInstance": "camcast.camera.instance",
    "CameraManager": "camcast.camera.manager",
    "Config": "camcast.config",
    "ConfigError": "camcast.errors",
    "ConnectionManager": "camcast.session.connection",
    "DeadlineError": "camcast.errors",
    "EncoderConfig": "camcast.config",
    "Engine": "camcast.engine",
    "EngineThread": "camcast.engine",
    "Event": "camcast.events",
    "Health": "camcast.session.health",
    "Limit": "camcast.config",
    "MultiSessionManager": "camcast.session.session_manager",
    "NotFound": "camcast.errors",
    "OutOfRange": "camcast.errors",
    "PluginHost": "camcast.host",
    "PushCounts": "camcast.contracts",
    "PushHandle": "camcast.contracts",
    "RetryPolicy": "camcast.config",
    "SessionConfig": "camcast.config",
    "SessionHandle": "camcast.session.session_manager",
    "SessionKey": "camcast.events",
    "SessionManager": "camcast.session.session_manager",
    "SessionMetrics": "camcast.session.metrics",
    "SessionPool": "camcast.session.pool",
    "SessionState": "camcast.events",
    "SlateConfig": "camcast.config",
    "SourceConfig": "camcast.config",
    "SourceState": "camcast.events",
    "Stats": "camcast.camera.stats",
    "StreamConfig": "camcast.config",
    "StreamHandle": "camcast.camera.handles",
    "StreamMetrics": "camcast.camera.stats",
    "SystemConfig": "camcast.config",
    "TargetConfig": "camcast.config",
    "Totals": "camcast.session.metrics",
    "UrlTemplate": "camcast.url_template",
    "WrongState": "camcast.errors",
    "hookimpl": "camcast.hooks",
}

__all__ = [
    "CamcastError",
    "CameraConfig",
    "CameraHandle",
    "CameraInstance",
    "CameraManager",
    "Config",
    "ConfigError",
    "ConnectionManager",
    "DeadlineError",
    "EncoderConfig",
    "Engine",
    "EngineThread",
    "Event",
    "Health",
    "Limit",
    "MultiSessionManager",
    "NotFound",
    "OutOfRange",
    "PluginHost",
    "PushCounts",
    "PushHandle",
    "RetryPolicy",
    "SessionConfig",
    "SessionHandle",
    "SessionKey",
    "SessionManager",
    "SessionMetrics",
    "SessionPool",
    "SessionState",
    "SlateConfig",
    "SourceConfig",
    "SourceState",
    "Stats",
    "StreamConfig",
    "StreamHandle",
    "StreamMetrics",
    "SystemConfig",
    "TargetConfig",
    "Totals",
    "UrlTemplate",
    "WrongState",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
