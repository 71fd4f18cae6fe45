"""The configuration: models, loading, checking, writing, and its JSON Schema."""

from camcast.config.dump import dump, dumps
from camcast.config.load import ConfigFile, load, loads
from camcast.config.model import (
    CameraConfig,
    Config,
    EncoderConfig,
    PluginsConfig,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.config.schedule import Schedule, Window
from camcast.config.schema import json_schema
from camcast.config.service import ServiceConfig
from camcast.config.session import Adapt, Limit, RetryPolicy, SessionConfig
from camcast.config.shown import shown
from camcast.config.target import TargetConfig
from camcast.config.uplink import UplinkConfig
from camcast.config.walk import from_mapping

__all__ = [
    "Adapt",
    "CameraConfig",
    "Config",
    "ConfigFile",
    "EncoderConfig",
    "Limit",
    "PluginsConfig",
    "RetryPolicy",
    "Schedule",
    "ServiceConfig",
    "SessionConfig",
    "SlateConfig",
    "SourceConfig",
    "StreamConfig",
    "SystemConfig",
    "TargetConfig",
    "UplinkConfig",
    "Window",
    "dump",
    "dumps",
    "from_mapping",
    "json_schema",
    "load",
    "loads",
    "shown",
]
