"""What the words of `camcast discover` mean, and what was found as entries of a configuration. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from camcast.discovery import DiscovererKind, FoundCamera
from camcast.errors import ConfigError, Issue

MOST = 1024
"""Addresses that are asked one by one."""
USER, PASSWORD = "env:CAMERA_USER", "env:CAMERA_PASSWORD"
"""Where a configuration looks for them unless told otherwise."""
_RANGE = re.compile(r"(\d+\.\d+\.\d+\.)(\d{1,3})-(\d{1,3})")


def expanded(words: Sequence[str]) -> tuple[str, ...]:
    """Single addresses and names for addresses, names, networks and ranges. Raises `ConfigError`."""
    found: dict[str, None] = {}
    for word in words:
        for one in _addresses(word):
            found[one] = None
            if len(found) > MOST:
                text = f"more than {MOST} addresses: name fewer, a smaller network (/24 has 254) or a range"
                raise ConfigError([Issue("ADDRESS", text)])
    return tuple(found)


def _addresses(word: str) -> Iterator[str]:
    if "://" in word or "@" in word:
        text = "expected an address, not a URL: 192.0.2.7, 192.0.2.0/24 or 192.0.2.10-40"
        raise ConfigError([Issue("ADDRESS", text)])
    if "/" in word:
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ConfigError(
                [Issue("ADDRESS", f'"{word[:64]}" is no network; expected one such as 192.0.2.0/24')]
            ) from None
        if network.num_addresses > 2 * MOST:
            text = f"{word} has {network.num_addresses} addresses, at most {MOST} are asked: name a smaller network"
            raise ConfigError([Issue("ADDRESS", text)])
        yield from map(str, network.hosts())
    elif match := _RANGE.fullmatch(word):
        first, last = int(match[2]), int(match[3])
        if not first <= last <= 255:
            raise ConfigError([Issue("ADDRESS", f"{word} is no range; expected one such as 192.0.2.10-40")])
        yield from (f"{match[1]}{number}" for number in range(first, last + 1))
    else:
        yield word


def choose(cameras: Sequence[FoundCamera], words: Sequence[str]) -> set[int]:
    """Which of the cameras are meant, counted from 0: by number, address, identity, or "all".

    Raises `ConfigError`, also where a word fits several: any device can call itself as another does.
    """
    chosen: set[int] = set()
    for word in words:
        meant = _meant(cameras, word.lower())
        if not meant:
            there = ", ".join(camera.host for camera in cameras)
            text = f'no camera "{word[:64]}" answered; expected all, or an address or UUID of those that did: {there}'
            raise ConfigError([Issue("--choose", text)])
        if len(meant) > 1 and word.lower() != "all":
            there = ", ".join(f"{index + 1} ({cameras[index].service})" for index in meant)
            text = f'"{word[:64]}" fits several that answered; choose by what stands in brackets: {there}'
            raise ConfigError([Issue("--choose", text)])
        chosen.update(meant)
    return chosen


def _meant(cameras: Sequence[FoundCamera], word: str) -> list[int]:
    if word == "all":
        return list(range(len(cameras)))
    if word in (numbers := [str(number) for number in range(1, len(cameras) + 1)]):
        return [numbers.index(word)]
    return [index for index, camera in enumerate(cameras) if word in _called(camera)]


def _called(camera: FoundCamera) -> set[str]:
    words = (camera.host, camera.service, camera.identity, camera.mac, _colons(camera.mac), camera.serial)
    return {word.lower() for word in words if word}


def _colons(mac: str) -> str:
    return ":".join(mac[index : index + 2] for index in range(0, len(mac), 2))


def named(camera: FoundCamera) -> str:
    """What people call it."""
    return camera.name or camera.model or "-"


def entries(
    found: Sequence[tuple[DiscovererKind, FoundCamera]], user: str = "", password: str = ""
) -> list[dict[str, Any]]:
    """`cameras` of a configuration, without outputs. `user` and `password`: references to where they are."""
    return [
        {
            "camera_id": number,
            "name": named(camera).replace("://", " "),
            "streams": [
                {"name": stream.name, "source": source(kind, stream.url, user or USER, password or PASSWORD)}
                for stream in camera.streams
            ],
        }
        for number, (kind, camera) in enumerate(found)
    ]


def source(kind: DiscovererKind, url: str, user: str, password: str) -> Mapping[str, Any]:
    """A stream's source."""
    return {"type": kind.source, "url": url, "options": dict(kind.credentials(user, password))}
