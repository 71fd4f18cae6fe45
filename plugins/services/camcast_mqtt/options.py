"""Which broker, and under which names."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from camcast.config.secrets import is_url_reference
from camcast.errors import ConfigError, Issue, MissingDependency
from camcast.options import PositiveSeconds

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


@attrs.frozen(kw_only=True)
class MqttOptions:
    """Of the service."""

    url: str = "mqtt://127.0.0.1:1883"
    """The broker: mqtt://host:port, or mqtts:// with TLS."""
    username: str | None = attrs.field(default=None, repr=False)
    """Best as env: or file:."""
    password: str | None = attrs.field(default=None, repr=False)
    """Best as env: or file:."""
    ca_file: str | None = None
    """PEM file of the authorities that the broker's certificate is checked with, instead of the system's."""
    prefix: str = "camcast"
    """What all topics begin with; of two programs at one broker, each needs its own."""
    discovery: str | None = "homeassistant"
    """Prefix under which Home Assistant looks for devices; null: it is not told of any."""
    commands: bool = True
    """Whether the broker may pause, resume and retry outputs."""
    every: PositiveSeconds = 5.0
    """Time between two looks at the figures; changes of state are told at once."""

    def __attrs_post_init__(self) -> None:
        issues = []
        for name in ("prefix", "discovery"):
            value = getattr(self, name)
            if value is not None and not _TOPIC.fullmatch(value):
                issues.append(Issue(name, "expected letters, digits, - and _, with / between them"))
        if issues:
            raise ConfigError(issues)


def broker(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether it speaks TLS. Raises `ConfigError`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.path.strip("/") or parts.query:
        raise ConfigError([Issue("url", "expected a broker such as mqtt://host:1883 or mqtts://host")])
    if parts.username or parts.password:
        raise ConfigError([Issue("url", "must hold no password: give username and password by themselves")])
    return parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts"


def check(options: Mapping[str, Any]) -> None:
    """What can be told of the broker's address while it may be a reference. Raises `ConfigError`."""
    url = options.get("url")
    if isinstance(url, str) and not is_url_reference(url):
        broker(url)


def available() -> None:
    """Raises `MissingDependency`."""
    if importlib.util.find_spec("aiomqtt") is None:
        raise MissingDependency("MQTT needs aiomqtt: pip install 'camcast[mqtt]'")
