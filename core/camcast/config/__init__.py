"""The configuration: models, loading, checking, writing, JSON Schema and the old files."""

from camcast.config.model import (
    CameraConfig,
    Config,
    EncoderConfig,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.config.session import Limit, RetryPolicy, SessionConfig, TargetConfig

__all__ = [
    "CameraConfig",
    "Config",
    "EncoderConfig",
    "Limit",
    "RetryPolicy",
    "SessionConfig",
    "SlateConfig",
    "SourceConfig",
    "StreamConfig",
    "SystemConfig",
    "TargetConfig",
]
