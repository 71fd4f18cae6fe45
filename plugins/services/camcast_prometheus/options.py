"""Where the figures are served, and to whom."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

import attrs

from camcast.errors import ConfigError, Issue, MissingDependency

PORT = 9464
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[0-9.]+|localhost):(?P<port>[0-9]{1,5})")


@attrs.frozen(kw_only=True)
class PrometheusOptions:
    """Of the service."""

    listen: str = f"127.0.0.1:{PORT}"
    """Address and port. Another address than this machine's own needs a token."""
    token: str | None = attrs.field(default=None, repr=False)
    """What a scraper must bring as `Authorization: Bearer …`; best as env: or file:."""
    hosts: list[str] = attrs.field(factory=list)
    """Names besides the address by which it may be asked, without a port: those in the scraper's configuration."""

    def __attrs_post_init__(self) -> None:
        split(self.listen)


def split(listen: str) -> tuple[str, int]:
    """Address and port. Raises `ConfigError`."""
    match = _LISTEN.fullmatch(listen)
    if match is None or not 0 <= int(match["port"]) <= 65535:
        raise ConfigError([Issue("listen", f'expected an address and a port such as "127.0.0.1:{PORT}"')])
    host = match["host"].strip("[]")
    return ("127.0.0.1" if host == "localhost" else host), int(match["port"])


def is_own(host: str) -> bool:
    """Whether only this machine reaches the address. Raises `ValueError` for what is none."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def check(options: Mapping[str, Any]) -> None:
    """Figures are nobody's business: who asks from elsewhere must say who he is."""
    listen = options.get("listen", f"127.0.0.1:{PORT}")
    if not isinstance(listen, str):
        return
    host, _ = split(listen)
    try:
        own = is_own(host)
    except ValueError:
        raise ConfigError([Issue("listen", f'expected an address and a port such as "127.0.0.1:{PORT}"')]) from None
    if not own and not options.get("token"):
        text = "others than this machine reach that address: give a token too, or listen at 127.0.0.1"
        raise ConfigError([Issue("listen", text)])


def available() -> None:
    """Raises `MissingDependency`."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise MissingDependency("figures for Prometheus need prometheus-client: pip install 'camcast[prometheus]'")
